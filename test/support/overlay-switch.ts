/**
 * A test switch with overlays as a YAML file describes them, its ports by their names. The
 * underlay is a memory port: whole Ethernet frames, its own ARP and neighbour discovery.
 *
 * Everything that any switch of a test file sends is kept: `expectAllClean` at its end asks
 * tshark about all of it at once.
 */
import * as assert from 'uvu/assert';
import type { Drop } from '../../assembly/abi.js';
import { type Build, Core } from '../../src/core.js';
import { applyPlan } from '../../src/config/apply.js';
import { parseConfig } from '../../src/config/load.js';
import { type Plan, planOf } from '../../src/config/plan.js';
import { formatIp, parseIp } from '../../src/frame/address.js';
import { Frame, eth, hex } from './frame.js';
import { advertisement, reply } from './neighbour.js';
import { type Outer, openTunnel } from './outer.js';
import { type CheckOptions, expectClean } from './tshark.js';
import { type Input, TestSwitch } from './test-switch.js';

export const OURS = '10.9.0.1';
export const OURS_6 = 'fd09::1';
export const OUR_MAC = '02:42:0a:09:00:01';
export const PEER = '10.9.0.2';
export const PEER_2 = '10.9.0.3';
export const PEER_6 = 'fd09::2';
export const STRANGER = '10.9.0.77';
export const VNI = 42;
/** A station behind PEER, and one behind PEER_6, as configured. */
export const REMOTE = '02:00:00:00:00:20';
export const REMOTE_6 = '02:00:00:00:00:26';
/** A station at port p1, once it has spoken: see `withHost`. */
export const LOCAL = '02:00:00:00:00:01';
/** The names in `overlayYaml`. */
export const UNDERLAY = 'u0';
export const TUNNEL = 'vx-00002a';
const SEED = 1n;

export interface NamedSent {
  port: string;
  bytes: Uint8Array;
}
export interface NamedOutcome {
  sent: NamedSent[];
  dropped: { port: string; reason: keyof typeof Drop }[];
}
export interface OverlaySwitchOptions {
  build?: Build;
  /** False: what it sends may be faulty, for it was sent faulty frames. */
  isClean?: boolean;
  /** Whether the next hops are found before anything else. Default: true. */
  isConnected?: boolean;
}
export type NamedInput = Omit<Input, 'port'> & { port: string };

const allSent: Uint8Array[] = [];

/** Asks tshark about every frame that the switches of this file sent. */
export function expectAllClean(options: CheckOptions = {}): void {
  assert.ok(allSent.length > 0, 'nothing was sent');
  expectClean(allSent, options);
}

/** The MAC address that an underlay host of these tests has. */
export function hostMac(ip: string): string {
  const digits = [...parseIp(ip)!.slice(-4)].map(byte => byte.toString(16).padStart(2, '0'));
  return ['02', '99', ...digits].join(':');
}

export class OverlaySwitch {
  private constructor(
    readonly bridge: TestSwitch,
    readonly plan: Plan,
    private readonly isClean: boolean,
  ) {}

  static create(yaml: string, options: OverlaySwitchOptions = {}): OverlaySwitch {
    const plan = planOf(parseConfig(yaml, 'test.yaml'));
    const core = Core.create(plan.capacities, plan.seed ?? SEED, options.build ?? 'test');
    const bridge = new TestSwitch(core, plan.capacities);
    applyPlan(core, plan);
    for (const { tunnelPort } of plan.overlays) bridge.tunnelPorts.add(tunnelPort);
    const made = new OverlaySwitch(bridge, plan, options.isClean ?? true);
    if (options.isConnected ?? true) made.connect();
    return made;
  }

  get core(): Core {
    return this.bridge.core;
  }

  index(name: string): number {
    const port = this.plan.ports.find(port => port.name === name);
    if (port === undefined) throw new Error(`test: no port ${name}`);
    return port.index;
  }

  inject(port: string, frame: Frame | Uint8Array, more: Partial<NamedInput> = {}): NamedOutcome {
    return this.batch([{ port, frame, ...more }]);
  }

  batch(inputs: NamedInput[]): NamedOutcome {
    const numbered = inputs.map(input => ({ ...input, port: this.index(input.port) }));
    const { sent, dropped } = this.bridge.batch(numbered);
    const named = <T extends { port: number }>(list: T[]): (T & { port: string })[] =>
      list.map(one => ({ ...one, port: this.nameOf(one.port) }) as T & { port: string });
    // What asks a device to finish it is not yet what goes over the wire.
    const finished = sent.filter(({ virtio }) => virtio === undefined);
    if (this.isClean) allSent.push(...finished.map(({ bytes }) => bytes));
    return { sent: named(sent), dropped: named(dropped) };
  }

  private nameOf(index: number): string {
    return this.plan.ports.find(port => port.index === index)?.name ?? `port ${index}`;
  }

  /** Time goes by; what is sent meanwhile. */
  wait(ms: number): NamedOutcome {
    this.bridge.nowMs += ms;
    return this.batch([]);
  }

  /** Answers ARP requests and neighbour solicitations on the underlay until none come. */
  connect(isThere: (ip: string) => boolean = () => true): void {
    for (let asked = this.wait(0).sent; asked.length > 0; asked = this.wait(0).sent) {
      const answers = asked.flatMap(({ port, bytes }): NamedInput[] => {
        const frame = answerTo(bytes, isThere);
        return frame === undefined ? [] : [{ port, frame }];
      });
      if (answers.length > 0) this.batch(answers);
    }
  }
}

