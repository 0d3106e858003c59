/**
 * The packet core as the host sees it: the only user of WebAssembly. A `Core` owns one
 * module instance and its memory, which never grows after `create`, so every view stays
 * valid for its life.
 */
import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import {
  ABI_VERSION,
  Capacity,
  CoreCounter,
  Drop,
  FDB_RECORD_BYTES,
  Node,
  PORT_COUNTERS,
  PortCounter,
  PortOption,
  RX_BYTES,
  Region,
  Rx,
  RxFlag,
  SCRATCH_BYTES,
  SegmentCounter,
  SegmentOption,
  Status,
  TRACE_BYTES,
  VlanMember,
} from '../assembly/abi.js';
import type { Exports } from './core-exports.js';
import { expectOk } from './core-status.js';
import { type FdbEntry, readFdbEntry, writeFdbEntry, writeFdbKey } from './fdb-record.js';
import { NeighbourTable } from './neighbour-table.js';
import { OverlayTable } from './overlay-table.js';
import { packagePath } from './package-path.js';
import { ServiceTable } from './service-table.js';
import { ZoneTable } from './zone-table.js';

export type { FdbEntry };

/** Sizes of a core, fixed for its life; names as in `Capacity`. */
export type Capacities = Record<Exclude<keyof typeof Capacity, 'Count'>, number>;

/** Zero where nothing is said: no overlays, no zones, and room for a flood to every port. */
type OverlaySize = 'FloodTargets' | 'Underlays' | 'Overlays' | 'Vteps' | 'Peers';
type ZoneSize =
  'Zones' | 'Interfaces' | 'Routes' | 'Adjacencies' | 'Flows' | 'RuleBytes' | 'Rules' | 'Paths';
type ServiceSize = 'Services' | 'ServiceKeys' | 'Backends' | 'Shares' | 'BalanceBytes';
type Optional = OverlaySize | ZoneSize | ServiceSize;
export type Sizes = Omit<Capacities, Optional> & Partial<Pick<Capacities, Optional>>;

/** Header address: behind the module's own data. */
const CORE_ADDRESS = 65536;
const PAGE_BYTES = 65536;
const MOST_BYTES = 0xffffffff;
/** Bytes of an FDB entry, in a table that is never more than half full. */
const FDB_LEAST_BYTES = 32;
/** Both lines of a flow, and its state. */
const FLOW_LEAST_BYTES = 160;
/** A domain of 16 bits for each VID. */
const VLAN_TABLE_BYTES = 8192;
/** Any port, any domain, in `fdbFlush`. */
const ANY = 0xffffffff;

export type Build = 'release' | 'test';
const MODULE_FILES: Record<Build, string> = {
  release: 'build/sluice.wasm',
  test: 'build/sluice.test.wasm',
};

export class Core {
  private constructor(
    private readonly exports: Exports,
    memory: WebAssembly.Memory,
    private readonly build: Build,
  ) {
    this.bytes = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    const scratch = this.region(Region.Scratch);
    this.neighbours = new NeighbourTable(exports, CORE_ADDRESS, this.view, scratch);
    const region = this.region.bind(this);
    this.overlays = new OverlayTable(exports, CORE_ADDRESS, this.view, region);
    this.services = new ServiceTable(exports, CORE_ADDRESS, this.bytes, this.view, region);
    this.zones = new ZoneTable(exports, CORE_ADDRESS, this.bytes, this.view, region);
  }

  /** All of the module's memory. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** MAC addresses of IP addresses, as configured. */
  readonly neighbours: NeighbourTable;
  readonly overlays: OverlayTable;
  readonly zones: ZoneTable;
  readonly services: ServiceTable;

  /** Makes an empty core. `seed` decides table layouts and every other random choice. */
  static create(capacities: Sizes, seed: bigint, build: Build = 'release'): Core {
    const memory = new WebAssembly.Memory({ initial: CORE_ADDRESS / PAGE_BYTES + 1 });
    const exports = instantiate(memory, build);
    for (const [name, value] of Object.entries(capacities)) {
      exports.setCapacity(CORE_ADDRESS, Capacity[name as keyof typeof Capacity], value);
    }
    const least = leastBytes(capacities);
    if (least > MOST_BYTES) throw new Error(`core: ${least} bytes do not fit 4 GiB`);
    const end = exports.endOf(CORE_ADDRESS) >>> 0;
    if (end < least) throw new Error('core: more than 4 GiB'); // the layout wrapped
    growTo(memory, end);
    exports.init(CORE_ADDRESS, Number(seed & 0xffffffffn), Number((seed >> 32n) & 0xffffffffn));
    return new Core(exports, memory, build);
  }

