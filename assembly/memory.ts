/**
 * The map of a core: one header, then every region, sized once by `Capacity` and laid
 * out at `init`. Nothing here grows, and nothing of a core lies outside it, so a core is
 * copied, saved and restored as a run of bytes.
 *
 *   header | rx | tx | dropped | stamps | packets | ports | vlans | segments | vlan tables
 *   | domains | counters | fdb | neighbours | arrivals | trace | scratch | copies | arena
 *
 * Every function of the core takes the header's address: there is no global state, so a
 * process can hold many cores in one memory (simulated hosts, hot upgrade).
 */
import {
  BATCH_PACKETS,
  BATCH_SEGMENTS,
  Capacity,
  CoreCounter,
  DROPPED_BYTES,
  Node,
  PORT_COUNTERS,
  Region,
  RX_BYTES,
  SCRATCH_BYTES,
  SegmentCounter,
  TRACE_BYTES,
  TX_BYTES,
} from './abi';

const LINE_BYTES: usize = 64;

/** Bytes of one Packet, Port, Segment: checked in packet.ts and table/. */
export const PACKET_BYTES: usize = 64;
export const PORT_BYTES: usize = 128;
export const SEGMENT_BYTES: usize = 64;

/** Two bitmaps of 4096 VLANs a port: member, and leaves untagged. */
export const VLAN_SET_BYTES: usize = 512;

/** One u16 domain for each of 4096 VLANs. */
export const VLAN_TABLE_BYTES: usize = 8192;

/** One learned key in the order of arrival, for segments that evict the oldest. */
export const ARRIVAL_BYTES: usize = 16;

@unmanaged
export class Core {
  // Capacities, set by the host before init, in the order of `Capacity`.
  private capacity0: u32;
  private capacity1: u32;
  private capacity2: u32;
  private capacity3: u32;
  private capacity4: u32;
  private capacity5: u32;
  private capacity6: u32;
  private capacity7: u32;
  private capacity8: u32;
  private capacity9: u32;

  nowMs: u32;
  /** Next free send and dropped descriptor of this batch. */
  txEnd: usize;
  droppedEnd: usize;
  /** Next free byte of `copies`, reset at every batch. */
  copyNext: usize;
  /** Segments that may still be made in this batch. */
  segmentsLeft: u32;
  /** Next free trace record. */
  traceEnd: usize;
  /** Keeps the bare loads of `touch` alive. */
  sink: u32;

  rx: usize;
  tx: usize;
  dropped: usize;
  stamps: usize;
  packets: usize;
  ports: usize;
  vlanSets: usize;
  segments: usize;
  vlanTables: usize;
  domains: usize;
  portCounters: usize;
  segmentCounters: usize;
  nodeCounters: usize;
  coreCounters: usize;
  fdb: usize;
  neighbours: usize;
  arrivals: usize;
  arrivalsEnd: usize;
  trace: usize;
  traceLimit: usize;
  scratch: usize;
  copies: usize;
  copiesEnd: usize;
  arena: usize;
  arenaEnd: usize;

  static at(address: usize): Core {
    return changetype<Core>(address);
  }

  capacity(which: Capacity): u32 {
    return load<u32>(changetype<usize>(this) + ((<usize>which) << 2));
  }

  setCapacity(which: Capacity, value: u32): void {
    store<u32>(changetype<usize>(this) + ((<usize>which) << 2), value);
  }

  /** Ports that can be configured; the row behind them stands for an unknown port. */
  get portCount(): u32 {
    return this.capacity(Capacity.Ports);
  }
}

const CORE_BYTES = offsetof<Core>();
if (offsetof<Core>('nowMs') != (<usize>Capacity.Count) << 2)
  ERROR('Core holds one field a Capacity');

/** Address of the first whole line at or behind `at`. */
export function alignLine(at: usize): usize {
  return (at + LINE_BYTES - 1) & ~(LINE_BYTES - 1);
}

/**
 * Assigns an address to every region, given the capacities. `fdbBytes` and
 * `neighbourBytes` are the sizes of these tables. Returns the first address behind the core.
 */
export function layOut(core: Core, fdbBytes: usize, neighbourBytes: usize): usize {
  const ports: usize = core.portCount + 1;
  const fates: usize = <usize>BATCH_PACKETS * ports;
  let at = alignLine(changetype<usize>(core) + CORE_BYTES);
  core.rx = at;
  core.tx = at = alignLine(at + BATCH_PACKETS * RX_BYTES);
  core.dropped = at = alignLine(at + (fates + BATCH_SEGMENTS) * TX_BYTES);
  core.stamps = at = alignLine(at + (fates + BATCH_SEGMENTS) * DROPPED_BYTES);
  core.packets = at = alignLine(at + BATCH_PACKETS * 8);
  core.ports = at = alignLine(at + <usize>BATCH_PACKETS * PACKET_BYTES);
  core.vlanSets = at = alignLine(at + ports * PORT_BYTES);
  core.segments = at = alignLine(at + ports * 2 * VLAN_SET_BYTES);
  at = layOutTables(core, at);
  core.fdb = at;
  core.neighbours = at = alignLine(at + fdbBytes);
  core.arrivals = at = alignLine(at + neighbourBytes);
  at = alignLine(at + <usize>core.capacity(Capacity.EvictEntries) * ARRIVAL_BYTES);
  core.arrivalsEnd = core.trace = at;
  core.scratch = at = alignLine(at + core.capacity(Capacity.TraceRecords) * TRACE_BYTES);
  core.traceLimit = at;
  core.copies = at = alignLine(at + SCRATCH_BYTES);
  core.copiesEnd = core.arena = at = alignLine(at + core.capacity(Capacity.CopyBytes));
  core.arenaEnd = at = alignLine(at + core.capacity(Capacity.ArenaBytes));
  return at;
}

/** The part between segments and the FDB. Returns the next free address. */
function layOutTables(core: Core, segments: usize): usize {
  const ports: usize = core.portCount + 1;
  const segmentCount: usize = core.capacity(Capacity.Segments);
  let at = alignLine(segments + segmentCount * SEGMENT_BYTES);
  core.vlanTables = at;
  core.domains = at = alignLine(
    at + <usize>core.capacity(Capacity.VlanSegments) * VLAN_TABLE_BYTES,
  );
  // Domain 0 means none, so there is one row more.
  core.portCounters = at = alignLine(at + (core.capacity(Capacity.Domains) + 1) * 4);
  core.segmentCounters = at = alignLine(at + ports * PORT_COUNTERS * 8);
  core.nodeCounters = at = alignLine(at + segmentCount * SegmentCounter.Count * 8);
  core.coreCounters = at = alignLine(at + Node.Count * 8);
  return alignLine(at + CoreCounter.Count * 8);
}

/** Where a region the host may use begins. */
export function regionAddress(core: Core, region: Region): usize {
  switch (region) {
    case Region.Rx:
      return core.rx;
    case Region.Tx:
      return core.tx;
    case Region.Dropped:
      return core.dropped;
    case Region.Stamps:
      return core.stamps;
    case Region.Arena:
      return core.arena;
    case Region.PortCounters:
      return core.portCounters;
    case Region.SegmentCounters:
      return core.segmentCounters;
    case Region.NodeCounters:
      return core.nodeCounters;
    case Region.CoreCounters:
      return core.coreCounters;
    case Region.Trace:
      return core.trace;
    case Region.Scratch:
      return core.scratch;
    default:
      return 0;
  }
}

/** Adds to a u64 counter. */
export function count(counters: usize, column: u32, by: u64): void {
  const at = counters + ((<usize>column) << 3);
  store<u64>(at, load<u64>(at) + by);
}
