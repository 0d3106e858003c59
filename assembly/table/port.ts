/**
 * Ports: a row of 128 bytes each, found by index. The first line holds what every frame
 * needs; the second what storm control and tag rewriting need. A row never moves. Row
 * `Capacity.Ports` stands for any port that is not configured: it is down for ever.
 */
import {
  FRAME_OVERHEAD_BYTES,
  Capacity,
  PORT_COUNTERS,
  PortOption,
  PriorityTags,
  Status,
  VlanMember,
} from '../abi';
import { Core, PORT_BYTES, VLAN_SET_BYTES } from '../memory';
import { TPID_CUSTOMER, VID_RESERVED, isTpid } from '../wire/vlan';
import { Iface } from './iface';
import { Overlay } from './overlay';
import { Limit } from './limit';
import { Segment } from './segment';
import { Underlay } from './underlay';
import { hasBit, setBit } from './vlan-set';

/** Flags of a port. */
export const PORT_UP: u32 = 1;
export const PORT_LEARNING: u32 = 2;
export const PORT_FLOOD: u32 = 4;
export const PORT_MULTICAST_FLOOD: u32 = 8;
export const PORT_BROADCAST_FLOOD: u32 = 16;
export const PORT_HAIRPIN: u32 = 32;
export const PORT_ISOLATED: u32 = 64;
export const PORT_LOCKED: u32 = 128;
export const PORT_OFFLOAD: u32 = 256;
export const PORT_ACCEPTS_TAGGED: u32 = 512;
export const PORT_TAGS_ARE_PAYLOAD: u32 = 1024;
export const PORT_VLAN_AWARE: u32 = 2048;
export const PORT_REWRITES_TAGS: u32 = 4096;
export const PORT_GROUPED: u32 = 8192;
export const PORT_IS_NOBODY: u32 = 16384;
export const PORT_NEIGHBOUR_SUPPRESS: u32 = 32768;
export const PORT_UNDERLAY: u32 = 65536; // carries tunnels: its frames are no segment's
export const PORT_TUNNEL: u32 = 131072; // stands for an overlay's VTEPs in its segment
export const PORT_ROUTER: u32 = 262144; // a zone's interface in its segment
export const PORT_INSPECTED: u32 = 524288; // a zone wants to see what stays in the segment
/** Frames from or to such a port leave the straight way. */
export const PORT_SLOW: u32 =
  PORT_ISOLATED |
  PORT_VLAN_AWARE |
  PORT_REWRITES_TAGS |
  PORT_GROUPED |
  PORT_IS_NOBODY |
  PORT_ROUTER |
  PORT_INSPECTED;
/** What a port without a configuration of its own does. */
const PORT_DEFAULTS: u32 =
  PORT_LEARNING | PORT_FLOOD | PORT_MULTICAST_FLOOD | PORT_BROADCAST_FLOOD | PORT_ACCEPTS_TAGGED;

const NO_LIMIT_BYTES: u32 = 0xffffffff;
/** Most tags that a port matches or puts on. */
const MOST_TAGS: u32 = 2;
/** What a port matches or puts on until it is told: VID 0, a priority tag. */
const TAG_IF_NONE: u32 = TPID_CUSTOMER << 16;

@unmanaged
export class Port {
  flags: u32;
  index: u32;
  segment: Segment;
  /** Forwarding domain of a plain segment. */
  domain: u32;
  /** Ageing time of the segment. */
  ageMs: u32;
  /** Longest frame that may leave here unless it is offloaded. */
  frameLimitBytes: u32;
  /** Address of this port's row of counters. */
  counters: usize;
  /** Split-horizon group, 0: none. */
  group: u32;
  /** Next member of the segment, in the order of indexes; null at the end. */
  next: Port;
  /** Domains of a VLAN-aware segment: a u16 for each VID. */
  vlanTable: usize;
  /** Bitmaps of VLANs: member; untagged on the way out. */
  vlanSet: usize;
  /** VLAN of untagged frames, 0: refused. */
  pvid: u32;
  priorityTags: u32;
  /** What a port of an underlay carries; else null. */
  underlay: Underlay;
  /** Of the segment; null: none. */
  overlay: Overlay;
  /** Of a router port; else null. */
  iface: Iface;

