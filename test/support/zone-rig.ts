/**
 * A zone between segments, driven frame by frame (test-switch.ts): by default a router with
 * 10.0.1.1 inside, at port 1, and 203.0.113.1 outside, at port 2, as in conformance §A4.
 * Neighbours answer when `settle` is called, so that packets find them known.
 */
import * as assert from 'uvu/assert';
import { RouteKind, InterfaceOption, ZoneOption } from '../../assembly/zone-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { compileRules, type CompiledRules } from '../../src/rules/compile.js';
import { parseRules } from '../../src/rules/apply.js';
import { Core, type Build, type Sizes } from '../../src/core.js';
import { type Frame, macNumber } from './frame.js';
import { reply, request } from './neighbour.js';
import { TestSwitch, type Outcome } from './test-switch.js';

/** Ports of router interfaces. */
const ROUTER_PORTS = 8;
export const INSIDE = { port: 1, segment: 0, mac: '02:42:0a:00:01:01', address: '10.0.1.1/24' };
export const OUTSIDE = { port: 2, segment: 1, mac: '02:42:cb:00:71:01', address: '203.0.113.1/24' };

/** Reasons that only zones have: test/zone/drops.test.ts. */
export const ZONE_DROPS = [
  'NotIp',
  'IpMalformed',
  'IpChecksum',
  'HeaderChain',
  'Martian',
  'ReversePath',
  'Invalid',
  'OutOfWindow',
  'RuleDrop',
  'RuleReject',
  'NoRoute',
  'NotForwarded',
  'TtlExceeded',
  'NeighbourMalformed',
  'NeighbourFailed',
  'NeighbourQueueFull',
  'FlowsFull',
  'PortsExhausted',
  'Untranslatable',
  'TooManyZones',
  'NoBackend',
] as const;
export type ZoneDrop = (typeof ZONE_DROPS)[number];

export const HOST = '02:00:00:00:00:02';
export const SERVER = '02:00:00:00:00:03';
export const GATEWAY = '02:00:00:00:00:fe';
export const HOST_IP = '10.0.1.2';
export const SERVER_IP = '203.0.113.2';

/** The nat table with these rules in POSTROUTING. */
export function natRules(...postrouting: string[]): string {
  return saveText('nat', postrouting);
}

/** A table whose built-in chains accept, and rules for it. */
export function saveText(table: keyof typeof CHAINS, rules: readonly string[]): string {
  const chains = CHAINS[table].map(chain => `:${chain} ACCEPT [0:0]`);
  return [`*${table}`, ...chains, ...rules, 'COMMIT', ''].join('\n');
}

const CHAINS = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

export const MASQUERADE = natRules('-A POSTROUTING -s 10.0.1.0/24 -o out -j MASQUERADE');

export const ZONE_SIZES = {
  Zones: 4,
  Interfaces: 8,
  Routes: 64,
  Adjacencies: 64,
  Flows: 1024,
  RuleBytes: 1 << 16,
  Rules: 1024,
  Paths: 256,
  Services: 16,
  ServiceKeys: 64,
  Backends: 256,
  Shares: 256,
  BalanceBytes: 1 << 20,
} as const;

export interface RigOptions {
  build?: Build;
  seed?: bigint;
  sizes?: Partial<Sizes>;
  /** Text of iptables-save. */
  rules?: string;
}

export class ZoneRig {
  private ifaces = 0;
  private readonly names = new Map<string, number>();
  compiled: CompiledRules | undefined;

  private constructor(readonly bridge: TestSwitch) {}

  /** A zone without interfaces. */
  static bare({ build = 'test', seed = 1n, sizes = {} }: RigOptions = {}): ZoneRig {
    const capacities = { ...ZONE_SIZES, Ports: 32, ...sizes };
    const bridge = TestSwitch.create({ ports: 0, segments: 4, seed, build, capacities });
    const rig = new ZoneRig(bridge);
    rig.core.zones.configure(0, ZoneOption.Use, 1);
    return rig;
  }

