/**
 * Coalesce: lets TCP segments of one inner flow grow together again into one offloaded
 * frame, as receive offload of a device does, before the frame meets the bridge: one
 * lookup and one write to a device instead of forty.
 *
 * A segment is appended when it follows the one before in the same super frame and in the
 * stream, and both headers say the same: MACs, TOS, TTL, addresses, ports, acknowledgement,
 * window, options. Only whole IPv4 packets without options and IPv6 without extensions
 * take part, only with the flags ACK and PSH, and only when their checksums are right: what
 * a fault would hide in is left alone. PSH and a short segment end the frame. Order is
 * kept, and nothing waits: a frame is finished with its super frame.
 *
 * Bytes move towards the start of the super frame only, over headers already read.
 */
import { Node, RxFlag, Trace, VNET_BYTES } from '../abi';
import { Core, GROWN_BYTES } from '../memory';
import { Packet } from '../packet';
import { note, say } from '../trace';
import { fold } from '../wire/checksum';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { IPV4_BYTES, Ipv4, PROTOCOL_TCP } from '../wire/ipv4';
import { IPV6_BYTES } from '../wire/ipv6';
import {
  LAYER4_MASK,
  LAYER4_OF_IPV4,
  LAYER4_PROTOCOL_SHIFT,
  plainLayer4,
  plainPseudoSum,
  plainSum,
} from '../wire/layer4';
import { TCP_ACK, TCP_BYTES, TCP_PSH, Tcp } from '../wire/tcp';
import { GSO_TCP4, GSO_TCP6, Vnet } from '../wire/vnet';

const MOST_IP_BYTES: u32 = 65535;
/** Less than a tunnel header and the inner headers behind it. */
const SHIFT_BYTES: u32 = 16;
const RIGHT_SUM: u32 = 0xffff;

// Offsets: RFC 791 §3.1, RFC 8200 §3.
const IPV4_FRAGMENT: usize = 6;
const IPV6_LENGTH: usize = 4;
const IPV6_NEXT: usize = 6;

/** The frame that grows. */
@unmanaged
export class Grown {
  /** 0: nothing may be appended. */
  isOpen: u32;
  /** Where TCP begins, and where its payload does. */
  l4: u32;
  headerBytes: u32;
  /** Payload of its first segment, and so of each but the last. */
  segmentBytes: u32;
  /** Sequence number that comes next. */
  nextSequence: u32;
  segments: u32;
  /** Flags of the last segment. */
  flags: u32;
  /** 1: the checksum of the first segment was looked at. */
  isChecked: u32;
  /** 1: the bytes before the frame are outer headers, and free. */
  hasRoom: u32;

  static at(ptr: usize): Grown {
    return changetype<Grown>(ptr);
  }

  /** Begins with a packet, if it is one that may grow. */
  begin(p: Packet, hasRoom: bool): void {
    const l4 = tcpOffset(p);
    this.isOpen = 0;
    this.segments = 1;
    this.hasRoom = hasRoom ? 1 : 0;
    if (l4 == 0 || p.has(RxFlag.Offload)) return;
    const tcp = Tcp.at(p.data + l4);
    const headers = l4 + tcp.headerBytes;
    if (headers < l4 + TCP_BYTES || headers >= p.length) return;
    this.flags = tcp.flags;
    if (this.flags != TCP_ACK) return;
    this.l4 = l4;
    this.headerBytes = headers;
    this.segmentBytes = p.length - headers;
    this.nextSequence = tcp.sequence + this.segmentBytes;
    this.isChecked = 0;
    this.isOpen = 1;
  }
}

if (offsetof<Grown>() > GROWN_BYTES) ERROR('Grown must fit GROWN_BYTES');

/** Appends `p` to `grown`, which may be null. False: `p` stands for itself. */
export function coalesce(core: Core, grown: Packet, p: Packet): bool {
  const state = Grown.at(core.grown);
  if (changetype<usize>(grown) != 0 && state.isOpen != 0 && isNext(state, grown, p)) {
    append(state, grown, p);
    return true;
  }
  return false;
}

/** Begins anew with `p`; `hasRoom`: before it are the outer headers. */
export function beginCoalesced(core: Core, p: Packet, hasRoom: bool): Packet {
  Grown.at(core.grown).begin(p, hasRoom);
  return p;
}

/** Gives a frame that has grown the headers of all of it. Returns null. */
export function finishCoalesced(core: Core, grown: Packet): Packet {
  const state = Grown.at(core.grown);
  if (changetype<usize>(grown) == 0 || state.segments == 1) return changetype<Packet>(0);
  const data: usize = grown.data;
  const l4 = state.l4;
  const isIpv4 = l4 == LAYER4_OF_IPV4;
  setLength(data + ETHERNET_BYTES, isIpv4, grown.length - ETHERNET_BYTES);
  const tcp = Tcp.at(data + l4);
  tcp.flags = state.flags;
  tcp.checksum = <u16>fold(plainPseudoSum(data, grown.length, l4, PROTOCOL_TCP));
  const kind = isIpv4 ? GSO_TCP4 : GSO_TCP6;
  const vnet = Vnet.at(data - VNET_BYTES);
  vnet.emit(kind, state.headerBytes, state.segmentBytes, l4, offsetof<Tcp>('checksum'));
  grown.flags |= RxFlag.Offload;
  if (grown.has(RxFlag.Trace)) {
    say(note(core, grown, Node.Decap, Trace.Coalesced), state.segments, grown.length, 0);
  }
  state.isOpen = 0;
  state.segments = 1;
  return changetype<Packet>(0);
}

