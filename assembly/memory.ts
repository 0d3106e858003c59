/**
 * The map of a core: one header, then every region, sized once by `Capacity` and laid
 * out at `init`. Nothing here grows, and nothing of a core lies outside it, so a core is
 * copied, saved and restored as a run of bytes.
 *
 *   header | rx | tx | dropped | stamps | packets | ports | vlans | segments | vlan tables
 *   | domains | counters | fdb | neighbours | arrivals | overlays | zones | trace | scratch
 *   | copies | arena
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
import { BATCH_EVENTS, EVENT_BYTES } from './overlay-abi';
import { Rules } from './rules/rules';

const LINE_BYTES: usize = 64;

/** Bytes of one Packet, Port, Segment: checked in packet.ts and table/. */
export const PACKET_BYTES: usize = 64;
export const PORT_BYTES: usize = 128;
export const SEGMENT_BYTES: usize = 64;

/** Likewise, of overlays. */
export const UNDERLAY_BYTES: usize = 224;
export const OVERLAY_BYTES: usize = 64;
export const VTEP_BYTES: usize = 192;
export const HOP_BYTES: usize = 64;
export const OUTER_BYTES: usize = 64;
export const GSO_BYTES: usize = 64;
export const GROWN_BYTES: usize = 64;

/** Likewise, of zones: zones.ts lays them out. */
export const ZONE_BYTES: usize = 64;
export const IFACE_BYTES: usize = 256;
export const NEXT_HOP_BYTES: usize = 32;
export const FLOW_LINE_BYTES: usize = 64;
export const FLOW_STATE_BYTES: usize = 40;
export const PASSAGE_BYTES: usize = 256;

/** Likewise, of services: services.ts lays them out. */
export const SERVICE_BYTES: usize = 128;
export const SERVICE_KEY_ROW_BYTES: usize = 32;
export const BACKEND_BYTES: usize = 128;
export const VIP_BYTES: usize = 32;
export const SHARE_BYTES: usize = 32;

