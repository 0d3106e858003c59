/** The core's zones: interfaces, routes, flows and rules. */
import { Capacity, Family, Region, SCRATCH_BYTES, Status } from '../assembly/abi.js';
import {
  ADJACENCY_RECORD_BYTES,
  AdjacencyRecord,
  type AdjacencyState,
} from '../assembly/adjacency-abi.js';
import { COUNTER_BYTES } from '../assembly/rules-abi.js';
import {
  FLOW_RECORD_BYTES,
  type FlowProfile,
  type FlowTimer,
  INTERFACE_ADDRESS_BYTES,
  InterfaceAddress,
  InterfaceOption,
  PROFILE_TIMERS,
  ROUTE_RECORD_BYTES,
  RouteKind,
  RouteRecord,
  ZoneCounter,
  ZoneOption,
} from '../assembly/zone-abi.js';
import type { Exports } from './core-exports.js';
import { expectOk } from './core-status.js';
import { readMac, writeMac } from './fdb-record.js';
import { type Flow, readFlow } from './flow-record.js';
import { readIp, writeIp } from './ip-record.js';
import { Journal } from './journal.js';

export type { Flow, FlowTuple } from './flow-record.js';

/** A prefix of a route: 4 or 16 bytes as on the wire. */
export interface Prefix {
  ip: Uint8Array;
  bits: number;
}

export interface Route {
  zone: number;
  to: Prefix;
  kind: RouteKind;
  /** Index of the interface it is behind. */
  iface: number;
  /** Only with `RouteKind.Via`. */
  gateway?: Uint8Array;
}

/** Who has an IP address at a router interface. */
export interface ZoneNeighbour {
  iface: number;
  ip: Uint8Array;
  /** First byte highest; 0n: not known. */
  mac: bigint;
  state: AdjacencyState;
  /** Packets that wait for it. */
  waiting: number;
  /** Since it was confirmed; absent: never. */
  confirmedMs?: number;
}

const ANY = 0xffffffff;
const MAC_HIGH_OFFSET = 4;

export class ZoneTable {
  /** What happens to flows, if somebody wants to know. */
  readonly journal: Journal;

  /** `region` says where the regions of the core at `core` are. */
  constructor(
    private readonly exports: Exports,
    private readonly core: number,
    private readonly bytes: Uint8Array,
    private readonly view: DataView,
    private readonly region: (region: Region) => number,
  ) {
    this.journal = new Journal(exports, core, bytes, view, region);
  }

  configure(zone: number, option: ZoneOption, value: number | boolean): void {
    const status = this.exports.configureZone(this.core, zone, option, Number(value));
    expectOk(status, `zone ${zone} ${ZoneOption[option]} ${value}`);
  }

  configureInterface(iface: number, option: InterfaceOption, value: number): void {
    const status = this.exports.configureInterface(this.core, iface, option, value);
    expectOk(status, `interface ${iface} ${InterfaceOption[option]} ${value}`);
  }

  /** `mac`: first byte highest. */
  setMac(iface: number, mac: bigint): void {
    const at = this.region(Region.Scratch);
    writeMac(this.view, at, mac);
    const high = this.view.getUint16(at + MAC_HIGH_OFFSET, true);
    this.configureInterface(iface, InterfaceOption.MacLow, this.view.getUint32(at, true));
    this.configureInterface(iface, InterfaceOption.MacHigh, high);
  }

  /** Puts an interface, whose zone and MAC address are set, into service at a port. */
  attach(iface: number, port: number): Status {
    return this.exports.configureInterface(this.core, iface, InterfaceOption.Port, port + 1);
  }

  /** Takes an interface out of service, with its addresses. */
  resetInterface(iface: number): void {
    expectOk(this.exports.resetInterface(this.core, iface), `interface ${iface} reset`);
  }

  /** Gives an interface an address with its prefix, or takes it away. */
  setAddress(iface: number, { ip, bits }: Prefix, isOwn = true): Status {
    const at = this.region(Region.Scratch);
    this.bytes.fill(0, at, at + INTERFACE_ADDRESS_BYTES);
    writeIp(this.view, at + InterfaceAddress.Address, at + InterfaceAddress.Family, ip);
    this.view.setUint8(at + InterfaceAddress.PrefixBits, bits);
    return this.exports.interfaceAddress(this.core, iface, Number(isOwn));
  }

  /** Says where a neighbour of an interface is, for good. `mac`: first byte highest. */
  setNeighbour(iface: number, ip: Uint8Array, mac: bigint): Status {
    writeMac(this.view, this.writeNeighbour(ip) + AdjacencyRecord.MacLow, mac);
    return this.exports.adjacencyInsert(this.core, iface);
  }

  removeNeighbour(iface: number, ip: Uint8Array): Status {
    this.writeNeighbour(ip);
    return this.exports.adjacencyRemove(this.core, iface);
  }

  private writeNeighbour(ip: Uint8Array): number {
    const at = this.region(Region.Scratch);
    this.bytes.fill(0, at, at + ADJACENCY_RECORD_BYTES);
    writeIp(this.view, at + AdjacencyRecord.Address, at + AdjacencyRecord.Family, ip);
    return at;
  }

  /** Neighbours of all interfaces. */
  *neighbours(): Generator<ZoneNeighbour> {
    let first = 0;
    do {
      const count = this.exports.adjacencyWalk(this.core, first);
      const found = this.records(count, ADJACENCY_RECORD_BYTES, at => this.readNeighbour(at));
      first = this.next;
      yield* found;
    } while (first !== 0);
  }