/** Where TCP begins in a plain packet whose IP header is right; 0: elsewhere. */
function tcpOffset(p: Packet): u32 {
  const layer4 = plainLayer4(p.data, p.length);
  if (layer4 >> LAYER4_PROTOCOL_SHIFT != PROTOCOL_TCP) return 0;
  const l4 = layer4 & LAYER4_MASK;
  const isRight = l4 != LAYER4_OF_IPV4 || Ipv4.at(p.data + ETHERNET_BYTES).hasRightSum;
  return isRight ? l4 : 0;
}

function hasRightSum(p: Packet, l4: u32): bool {
  return fold(plainSum(p.data, p.length, l4, PROTOCOL_TCP)) == RIGHT_SUM;
}

function isNext(state: Grown, grown: Packet, p: Packet): bool {
  const l4 = state.l4;
  const headers = state.headerBytes;
  if (p.has(RxFlag.Offload)) return false;
  if (p.length <= headers || tcpOffset(p) != l4) return false;
  const tcp = Tcp.at(p.data + l4);
  if (l4 + tcp.headerBytes != headers || p.length - headers > state.segmentBytes) return false;
  if (grown.length + p.length - headers - ETHERNET_BYTES > MOST_IP_BYTES) return false;
  if ((tcp.flags & ~TCP_PSH) != TCP_ACK || tcp.sequence != state.nextSequence) return false;
  if (!isSameFlow(grown.data, p.data, l4, headers)) return false;
  if (state.isChecked == 0) {
    if (!hasRightSum(grown, l4)) return false;
    state.isChecked = 1;
  }
  return hasRightSum(p, l4);
}

/** Whether two headers differ in nothing but lengths, identification, sequence and sums. */
function isSameFlow(a: usize, b: usize, l4: u32, headers: u32): bool {
  if (memory.compare(a, b, ETHERNET_BYTES) != 0) return false;
  const ipA = a + ETHERNET_BYTES;
  const ipB = b + ETHERNET_BYTES;
  const isIpv4 = l4 == LAYER4_OF_IPV4;
  // IPv4: TOS, fragment word and TTL, then addresses; IPv6: class and label, hops, addresses.
  const isSameIp = isIpv4
    ? load<u16>(ipA) == load<u16>(ipB) &&
      load<u32>(ipA, IPV4_FRAGMENT) == load<u32>(ipB, IPV4_FRAGMENT) &&
      load<u64>(ipA, IPV4_BYTES - 8) == load<u64>(ipB, IPV4_BYTES - 8)
    : load<u32>(ipA) == load<u32>(ipB) &&
      memory.compare(ipA + IPV6_NEXT, ipB + IPV6_NEXT, IPV6_BYTES - <u32>IPV6_NEXT) == 0;
  if (!isSameIp) return false;
  const tcpA = Tcp.at(a + l4);
  const tcpB = Tcp.at(b + l4);
  const isSameTcp =
    tcpA.source == tcpB.source &&
    tcpA.destination == tcpB.destination &&
    tcpA.acknowledged == tcpB.acknowledged &&
    tcpA.window == tcpB.window;
  if (!isSameTcp) return false;
  const options = l4 + TCP_BYTES;
  return memory.compare(a + options, b + options, headers - options) == 0;
}

function append(state: Grown, grown: Packet, p: Packet): void {
  const headers = state.headerBytes;
  const bytes = p.length - headers;
  state.flags = Tcp.at(p.data + state.l4).flags;
  if (state.hasRoom == 0) {
    // The virtio header needs more room than the tunnel header: move away from the frame before.
    memory.copy(<usize>grown.data + SHIFT_BYTES, grown.data, grown.length);
    grown.data += SHIFT_BYTES;
    state.hasRoom = 1;
  }
  memory.copy(<usize>grown.data + grown.length, <usize>p.data + headers, bytes);
  grown.length += bytes;
  state.segments++;
  state.nextSequence += bytes;
  const isLast = state.flags != TCP_ACK || bytes < state.segmentBytes;
  if (isLast) state.isOpen = 0;
}

function setLength(ip: usize, isIpv4: bool, bytes: u32): void {
  if (!isIpv4) {
    store<u16>(ip, bswap<u16>(<u16>(bytes - IPV6_BYTES)), IPV6_LENGTH);
    return;
  }
  const header = Ipv4.at(ip);
  header.totalBytes = bytes;
  header.seal();
}