  /** The router of conformance §A4, with a default route outside by 203.0.113.254. */
  static router(options: RigOptions = {}): ZoneRig {
    const rig = ZoneRig.bare(options);
    rig.interface('in', INSIDE).interface('out', OUTSIDE);
    rig.route('0.0.0.0/0', { by: 'out', gateway: '203.0.113.254' });
    if (options.rules !== undefined) rig.rules(options.rules);
    return rig;
  }

  /** The router, whose neighbours are known: HOST inside, SERVER and the gateway outside. */
  static settled(options: RigOptions = {}): ZoneRig {
    return ZoneRig.router(options)
      .settle(1, HOST, HOST_IP)
      .settle(2, SERVER, SERVER_IP)
      .settle(2, GATEWAY, '203.0.113.254');
  }

  get core(): Core {
    return this.bridge.core;
  }

  /** A router interface in a segment, which has port `port`. */
  interface(
    name: string,
    at: { port: number; segment: number; mac: string; address: string; zone?: number },
  ): this {
    const index = this.ifaces++;
    const routerPort = this.bridge.portRows - 2 - index;
    assert.ok(index < ROUTER_PORTS);
    this.bridge.port(at.port, { Segment: at.segment + 1, Up: 1 });
    this.bridge.port(routerPort, { Segment: at.segment + 1, Learning: 0, Flood: 0, Up: 1 });
    const { zones } = this.core;
    zones.configureInterface(index, InterfaceOption.Zone, (at.zone ?? 0) + 1);
    zones.setMac(index, macNumber(at.mac));
    zones.configureInterface(index, InterfaceOption.Port, routerPort + 1);
    this.names.set(name, index);
    return this.address(name, at.address, at.zone);
  }

  /** An address, and the route to its subnet. */
  address(name: string, text: string, zone = 0): this {
    const prefix = prefixOf(text);
    const iface = this.indexOf(name);
    assert.is(this.core.zones.setAddress(iface, prefix), 0);
    const to = { ip: masked(prefix.ip, prefix.bits), bits: prefix.bits };
    assert.is(this.core.zones.insertRoute({ zone, to, kind: RouteKind.Link, iface }), 0);
    return this;
  }

  route(
    to: string,
    {
      by,
      gateway,
      kind,
      zone = 0,
    }: { by?: string; gateway?: string; kind?: RouteKind; zone?: number },
  ): this {
    const status = this.core.zones.insertRoute({
      zone,
      to: prefixOf(to),
      kind: kind ?? (gateway === undefined ? RouteKind.Link : RouteKind.Via),
      iface: by === undefined ? 0 : this.indexOf(by),
      ...(gateway !== undefined && { gateway: parseIp(gateway)! }),
    });
    assert.is(status, 0);
    return this;
  }

  indexOf(name: string): number {
    const index = this.names.get(name);
    if (index === undefined) throw new Error(`rig: no interface ${name}`);
    return index;
  }

  /** Takes a text of iptables-save into use. */
  rules(text: string, zone = 0, family: 'ipv4' | 'ipv6' = 'ipv4'): this {
    const set = parseRules({ text, family, file: `rules.${family.slice(2)}` });
    const interfaces = new Map([...this.names].map(([name, index]) => [name, index + 1]));
    this.compiled = compileRules([{ zone, sets: [set], interfaces, path: 'zones.test' }]);
    assert.is(this.core.zones.useRules(this.compiled.program), 0);
    return this;
  }

  /** A station says where it is: FDB and neighbour know it afterwards. */
  settle(port: number, mac: string, ip: string, at = port === 1 ? INSIDE : OUTSIDE): this {
    const routerIp = at.address.slice(0, at.address.indexOf('/'));
    this.bridge.inject(port, request(mac, ip, routerIp));
    this.bridge.inject(port, reply(mac, ip, at.mac, routerIp));
    return this;
  }

  /** One frame in; frames out by port. */
  send(port: number, frame: Frame | Uint8Array): Outcome {
    return this.bridge.inject(port, frame);
  }
}

function prefixOf(text: string): { ip: Uint8Array; bits: number } {
  const [address, bits] = text.split('/');
  return { ip: parseIp(address!)!, bits: Number(bits) };
}

function masked(ip: Uint8Array, bits: number): Uint8Array {
  return ip.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff);
}