  /** A core in the state that `snapshot` saved. */
  static restore(snapshot: Uint8Array, build: Build = 'release'): Core {
    const memory = new WebAssembly.Memory({ initial: snapshot.length / PAGE_BYTES });
    const exports = instantiate(memory, build);
    new Uint8Array(memory.buffer).set(snapshot);
    return new Core(exports, memory, build);
  }

  /** Everything this core is, as bytes. */
  snapshot(): Uint8Array {
    return this.bytes.slice();
  }

  /** A second core in the same state; what happens to it does not happen to this one. */
  fork(): Core {
    return Core.restore(this.bytes, this.build);
  }

  /** Address of a region. */
  region(region: Region): number {
    return this.exports.regionAddress(CORE_ADDRESS, region) >>> 0;
  }

  /** First address behind the receive arena: the end of the core. */
  get end(): number {
    return this.exports.endOf(CORE_ADDRESS) >>> 0;
  }

  capacity(which: Capacity): number {
    return this.exports.capacity(CORE_ADDRESS, which) >>> 0;
  }

  /** Time of the last batch. */
  get nowMs(): number {
    return this.exports.nowMs(CORE_ADDRESS) >>> 0;
  }

  /** Describes the next packets of a capture batch; see src/capture/merged-reader.ts. */
  captureFill(batch: number): number {
    return this.exports.captureFill(batch);
  }

  /** Decides over `received` descriptors. Returns the number of send descriptors. */
  process(received: number, nowMs: number): number {
    return this.exports.process(CORE_ADDRESS, received, nowMs);
  }

  /** Sets a flag of receive descriptor `index`, before `process`. */
  flagReceived(index: number, flag: RxFlag): void {
    const at = this.region(Region.Rx) + index * RX_BYTES + Rx.Flags;
    this.view.setUint16(at, this.view.getUint16(at, true) | flag, true);
  }

  /** Dropped descriptors of the last batch. */
  get droppedCount(): number {
    return this.exports.droppedCount(CORE_ADDRESS);
  }

  /** Send descriptors of the last batch. */
  get sentCount(): number {
    return this.exports.sentCount(CORE_ADDRESS);
  }

  /** Books the send descriptors marked `TxFlag.Refused` as drops. Returns how many. */
  refuseMarked(): number {
    return this.exports.refuseMarked(CORE_ADDRESS);
  }

  get traceCount(): number {
    return this.exports.traceCount(CORE_ADDRESS);
  }

  clearTrace(): void {
    this.exports.traceClear(CORE_ADDRESS);
  }

  /** Sweeps FDB buckets while no batch comes. */
  housekeep(nowMs: number, buckets: number): void {
    this.exports.housekeep(CORE_ADDRESS, nowMs, buckets);
  }

  configurePort(port: number, option: PortOption, value: number | boolean): void {
    const status = this.exports.configurePort(CORE_ADDRESS, port, option, Number(value));
    expectOk(status, `port ${port} ${PortOption[option]} ${value}`);
  }

  resetPort(port: number): void {
    expectOk(this.exports.resetPort(CORE_ADDRESS, port), `port ${port} reset`);
  }

  configureVlan(port: number, vid: number, member: VlanMember): void {
    const status = this.exports.configureVlan(CORE_ADDRESS, port, vid, member);
    expectOk(status, `port ${port} VLAN ${vid}`);
  }

  configureSegment(segment: number, option: SegmentOption, value: number): void {
    const status = this.exports.configureSegment(CORE_ADDRESS, segment, option, value);
    expectOk(status, `segment ${segment} ${SegmentOption[option]} ${value}`);
  }

  configureVlanDomain(segment: number, vid: number, domain: number): void {
    const status = this.exports.configureVlanDomain(CORE_ADDRESS, segment, vid, domain);
    expectOk(status, `segment ${segment} VLAN ${vid} domain ${domain}`);
  }

  /** Adds or replaces an entry. */
  fdbInsert(entry: Omit<FdbEntry, 'ageMs'>): Status {
    writeFdbEntry(this.view, this.region(Region.Scratch), entry);
    return this.exports.fdbInsert(CORE_ADDRESS);
  }

