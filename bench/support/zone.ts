/**
 * A core with a router between an inside segment of 64 hosts at four ports and an outside
 * one, which masquerades; and established TCP connections through it.
 */
import {
  BATCH_PACKETS,
  CoreCounter,
  Drop,
  FdbKind,
  HEADROOM_BYTES,
  PortOption,
  Region,
  RX_BYTES,
  Rx,
  Status,
  TX_BYTES,
  Tx,
} from '../../assembly/abi.js';
import {
  FlowProfile,
  FlowTimer,
  InterfaceOption,
  RouteKind,
  ZoneCounter,
  ZoneOption,
} from '../../assembly/zone-abi.js';
import type { Core, Sizes } from '../../src/core.js';
import { parseRules } from '../../src/rules/apply.js';
import { compileRules } from '../../src/rules/compile.js';
import { NS_PER_SEC, measurePrepared } from './measure.js';
import { writeIpv4 } from './overlay.js';
import { FRAME_BYTES, makeCore, nowMs } from './receive.js';
import { burstPort } from './stations.js';
import { medianOf } from './workload.js';

export const INSIDE_PORTS = 4;
export const OUTSIDE_PORT = 4;
const ROUTER_PORTS = [8, 9] as const;
export const HOSTS = 64;
/** Destinations: enough for a million connections of one outside address. */
const SERVERS = 64;
const INSIDE_NET = 0x0a000000;
export const SERVER_NET = 0x5db80000;
export const INSIDE_MAC = 0x02420a000001n;
export const OUTSIDE_MAC = 0x0242cb007101n;
export const GATEWAY_MAC = 0x02ee00000001n;
const SLOT_BYTES = 192;
const TCP = 6;
const FIRST_PORT = 1024;
/** Of flows without an answer, and when a sweep has been everywhere (node/flows.ts). */
const FLOW_LIFE_MS = 1000;
const SWEEP_MS = 10000;
export const ACK = 0x10;
export const SYN = 0x02;