  // Second line: storm control and tag rewriting.
  broadcastPerSec: u32;
  broadcastTokens: u32;
  multicastPerSec: u32;
  multicastTokens: u32;
  unicastPerSec: u32;
  unicastTokens: u32;
  stormMs: u32;
  matchTags: u32;
  matchOuter: u32;
  matchInner: u32;
  popTags: u32;
  pushTags: u32;
  pushOuter: u32;
  pushInner: u32;
  private errorLevel: u32;
  private errorMs: u32;

  static at(ports: usize, index: u32): Port {
    return changetype<Port>(ports + <usize>index * PORT_BYTES);
  }

  has(flag: u32): bool {
    return (this.flags & flag) != 0;
  }

  /** Of error messages out of this port: node/too-big.ts. */
  get errorLimit(): Limit {
    return Limit.at(changetype<usize>(this) + offsetof<Port>('errorLevel'));
  }

  isMember(vid: u32): bool {
    return hasBit(this.vlanSet, vid);
  }

  /** Whether frames of VLAN `vid` leave this port without their tag. */
  isUntagged(vid: u32): bool {
    return hasBit(this.vlanSet + VLAN_SET_BYTES, vid);
  }
}

if (offsetof<Port>() != PORT_BYTES) ERROR('Port must be PORT_BYTES long');

/** Lays out every row. */
export function createPorts(core: Core): void {
  const ports = core.portCount;
  for (let i: u32 = 0; i <= ports; i++) {
    const port = Port.at(core.ports, i);
    port.index = i;
    port.counters = core.portCounters + <usize>i * PORT_COUNTERS * 8;
    port.vlanSet = core.vlanSets + <usize>i * 2 * VLAN_SET_BYTES;
    resetPort(core, port);
  }
  Port.at(core.ports, ports).flags = PORT_IS_NOBODY;
}

/** Back to the defaults: down, in no segment. Counters stay. */
export function resetPort(core: Core, port: Port): void {
  leaveSegment(port);
  const counters = port.counters;
  const index = port.index;
  const vlanSet = port.vlanSet;
  memory.fill(changetype<usize>(port), 0, PORT_BYTES);
  memory.fill(vlanSet, 0, 2 * VLAN_SET_BYTES);
  port.index = index;
  port.counters = counters;
  port.vlanSet = vlanSet;
  port.flags = PORT_DEFAULTS;
  port.frameLimitBytes = NO_LIMIT_BYTES;
  port.stormMs = core.nowMs;
  port.matchOuter = port.matchInner = port.pushOuter = port.pushInner = TAG_IF_NONE;
}

/** Sets one option. Returns a Status. */
export function configurePort(core: Core, port: Port, option: PortOption, value: u32): Status {
  const flag = flagOf(option);
  if (flag != 0) {
    port.flags = value != 0 ? port.flags | flag : port.flags & ~flag;
    return Status.Ok;
  }
  switch (option) {
    case PortOption.Segment:
      return joinSegment(core, port, value);
    case PortOption.Group:
      port.group = value;
      port.flags = value != 0 ? port.flags | PORT_GROUPED : port.flags & ~PORT_GROUPED;
      return Status.Ok;
    case PortOption.MtuBytes:
      port.frameLimitBytes = value == 0 ? NO_LIMIT_BYTES : value + FRAME_OVERHEAD_BYTES;
      return Status.Ok;
    case PortOption.Pvid:
      if (value >= VID_RESERVED) return Status.OutOfRange;
      port.pvid = value;
      return Status.Ok;
    case PortOption.PriorityTags:
      if (value > <u32>PriorityTags.Always) return Status.OutOfRange;
      port.priorityTags = value;
      return Status.Ok;
    default:
      return configureLimits(port, option, value);
  }
}

/** The port flag an option stands for, or 0. */
function flagOf(option: PortOption): u32 {
  switch (option) {
    case PortOption.Up:
      return PORT_UP;
    case PortOption.Learning:
      return PORT_LEARNING;
    case PortOption.Flood:
      return PORT_FLOOD;
    case PortOption.MulticastFlood:
      return PORT_MULTICAST_FLOOD;
    case PortOption.BroadcastFlood:
      return PORT_BROADCAST_FLOOD;
    case PortOption.Hairpin:
      return PORT_HAIRPIN;
    case PortOption.Isolated:
      return PORT_ISOLATED;
    case PortOption.Locked:
      return PORT_LOCKED;
    case PortOption.Offload:
      return PORT_OFFLOAD;
    case PortOption.AcceptTagged:
      return PORT_ACCEPTS_TAGGED;
    case PortOption.TagsArePayload:
      return PORT_TAGS_ARE_PAYLOAD;
    case PortOption.NeighbourSuppress:
      return PORT_NEIGHBOUR_SUPPRESS;
    default:
      return 0;
  }
}