  fdbRemove(mac: bigint, domain: number): Status {
    writeFdbKey(this.view, this.region(Region.Scratch), mac, domain);
    return this.exports.fdbRemove(CORE_ADDRESS);
  }

  /** Removes entries of a port and domain (undefined: any). Returns how many. */
  fdbFlush(filter: { port?: number; domain?: number; all?: boolean } = {}): number {
    const { port = ANY, domain = ANY, all = false } = filter;
    return this.exports.fdbFlush(CORE_ADDRESS, port, domain, Number(all));
  }

  /** Every entry, in the order of the table. */
  *fdbEntries(): Generator<FdbEntry> {
    let bucket = 0;
    do {
      const { entries, next } = this.fdbPage(bucket);
      yield* entries;
      bucket = next;
    } while (bucket !== 0);
  }

  /** Entries of some buckets from `bucket` on, and the bucket to go on with; 0: the end. */
  fdbPage(bucket: number): { entries: FdbEntry[]; next: number } {
    const scratch = this.region(Region.Scratch);
    const records = this.exports.fdbWalk(CORE_ADDRESS, bucket);
    const next = this.view.getUint32(scratch + SCRATCH_BYTES - 4, true);
    const entries = Array.from({ length: records }, (_, index) =>
      readFdbEntry(this.view, scratch + index * FDB_RECORD_BYTES),
    );
    return { entries, next };
  }

  /** A column of a port's counter row. */
  portCounter(port: number, column: PortCounter): bigint {
    return this.counter(Region.PortCounters, port * PORT_COUNTERS + column);
  }

  /** Frames for which `port` got the blame for `reason`. */
  portDrops(port: number, reason: Drop): bigint {
    return this.counter(Region.PortCounters, port * PORT_COUNTERS + PortCounter.Drops + reason);
  }

  /** Drops by reason, of all ports and of those that do not exist; only what happened. */
  dropTotals(): Map<Drop, bigint> {
    const totals = new Map<Drop, bigint>();
    const ports = this.capacity(Capacity.Ports);
    for (let reason: Drop = Drop.None + 1; reason < Drop.Count; reason++) {
      let sum = 0n;
      for (let port = 0; port <= ports; port++) sum += this.portDrops(port, reason);
      if (sum > 0n) totals.set(reason, sum);
    }
    return totals;
  }

  segmentCounter(segment: number, column: SegmentCounter): bigint {
    return this.counter(Region.SegmentCounters, segment * SegmentCounter.Count + column);
  }

  nodeCounter(node: Node): bigint {
    return this.counter(Region.NodeCounters, node);
  }

  coreCounter(column: CoreCounter): bigint {
    return this.counter(Region.CoreCounters, column);
  }

  private counter(region: Region, index: number): bigint {
    return this.view.getBigUint64(this.region(region) + index * 8, true);
  }
}

function instantiate(memory: WebAssembly.Memory, build: Build): Exports {
  const file = packagePath(MODULE_FILES[build]);
  const module = new WebAssembly.Module(readFileSync(file));
  // Assertions are in the test build; the stack trace names the file and line.
  const abort = assert.fail.bind(undefined, 'assertion failed in the core');
  const env = { memory, abort };
  const exports = new WebAssembly.Instance(module, { env }).exports as unknown as Exports;
  const version = exports.abiVersion();
  if (version !== ABI_VERSION) {
    throw new Error(`${file}: expected ABI version ${ABI_VERSION}, got ${version}`);
  }
  return exports;
}

/** What the large regions take at the least: addresses of 32 bits cannot say when it is more. */
function leastBytes(capacities: Sizes): number {
  const { ArenaBytes, CopyBytes, FdbEntries, TraceRecords, VlanSegments } = capacities;
  const tables = FdbEntries * FDB_LEAST_BYTES + VlanSegments * VLAN_TABLE_BYTES;
  const flows = (capacities.Flows ?? 0) * FLOW_LEAST_BYTES;
  return ArenaBytes + CopyBytes + tables + flows + TraceRecords * TRACE_BYTES;
}

function growTo(memory: WebAssembly.Memory, end: number): void {
  if (end > MOST_BYTES - PAGE_BYTES) throw new Error(`core: ${end} bytes do not fit 4 GiB`);
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}