  private readNeighbour(at: number): ZoneNeighbour {
    const family: Family = this.view.getUint8(at + AdjacencyRecord.Family);
    const confirmedMs = this.view.getUint32(at + AdjacencyRecord.ConfirmedMs, true);
    return {
      iface: this.view.getUint16(at + AdjacencyRecord.Interface, true),
      ip: readIp(this.view, at + AdjacencyRecord.Address, family),
      mac: readMac(this.view, at + AdjacencyRecord.MacLow),
      state: this.view.getUint8(at + AdjacencyRecord.State),
      waiting: this.view.getUint16(at + AdjacencyRecord.Waiting, true),
      ...(confirmedMs !== ANY && { confirmedMs }),
    };
  }

  /** Adds a route, or replaces the one to the same prefix. */
  insertRoute(route: Route): Status {
    const at = this.writePrefix(route.zone, route.to);
    if (route.gateway !== undefined) {
      writeIp(this.view, at + RouteRecord.Gateway, at + RouteRecord.Family, route.gateway);
    }
    this.view.setUint16(at + RouteRecord.Interface, route.iface, true);
    this.view.setUint8(at + RouteRecord.Kind, route.kind);
    return this.exports.routeInsert(this.core);
  }

  removeRoute(zone: number, to: Prefix): Status {
    this.writePrefix(zone, to);
    return this.exports.routeRemove(this.core);
  }

  private writePrefix(zone: number, { ip, bits }: Prefix): number {
    const at = this.region(Region.Scratch);
    this.bytes.fill(0, at, at + ROUTE_RECORD_BYTES);
    writeIp(this.view, at + RouteRecord.Destination, at + RouteRecord.Family, ip);
    this.view.setUint16(at + RouteRecord.Zone, zone, true);
    this.view.setUint8(at + RouteRecord.PrefixBits, bits);
    return at;
  }

  /** All routes of all zones. */
  *routes(): Generator<Route> {
    let after = 0;
    do {
      const count = this.exports.routeWalk(this.core, after);
      const found = this.records(count, ROUTE_RECORD_BYTES, at => this.readRoute(at));
      after = this.next;
      yield* found;
    } while (after !== 0);
  }

  private readRoute(at: number): Route {
    const family: Family = this.view.getUint8(at + RouteRecord.Family);
    const kind: RouteKind = this.view.getUint8(at + RouteRecord.Kind);
    const bits = this.view.getUint8(at + RouteRecord.PrefixBits);
    return {
      zone: this.view.getUint16(at + RouteRecord.Zone, true),
      to: { ip: readIp(this.view, at + RouteRecord.Destination, family), bits },
      kind,
      iface: this.view.getUint16(at + RouteRecord.Interface, true),
      ...(kind === RouteKind.Via && {
        gateway: readIp(this.view, at + RouteRecord.Gateway, family),
      }),
    };
  }

  setTimer(profile: FlowProfile, timer: FlowTimer, ms: number): void {
    this.exports.setFlowTimer(this.core, profile * PROFILE_TIMERS + timer, ms);
  }

  /** All live flows. */
  *flows(): Generator<Flow> {
    let first = 0;
    do {
      const { flows, next } = this.flowPage(first);
      first = next;
      yield* flows;
    } while (first !== 0);
  }

  /** Flows of some entries from `first` on, and the entry to go on with; 0: the end. */
  flowPage(first: number): { flows: Flow[]; next: number } {
    const count = this.exports.flowWalk(this.core, first);
    const flows = this.records(count, FLOW_RECORD_BYTES, at => readFlow(this.view, at));
    return { flows, next: this.next };
  }

  /** Ends a flow, if it still is the one that was read. */
  removeFlow({ entry, id }: Pick<Flow, 'entry' | 'id'>): Status {
    return this.exports.flowRemove(this.core, entry, id);
  }

  /** Ends all flows of a zone, or of all zones. Returns how many. */
  flushFlows(zone: number = ANY): number {
    return this.exports.flowFlush(this.core, zone);
  }

  /** Takes a compiled program into use; counters begin at zero. */
  useRules(program: Uint8Array): Status {
    const most = this.exports.capacity(this.core, Capacity.RuleBytes);
    if (program.length > most) return Status.Full;
    this.bytes.set(program, this.region(Region.StagedRules));
    return this.exports.rulesUse(this.core, program.length);
  }

  /** Packets and bytes that the rule or policy with this number has seen. */
  ruleCounters(counters: number): { packets: bigint; bytes: bigint }[] {
    this.exports.rulesFold(this.core);
    const base = this.region(Region.RuleCounters);
    return Array.from({ length: counters }, (_, i) => ({
      packets: this.view.getBigUint64(base + i * COUNTER_BYTES, true),
      bytes: this.view.getBigUint64(base + i * COUNTER_BYTES + 8, true),
    }));
  }

  /** After `ruleCounters` or `useRules`: what a rule or policy is to have seen. */
  setRuleCounter(counter: number, value: { packets: bigint; bytes: bigint }): void {
    const at = this.region(Region.RuleCounters) + counter * COUNTER_BYTES;
    this.view.setBigUint64(at, value.packets, true);
    this.view.setBigUint64(at + 8, value.bytes, true);
  }

  counter(zone: number, column: ZoneCounter): bigint {
    const index = zone * ZoneCounter.Count + column;
    return this.view.getBigUint64(this.region(Region.ZoneCounters) + index * 8, true);
  }

  private get next(): number {
    return this.view.getUint32(this.region(Region.Scratch) + SCRATCH_BYTES - 4, true);
  }

  private records<T>(count: number, bytes: number, read: (at: number) => T): T[] {
    const scratch = this.region(Region.Scratch);
    return Array.from({ length: count }, (_, i) => read(scratch + i * bytes));
  }
}