/** Packets beside the received ones that a batch has rows for: answers, questions. */
export const EXTRA_PACKETS: u32 = 256;

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
  private capacity10: u32;
  private capacity11: u32;
  private capacity12: u32;
  private capacity13: u32;
  private capacity14: u32;
  private capacity15: u32;
  private capacity16: u32;
  private capacity17: u32;
  private capacity18: u32;
  private capacity19: u32;
  private capacity20: u32;
  private capacity21: u32;
  private capacity22: u32;
  private capacity23: u32;
  private capacity24: u32;
  private capacity25: u32;
  private capacity26: u32;
  private capacity27: u32;

  nowMs: u32;
  /** Next receive descriptor, and how much of its payload is done, of a super frame. */
  rxNext: u32;
  chunkNext: u32;
  /** Frames that super frames may still become in this batch. */
  chunksLeft: u32;
  /** Secret of keys that are hashes. */
  salt: u64;
  /** Where the search for a free VTEP and next hop begins. */
  vtepNext: u32;
  hopNext: u32;
  /** Next hops in use, and the row last looked at. */
  hopsUsed: u32;
  hopSweep: u32;
  /** Next free send and dropped descriptor of this batch, and where flooding stops. */
  txEnd: usize;
  floodEnd: usize;
  droppedEnd: usize;
  /** Next free byte of `copies`, reset at every batch. */
  copyNext: usize;
  /** Segments that may still be made in this batch. */
  segmentsLeft: u32;
  /** Next free trace record, and event of this batch. */
  traceEnd: usize;
  eventEnd: usize;
  /** Keeps the bare loads of `touch` alive. */
  sink: u32;
  /** Raised when an FDB entry moves or goes: what was found there is to be found again. */
  fdbVersion: u32;
  /** Raised when rules, routes or addresses change: flows of another one are judged again. */
  generation: u32;
  /** Packets that zones have to decide about, of this batch. */
  routedCount: u32;
  extrasUsed: u32;
  /** Next hops that were ever in use. */
  nextHopsUsed: u32;
  /** Rows of service keys, virtual IPs and shares: first free + 1, and ever in use. */
  serviceKeyFree: u32;
  vipFree: u32;
  vipsUsed: u32;
  shareFree: u32;
  sharesUsed: u32;

  /** What the headers of the frame at hand of an underlay say: tunnel/tunnel.ts. */
  outer: usize;
  /** The frame at hand that is cut, wire/gso.ts or cut.ts, or grows: node/coalesce.ts. */
  gso: usize;
  grown: usize;
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
  underlays: usize;
  overlays: usize;
  vteps: usize;
  hops: usize;
  /** VNIs, VTEPs, next hops and peers by key; see table/endpoints.ts. */
  endpoints: usize;
  /** Fragments of outer packets. */
  fragments: usize;
  peers: usize;
  events: usize;
  zones: usize;
  zoneCounters: usize;
  ifaces: usize;
  /** Own addresses of all zones, by key: table/iface.ts. */
  locals: usize;
  routes: usize;
  nextHops: usize;
  adjacencies: usize;
  flows: usize;
  /** Of IPv6 flows: table/flow-address.ts. */
  flowAddresses: usize;
  flowTimers: usize;
  /** table/port-hints.ts. */
  portHints: usize;
  /** What happens to flows, while somebody wants to know: table/journal.ts. */
  journal: usize;
  /** Addresses of the packets that zones have to decide about. */
  routed: usize;
  /** What a zone knows of the packet at hand: node/passage.ts; what rules see of it. */
  passage: usize;
  subject: usize;
  rules: usize;
  /** table/service.ts, backend.ts; keys of services, by hash, and their rows. */
  services: usize;
  backends: usize;
  serviceKeys: usize;
  serviceKeyRows: usize;
  vips: usize;
  /** Shares by key, and their rows. */
  shares: usize;
  shareRows: usize;
  /** Lists and lookup tables of services. */
  balanceBlocks: usize;
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

  /** A new batch begins. */
  open(nowMs: u32): void {
    this.nowMs = nowMs;
    this.rxNext = this.chunkNext = 0;
    this.txEnd = this.tx;
    this.droppedEnd = this.dropped;
    this.eventEnd = this.events;
    this.copyNext = this.copies;
    this.segmentsLeft = this.chunksLeft = BATCH_SEGMENTS;
    this.routedCount = this.extrasUsed = 0;
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

/** Likewise, of a pair of lines. */
export function alignPair(at: usize): usize {
  return (at + 2 * LINE_BYTES - 1) & ~(2 * LINE_BYTES - 1);
}

/**
 * Assigns an address to every region, given the capacities. `fdbBytes`, `neighbourBytes`
 * and so on are the sizes of these tables. Returns the first address behind the core.
 */
export function layOut(
  core: Core,
  fdbBytes: usize,
  neighbourBytes: usize,
  endpointBytes: usize,
  fragmentBytes: usize,
  zoneBytes: usize,
): usize {
  const ports: usize = core.portCount + 1;
  // Behind what floods take: a fate for each segment, each part of a super frame, and what
  // zones answer, ask, and let go that waited.
  const spare: usize = 3 * BATCH_SEGMENTS;
  const targets: usize = core.capacity(Capacity.FloodTargets);
  const floods: usize = <usize>BATCH_PACKETS * (targets == 0 ? ports : targets);
  const fates = floods + BATCH_SEGMENTS + spare;
  let at = alignLine(changetype<usize>(core) + CORE_BYTES);
  core.outer = at;
  core.gso = at + OUTER_BYTES;
  core.grown = core.gso + GSO_BYTES;
  core.rx = at = alignLine(core.grown + GROWN_BYTES);
  core.tx = at = alignLine(at + BATCH_PACKETS * RX_BYTES);
  core.floodEnd = at + (fates - spare) * TX_BYTES;
  core.dropped = at = alignLine(at + fates * TX_BYTES);
  core.stamps = at = alignLine(at + fates * DROPPED_BYTES);
  core.packets = at = alignLine(at + BATCH_PACKETS * 8);
  core.ports = at = alignLine(at + <usize>(BATCH_PACKETS + EXTRA_PACKETS) * PACKET_BYTES);
  core.vlanSets = at = alignLine(at + ports * PORT_BYTES);
  core.segments = at = alignLine(at + ports * 2 * VLAN_SET_BYTES);
  at = layOutTables(core, at);
  core.fdb = at;
  core.neighbours = at = alignLine(at + fdbBytes);
  core.arrivals = at = alignLine(at + neighbourBytes);
  at = alignLine(at + <usize>core.capacity(Capacity.EvictEntries) * ARRIVAL_BYTES);
  core.arrivalsEnd = core.endpoints = at;
  core.fragments = at = alignLine(at + endpointBytes);
  core.zones = at = alignPair(layOutOverlays(core, alignLine(at + fragmentBytes)));
  core.trace = at = alignLine(at + zoneBytes);
  core.scratch = at = alignLine(at + core.capacity(Capacity.TraceRecords) * TRACE_BYTES);
  core.traceLimit = at;
  core.copies = at = alignLine(at + SCRATCH_BYTES);
  core.copiesEnd = core.arena = at = alignLine(at + core.capacity(Capacity.CopyBytes));
  core.arenaEnd = at = alignLine(at + core.capacity(Capacity.ArenaBytes));
  return at;
}

/** Rows of overlays. Returns the next free address. */
function layOutOverlays(core: Core, start: usize): usize {
  const vteps: usize = core.capacity(Capacity.Vteps);
  let at = start;
  core.underlays = at;
  core.overlays = at = at + <usize>core.capacity(Capacity.Underlays) * UNDERLAY_BYTES;
  core.vteps = at = at + <usize>core.capacity(Capacity.Overlays) * OVERLAY_BYTES;
  // VTEP 0 and next hop 0 are none.
  core.hops = at = at + (vteps + 1) * VTEP_BYTES;
  core.events = at = at + <usize>(hopCount(core) + 1) * HOP_BYTES;
  core.peers = at = at + BATCH_EVENTS * EVENT_BYTES;
  return alignLine(at + <usize>core.capacity(Capacity.Peers) * 2);
}

/** Next hops: each VTEP itself at the most, and the gateways. */
export function hopCount(core: Core): u32 {
  return core.capacity(Capacity.Vteps) + 2 * core.capacity(Capacity.Underlays);
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
    case Region.Peers:
      return core.peers;
    case Region.Events:
      return core.events;
    case Region.ZoneCounters:
      return core.zoneCounters;
    case Region.StagedRules:
      return Rules.at(core.rules).staged;
    case Region.RuleCounters:
      return Rules.at(core.rules).counters;
    case Region.Journal:
      return core.journal;
    default:
      return 0;
  }
}

/** Adds to a u64 counter. */
export function count(counters: usize, column: u32, by: u64): void {
  const at = counters + ((<usize>column) << 3);
  store<u64>(at, load<u64>(at) + by);
}
