/**
 * Segments: one L2 domain each, a row of 64 bytes found by index. Members are a list
 * through the ports themselves, in the order of indexes. A VLAN-aware segment has a table
 * that maps each VID to a forwarding domain; a plain one is a single domain.
 */
import { Capacity, LimitPolicy, SegmentCounter, SegmentOption, StaticMove, Status } from '../abi';
import { ARRIVAL_BYTES, Core, SEGMENT_BYTES, VLAN_TABLE_BYTES } from '../memory';
import { TPID_CUSTOMER, isTpid } from '../wire/vlan';
import { REFRESH_MS } from './fdb';
import { Iface } from './iface';
import { Overlay } from './overlay';
import { PORT_INSPECTED, PORT_VLAN_AWARE, Port } from './port';

const DEFAULT_AGE_MS: u32 = 300000; // IEEE 802.1Q-2018 table 8-6
/** A clock of 32 bits cannot tell longer ages from short ones. */
const MOST_AGE_MS: u32 = 0xffffffff - REFRESH_MS;

@unmanaged
export class Segment {
  firstPort: Port;
  /** Forwarding domain of a plain segment; 0 in an aware one. */
  domain: u32;
  /** VLAN table; 0 in a plain segment. */
  vlanTable: usize;
  tpid: u32;
  ageMs: u32;
  /** Most learned entries; 0: no limit of its own. */
  learnLimit: u32;
  limitPolicy: u32;
  staticMove: u32;
  /** Address of this segment's row of counters. */
  counters: usize;
  /** Learned keys in the order of arrival: a ring of `learnLimit` places. */
  arrivals: usize;
  arrivalHead: u32;
  arrivalCount: u32;
  arrivalPlaces: u32;
  /** 1: questions about known neighbours are answered and sent nowhere. */
  answersNeighbours: u32;
  /** Null: none. */
  overlay: Overlay;
  /** Router interface that wants to see what stays in the segment; null: none. */
  inspector: Iface;

  static at(segments: usize, index: u32): Segment {
    return changetype<Segment>(segments + <usize>index * SEGMENT_BYTES);
  }

  /** Copies to a port what its frames need of the segment. */
  describe(port: Port): void {
    port.domain = this.domain;
    port.ageMs = this.ageMs;
    port.vlanTable = this.vlanTable;
    port.overlay = this.overlay;
    const aware = this.vlanTable != 0;
    port.flags = aware ? port.flags | PORT_VLAN_AWARE : port.flags & ~PORT_VLAN_AWARE;
    const isInspected = changetype<usize>(this.inspector) != 0;
    port.flags = isInspected ? port.flags | PORT_INSPECTED : port.flags & ~PORT_INSPECTED;
  }

  /** Learned entries now. */
  get entries(): u32 {
    return load<u32>(this.counters, SegmentCounter.Entries * 8);
  }
}

if (offsetof<Segment>() != SEGMENT_BYTES) ERROR('Segment must be SEGMENT_BYTES long');

export function createSegments(core: Core): void {
  const segments = core.capacity(Capacity.Segments);
  for (let i: u32 = 0; i < segments; i++) {
    const segment = Segment.at(core.segments, i);
    memory.fill(changetype<usize>(segment), 0, SEGMENT_BYTES);
    segment.tpid = TPID_CUSTOMER;
    segment.ageMs = DEFAULT_AGE_MS;
    segment.arrivals = core.arrivals;
    segment.counters = core.segmentCounters + <usize>i * SegmentCounter.Count * 8;
  }
}

/** Sets one option and tells the members. Returns a Status. */
export function configureSegment(
  core: Core,
  segment: Segment,
  option: SegmentOption,
  value: u32,
): Status {
  if (!setOption(core, segment, option, value)) return Status.OutOfRange;
  describeMembers(segment);
  return Status.Ok;
}

/** Tells the members what their frames need of the segment. */
export function describeMembers(segment: Segment): void {
  for (let port = segment.firstPort; changetype<usize>(port) != 0; port = port.next) {
    segment.describe(port);
  }
}

function setOption(core: Core, segment: Segment, option: SegmentOption, value: u32): bool {
  switch (option) {
    case SegmentOption.VlanAware:
      if (value > core.capacity(Capacity.VlanSegments)) return false;
      segment.vlanTable = value == 0 ? 0 : core.vlanTables + <usize>(value - 1) * VLAN_TABLE_BYTES;
      return true;
    case SegmentOption.Domain:
      return setDomain(core, segment, value);
    case SegmentOption.AgeMs:
      segment.ageMs = min(value, MOST_AGE_MS);
      return true;
    case SegmentOption.LearnLimit:
      segment.learnLimit = value;
      return true;
    case SegmentOption.LimitPolicy:
      if (value > <u32>LimitPolicy.EvictOldest) return false;
      segment.limitPolicy = value;
      return true;
    case SegmentOption.Tpid:
      if (!isTpid(value)) return false;
      segment.tpid = value;
      return true;
    case SegmentOption.AnswerNeighbours:
      if (value > 1) return false;
      segment.answersNeighbours = value;
      return true;
    case SegmentOption.StaticMove:
      if (value > <u32>StaticMove.Forward) return false;
      segment.staticMove = value;
      return true;
    default:
      return setArrivals(core, segment, option, value);
  }
}

function setDomain(core: Core, segment: Segment, domain: u32): bool {
  if (domain > core.capacity(Capacity.Domains)) return false;
  segment.domain = domain;
  if (domain != 0) claimDomain(core, segment, domain);
  return true;
}

/** Gives the segment its part of the arrivals, empty; a new start has no places yet. */
function setArrivals(core: Core, segment: Segment, option: SegmentOption, value: u32): bool {
  if (option == SegmentOption.ArrivalStart) {
    if (value > core.capacity(Capacity.EvictEntries)) return false;
    segment.arrivals = core.arrivals + <usize>value * ARRIVAL_BYTES;
    segment.arrivalPlaces = 0;
  } else {
    if (option != SegmentOption.ArrivalPlaces) return false;
    if (<usize>value > (core.arrivalsEnd - segment.arrivals) / ARRIVAL_BYTES) return false;
    segment.arrivalPlaces = value;
  }
  segment.arrivalHead = segment.arrivalCount = 0;
  return true;
}

/** Maps a VID of an aware segment to a domain; 0 takes the VLAN away. */
export function configureVlanDomain(core: Core, segment: Segment, vid: u32, domain: u32): Status {
  if (segment.vlanTable == 0 || domain > core.capacity(Capacity.Domains)) return Status.OutOfRange;
  store<u16>(segment.vlanTable + ((<usize>vid) << 1), <u16>domain);
  if (domain != 0) claimDomain(core, segment, domain);
  return Status.Ok;
}

function claimDomain(core: Core, segment: Segment, domain: u32): void {
  store<u32>(core.domains + ((<usize>domain) << 2), <u32>changetype<usize>(segment));
}

/** When an entry that was just learned is dead in every segment. */
export function longestAgeMs(core: Core): u32 {
  const segments = core.capacity(Capacity.Segments);
  let longest: u32 = 0;
  for (let i: u32 = 0; i < segments; i++) {
    longest = max(longest, Segment.at(core.segments, i).ageMs);
  }
  return longest + REFRESH_MS;
}

/** The segment a forwarding domain belongs to. */
export function segmentOf(core: Core, domain: u32): Segment {
  return changetype<Segment>(load<u32>(core.domains + ((<usize>domain) << 2)));
}