/** What the host that an ARP request or neighbour solicitation asks for says to it. */
function answerTo(bytes: Uint8Array, isThere: (ip: string) => boolean): Frame | undefined {
  const frame = Buffer.from(bytes);
  const asker = Array.from(bytes.subarray(6, 12), b => b.toString(16).padStart(2, '0')).join(':');
  const isArp = frame.readUInt16BE(12) === 0x0806;
  const target = formatIp(isArp ? bytes.subarray(38, 42) : bytes.subarray(62, 78));
  if (!isThere(target)) return undefined;
  const source = formatIp(isArp ? bytes.subarray(28, 32) : bytes.subarray(22, 38));
  if (isArp) return reply(hostMac(target), target, asker, source);
  return advertisement(hostMac(target), target, [asker, source]);
}

/** Sizes of a switch that is made for one test. */
export const SMALL = `
capacities: { ports: 32, segments: 16, vlanSegments: 0, domains: 64, fdbEntries: 1024, evictEntries: 0 }`;

export interface YamlParts {
  /** Keys of the overlay, over those that are always there. */
  overlay?: string;
  /** Peers of the overlay. */
  peers?: readonly string[];
  /** More keys of the underlay. */
  underlay?: string;
  /** More entries, and whole sections. */
  fdb?: readonly string[];
  neighbours?: readonly string[];
  ports?: readonly string[];
  segments?: readonly string[];
  /** Of the first segment. */
  segment?: string;
}

/** Ports p1 and p2 in segment web, which is VNI 42; REMOTE and REMOTE_6 are at their peers. */
export function overlayYaml(parts: YamlParts = {}): string {
  const list = (items: readonly string[] = []): string => `[${items.join(', ')}]`;
  const all = parts.peers ?? [PEER, PEER_2, PEER_6];
  const known = [
    [REMOTE, PEER],
    [REMOTE_6, PEER_6],
  ]
    .filter(([, dst]) => all.includes(dst!))
    .map(([mac, dst]) => `{ mac: '${mac}', dst: '${dst}' }`);
  const fdb = [...known, ...(parts.fdb ?? [])];
  const peers = all.map(ip => `'${ip}'`);
  const overlay = `vni: ${VNI}, underlay: fabric, peers: ${list(peers)}`;
  const lines = (items: readonly string[] = []): string =>
    items.map(item => `  ${item}\n`).join('');
  return `${SMALL}
ports:
  p1: { kind: memory, segment: web }
  p2: { kind: memory, segment: web }
  ${UNDERLAY}: { kind: memory }
${lines(parts.ports)}underlays:
  fabric:
    port: ${UNDERLAY}
    addresses: [${OURS}/24, '${OURS_6}/64']
${lines((parts.underlay ?? '').split('\n').map(line => `  ${line}`))}segments:
  web:
    overlay: { ${overlay}${parts.overlay === undefined ? '' : `, ${parts.overlay}`} }
    fdb: ${list(fdb)}
    neighbours: ${list(parts.neighbours)}
${lines((parts.segment ?? '').split('\n').map(line => `  ${line}`))}${lines(parts.segments)}`;
}

/** A switch that has heard LOCAL on port p1. */
export function withHost(yaml = overlayYaml(), options: OverlaySwitchOptions = {}): OverlaySwitch {
  const to = OverlaySwitch.create(yaml, options);
  to.inject('p1', eth(LOCAL, LOCAL));
  return to;
}

/** The configured station behind a peer. */
export function stationAt(peer: string): string {
  return peer === PEER_6 ? REMOTE_6 : REMOTE;
}

export interface Route {
  from?: string;
  to?: string;
  sourcePort?: number;
  udpPort?: number;
  ttl?: number;
  tos?: number;
  isDf?: boolean;
}

/** Outer headers of a datagram from a peer to us; UDP without a tunnel header yet. */
export function toUs(route: Route = {}): Frame {
  const { from = PEER, sourcePort = 50000, udpPort = 4789, ttl, tos, isDf } = route;
  const isIpv6 = from.includes(':');
  const to = route.to ?? (isIpv6 ? OURS_6 : OURS);
  const outer = eth(hostMac(from), OUR_MAC);
  const ip = { ...(ttl !== undefined && { ttl }), ...(tos !== undefined && { tos }) };
  if (isIpv6) outer.ipv6(from, to, ip);
  else outer.ipv4(from, to, { ...ip, ...(isDf !== undefined && { isDf }) });
  return outer.udp(sourcePort, udpPort);
}

/** `inner` from a peer, in VXLAN of our VNI. */
export function vxlanToUs(inner: Frame | Uint8Array, route: Route & { vni?: number } = {}): Frame {
  return toUs(route)
    .vxlan(route.vni ?? VNI)
    .frame(inner);
}

/** The one frame left, by the underlay, and what it is. */
export function sentTunnel(outcome: NamedOutcome, encapsulation = 'vxlan'): Outer {
  assert.equal(outcome.dropped, []);
  assert.equal(
    outcome.sent.map(({ port }) => port),
    [UNDERLAY],
  );
  return openTunnel(outcome.sent[0]!.bytes, encapsulation);
}

/** Nothing but this left: port and frame, in order. */
export function expectOut(outcome: NamedOutcome, ports: string[], frame: Frame | Uint8Array): void {
  const bytes = hex(frame instanceof Frame ? frame.bytes() : frame);
  assert.equal(
    outcome.sent.map(({ port, bytes }) => ({ port, bytes: hex(bytes) })),
    ports.map(port => ({ port, bytes })),
  );
  assert.equal(outcome.dropped, []);
}

/** Nothing left; the one fate is this drop, and this port gets the blame. */
export function expectDrop(
  outcome: NamedOutcome,
  reason: keyof typeof Drop,
  port: string = UNDERLAY,
): void {
  assert.equal(outcome.sent, []);
  assert.equal(
    outcome.dropped.map(({ port, reason }) => ({ port, reason })),
    [{ port, reason }],
  );
}