export const MASQUERADE = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
`;

/** The router, and rules for it. */
export function makeRouter(flows: number, rules: string, sizes: Partial<Sizes> = {}): Core {
  const core = makeCore(INSIDE_PORTS, {
    FdbEntries: 1024,
    FloodTargets: 32,
    Zones: 1,
    Interfaces: 2,
    Routes: 16,
    Adjacencies: 1024,
    Flows: flows,
    RuleBytes: 1 << 24,
    Rules: 16384,
    Paths: 4096,
    ...sizes,
  });
  core.configureSegment(0, 1, 1);
  core.configureSegment(1, 1, 2);
  core.configurePort(OUTSIDE_PORT, PortOption.Up, true);
  core.configurePort(OUTSIDE_PORT, PortOption.Segment, 2);
  core.zones.configure(0, ZoneOption.Use, 1);
  makeInterface(core, 0, INSIDE_MAC, [10, 0, 0, 1], 16);
  makeInterface(core, 1, OUTSIDE_MAC, [203, 0, 113, 1], 24);
  const gateway = Uint8Array.of(203, 0, 113, 254);
  const all = { ip: new Uint8Array(4), bits: 0 };
  core.zones.insertRoute({ zone: 0, to: all, kind: RouteKind.Via, iface: 1, gateway });
  for (let host = 0; host < HOSTS; host++) {
    place(core, hostMac(host), 1, host % INSIDE_PORTS);
    expectOk(core.zones.setNeighbour(0, ipBytes(hostIp(host)), hostMac(host)));
  }
  place(core, GATEWAY_MAC, 2, OUTSIDE_PORT);
  expectOk(core.zones.setNeighbour(1, gateway, GATEWAY_MAC));
  useRules(core, rules);
  return core;
}

export function useRules(core: Core, text: string): void {
  const set = parseRules({ text, family: 'ipv4', file: 'bench' });
  const interfaces = new Map([
    ['docker0', 1],
    ['eth0', 2],
  ]);
  const { program } = compileRules([{ zone: 0, sets: [set], interfaces, path: 'bench' }]);
  expectOk(core.zones.useRules(program));
}

function expectOk(status: Status): void {
  if (status !== Status.Ok) throw new Error(`bench: ${Status[status]}`);
}

function makeInterface(core: Core, index: number, mac: bigint, ip: number[], bits: number): void {
  const port = ROUTER_PORTS[index]!;
  core.configurePort(port, PortOption.Up, true);
  core.configurePort(port, PortOption.Segment, index + 1);
  core.configurePort(port, PortOption.Flood, false);
  core.zones.configureInterface(index, InterfaceOption.Zone, 1);
  core.zones.setMac(index, mac);
  core.zones.configureInterface(index, InterfaceOption.Port, port + 1);
  const address = { ip: Uint8Array.from(ip), bits };
  expectOk(core.zones.setAddress(index, address));
  const to = { ip: address.ip.map((byte, i) => (i * 8 < bits ? byte : 0)), bits };
  expectOk(core.zones.insertRoute({ zone: 0, to, kind: RouteKind.Link, iface: index }));
}

function place(core: Core, mac: bigint, domain: number, port: number): void {
  expectOk(core.fdbInsert({ mac, domain, port, kind: FdbKind.Static }));
}

export function hostMac(host: number): bigint {
  return 0x02aa00000000n | BigInt(host);
}

export function hostIp(host: number): number {
  return INSIDE_NET + 256 + host;
}

function ipBytes(ip: number): Uint8Array {
  return Uint8Array.of(ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255);
}

/** Connection `flow`: each host has as many, to each server and from port after port. */
export function flowFrame(flow: number, flags: number): Buffer {
  const host = flow % HOSTS;
  const rest = Math.floor(flow / HOSTS);
  const server = rest % SERVERS;
  const port = FIRST_PORT + Math.floor(rest / SERVERS) * HOSTS + host;
  const from = [hostIp(host), port] as const;
  return tcpFrame(INSIDE_MAC, hostMac(host), from, [SERVER_NET + server, 80], flags);
}

/** A segment of 64 bytes: a SYN, its answer, or what follows. */
export function tcpFrame(
  to: bigint,
  from: bigint,
  [source, sourcePort]: readonly [ip: number, port: number],
  [destination, destinationPort]: readonly [ip: number, port: number],
  flags: number,
): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.writeUIntBE(Number(to), 0, 6);
  frame.writeUIntBE(Number(from), 6, 6);
  frame.writeUInt16BE(0x0800, 12);
  writeIpv4(frame, 14, FRAME_BYTES - 14, source, destination);
  frame.writeUInt8(TCP, 23);
  fixProtocol(frame);
  frame.writeUInt16BE(sourcePort, 34);
  frame.writeUInt16BE(destinationPort, 36);
  const isAnswer = flags === (SYN | ACK);
  frame.writeUInt32BE(isAnswer ? 2000 : 1000 + Number(flags !== SYN), 38);
  frame.writeUInt32BE(isAnswer ? 1001 : flags === SYN ? 0 : 2001, 42);
  frame.writeUInt8(0x50, 46);
  frame.writeUInt8(flags, 47);
  return frame;
}

/** writeIpv4 makes UDP of everything. */
function fixProtocol(frame: Buffer): void {
  frame.writeUInt16BE(0, 24);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += frame.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  frame.writeUInt16BE(~sum & 0xffff, 24);
}

/** The port a flow's host is behind. */
export function portOfFlow(flow: number): number {
  return hostPort(flow % HOSTS);
}

export function hostPort(host: number): number {
  return host % INSIDE_PORTS;
}

/** A SYN of UDP's kind: the first packet of a flow, 64 bytes. */
export function udpFrame(
  to: bigint,
  from: bigint,
  [source, sourcePort]: readonly [ip: number, port: number],
  [destination, destinationPort]: readonly [ip: number, port: number],
): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.writeUIntBE(Number(to), 0, 6);
  frame.writeUIntBE(Number(from), 6, 6);
  frame.writeUInt16BE(0x0800, 12);
  writeIpv4(frame, 14, FRAME_BYTES - 14, source, destination);
  frame.writeUInt16BE(sourcePort, 34);
  frame.writeUInt16BE(destinationPort, 36);
  frame.writeUInt16BE(FRAME_BYTES - 34, 38);
  return frame;
}

/** Frames of first packets of UDP flows, batch by batch. */
export class FirstPackets {
  private readonly batches: { port: number; frame: Buffer }[][];
  private clockMs: number;

  constructor(
    readonly core: Core,
    frames: readonly { port: number; frame: Buffer }[],
  ) {
    this.batches = [];
    this.clockMs = core.nowMs;
    core.zones.setTimer(FlowProfile.Linux, FlowTimer.Udp, FLOW_LIFE_MS);
    for (let i = 0; i < frames.length; i += BATCH_PACKETS) {
      this.batches.push(frames.slice(i, i + BATCH_PACKETS));
    }
  }

  /** Lets the flows that these packets have begun die of age, and their places be swept. */
  forget(): void {
    this.clockMs += SWEEP_MS;
    this.core.housekeep(this.clockMs, 0);
  }

  /** Writes the frames over each other. */
  refresh(): void {
    for (const batch of this.batches) write(this.core, batch);
  }

  work(): void {
    for (const batch of this.batches) {
      write(this.core, batch);
      this.core.process(batch.length, this.clockMs);
    }
  }

  /** Nanoseconds of each packet, without those of writing its frame. */
  figures(): number[] {
    const perPacket = (seconds: number): number => (seconds * NS_PER_SEC) / this.packets;
    const alone = medianOf(
      measurePrepared(
        () => undefined,
        () => this.refresh(),
      ),
    );
    const both = measurePrepared(
      () => this.forget(),
      () => this.work(),
    );
    return both.map(seconds => perPacket(seconds - alone));
  }

  get packets(): number {
    return this.batches.reduce((sum, batch) => sum + batch.length, 0);
  }

  /** Every frame begins a flow, and leaves. */
  expectNew(): void {
    const before = this.core.zones.counter(0, ZoneCounter.NewFlows);
    const sent = this.core.coreCounter(CoreCounter.Sent);
    this.work();
    const frames = this.packets;
    const made = Number(this.core.zones.counter(0, ZoneCounter.NewFlows) - before);
    const left = Number(this.core.coreCounter(CoreCounter.Sent) - sent);
    if (made === frames && left === frames) return;
    const drops = [...this.core.dropTotals()].map(([reason, count]) => `${Drop[reason]} ${count}`);
    throw new Error(`expected ${frames} flows, got ${made}; sent ${left}; ${drops.join(', ')}`);
  }
}

/** Opens connections 0 to `flows` - 1: SYN, the answer, its acknowledgment. */
export function establish(core: Core, flows: number): void {
  for (let first = 0; first < flows; first += BATCH_PACKETS) {
    const count = Math.min(BATCH_PACKETS, flows - first);
    const numbers = Array.from({ length: count }, (_, i) => first + i);
    put(
      core,
      numbers.map(flow => ({ port: portOfFlow(flow), frame: flowFrame(flow, SYN) })),
    );
    const answers = sentFrames(core, count).map(frame => ({
      port: OUTSIDE_PORT,
      frame: answer(frame),
    }));
    put(core, answers);
    sentFrames(core, count);
    put(
      core,
      numbers.map(flow => ({ port: portOfFlow(flow), frame: flowFrame(flow, ACK) })),
    );
    sentFrames(core, count);
  }
}

/** One batch, at a time of its own or now. */
export function put(
  core: Core,
  inputs: readonly { port: number; frame: Uint8Array }[],
  atMs = nowMs(),
): void {
  write(core, inputs);
  core.process(inputs.length, atMs);
}

function write(core: Core, inputs: readonly { port: number; frame: Uint8Array }[]): void {
  inputs.forEach(({ port, frame }, slot) => {
    const data = core.region(Region.Arena) + slot * SLOT_BYTES + HEADROOM_BYTES;
    core.bytes.set(frame, data);
    const rx = core.region(Region.Rx) + slot * RX_BYTES;
    core.view.setUint32(rx + Rx.Data, data, true);
    core.view.setUint32(rx + Rx.Length, frame.length, true);
    core.view.setUint16(rx + Rx.Port, port, true);
    core.view.setUint16(rx + Rx.Flags, 0, true);
  });
}

/** Frames of the last batch, all of which must have been sent. */
export function sentFrames(core: Core, count: number): Buffer[] {
  if (core.sentCount !== count) {
    const drops = JSON.stringify([...core.dropTotals()].map(([k, v]) => [k, Number(v)]));
    throw new Error(
      `expected ${count} frames sent, got ${core.sentCount}; ${drops}; ${core.coreCounter(CoreCounter.Consumed)}`,
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const at = core.region(Region.Tx) + i * TX_BYTES;
    const data = core.view.getUint32(at + Tx.Data, true);
    return Buffer.from(core.bytes.slice(data, data + core.view.getUint32(at + Tx.Length, true)));
  });
}

/** A packet back, from where this one went. */
export function udpAnswer(frame: Buffer): Buffer {
  const end = (ip: number, port: number): readonly [number, number] => [
    frame.readUInt32BE(ip),
    frame.readUInt16BE(port),
  ];
  return udpFrame(OUTSIDE_MAC, GATEWAY_MAC, end(30, 36), end(26, 34));
}

/** SYN and acknowledgment, from where the SYN went. */
function answer(syn: Buffer): Buffer {
  const from = [syn.readUInt32BE(30), syn.readUInt16BE(36)] as const;
  const to = [syn.readUInt32BE(26), syn.readUInt16BE(34)] as const;
  return tcpFrame(OUTSIDE_MAC, GATEWAY_MAC, from, to, SYN | ACK);
}

export function slotPort(slot: number): number {
  return burstPort(slot, INSIDE_PORTS);
}