/** TPID << 16 | VID, or 0. */
function isTagOrNone(value: u32): bool {
  const vid = value & 0xffff;
  return value == 0 || (isTpid(value >> 16) && vid < VID_RESERVED);
}

/** Options of the second line. */
function configureLimits(port: Port, option: PortOption, value: u32): Status {
  switch (option) {
    case PortOption.StormBroadcastPerSec:
      port.broadcastPerSec = value;
      return Status.Ok;
    case PortOption.StormMulticastPerSec:
      port.multicastPerSec = value;
      return Status.Ok;
    case PortOption.StormUnicastPerSec:
      port.unicastPerSec = value;
      return Status.Ok;
    case PortOption.MatchTags:
      if (value > MOST_TAGS || value < port.popTags) return Status.OutOfRange;
      port.matchTags = value;
      port.flags = value != 0 ? port.flags | PORT_REWRITES_TAGS : port.flags & ~PORT_REWRITES_TAGS;
      return Status.Ok;
    case PortOption.MatchOuter:
      if (!isTagOrNone(value)) return Status.OutOfRange;
      port.matchOuter = value | (TAG_IF_NONE * u32(value == 0));
      return Status.Ok;
    case PortOption.MatchInner:
      if (!isTagOrNone(value)) return Status.OutOfRange;
      port.matchInner = value | (TAG_IF_NONE * u32(value == 0));
      return Status.Ok;
    case PortOption.PopTags:
      if (value > port.matchTags) return Status.OutOfRange;
      port.popTags = value;
      return Status.Ok;
    case PortOption.PushTags:
      if (value > MOST_TAGS) return Status.OutOfRange;
      port.pushTags = value;
      return Status.Ok;
    case PortOption.PushOuter:
      if (!isTagOrNone(value)) return Status.OutOfRange;
      port.pushOuter = value | (TAG_IF_NONE * u32(value == 0));
      return Status.Ok;
    case PortOption.PushInner:
      if (!isTagOrNone(value)) return Status.OutOfRange;
      port.pushInner = value | (TAG_IF_NONE * u32(value == 0));
      return Status.Ok;
    default:
      return Status.OutOfRange;
  }
}

/** Puts a port into a VLAN, or takes it out. */
export function configureVlan(port: Port, vid: u32, member: VlanMember): void {
  setBit(port.vlanSet, vid, member != VlanMember.None);
  setBit(port.vlanSet + VLAN_SET_BYTES, vid, member == VlanMember.Untagged);
}

/** Moves a port into segment `place - 1`, or out of any when `place` is 0. */
function joinSegment(core: Core, port: Port, place: u32): Status {
  if (place > core.capacity(Capacity.Segments)) return Status.OutOfRange;
  if (place != 0 && port.has(PORT_UNDERLAY)) return Status.OutOfRange;
  leaveSegment(port);
  if (place == 0) return Status.Ok;
  const segment = Segment.at(core.segments, place - 1);
  port.segment = segment;
  insertMember(segment, port);
  segment.describe(port);
  return Status.Ok;
}

/** Keeps the list of members in the order of indexes, so flooding is reproducible. */
function insertMember(segment: Segment, port: Port): void {
  const first = segment.firstPort;
  if (changetype<usize>(first) == 0 || first.index > port.index) {
    port.next = first;
    segment.firstPort = port;
    return;
  }
  let before = first;
  while (changetype<usize>(before.next) != 0 && before.next.index < port.index)
    before = before.next;
  port.next = before.next;
  before.next = port;
}

function leaveSegment(port: Port): void {
  const segment = port.segment;
  if (changetype<usize>(segment) == 0) return;
  if (segment.firstPort == port) segment.firstPort = port.next;
  else {
    let before = segment.firstPort;
    while (before.next != port) before = before.next;
    before.next = port.next;
  }
  port.segment = changetype<Segment>(0);
  port.next = changetype<Port>(0);
  port.domain = 0;
  port.overlay = changetype<Overlay>(0);
  port.flags &= ~(PORT_VLAN_AWARE | PORT_INSPECTED);
}
