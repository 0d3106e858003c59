/**
 * Flow hash: the outer UDP source port, made of the inner frame, so that equal-cost paths
 * and receive queues of the underlay see flows though all is one tunnel (RFC 7348 §5,
 * RFC 8926 §3.3, RFC 7510 §3: 49152 to 65535).
 *
 *   IPv4, IPv6       addresses and protocol; with a protocol that has ports, these, too
 *   a fragment       addresses and protocol, the first fragment as the others
 *   MPLS             what is behind the labels, when it is IP
 *   anything else    MAC addresses and ethertype
 *
 * Up to two VLAN tags, eight labels and eight IPv6 extension headers are passed over; behind
 * more of them there are no ports, or no IP. One flow has one port whatever the size of its
 * packets. The IPv6 flow label is not read: hosts may change it within a flow.
 *
 * A flow is two ends, a number each of address and port. In symmetric mode they are sorted,
 * so that both directions have one port. Strangers choose flows, so multipliers are secret:
 * who does not know the seed cannot send many flows down one path on purpose.
 */
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import {
  EXTENSION_BYTES,
  MOST_EXTENSIONS,
  NEXT_FRAGMENT,
  extensionBytes,
  isExtension,
  isPart,
} from '../wire/extension';
import { IPV4_BYTES, Ipv4, PROTOCOL_TCP, PROTOCOL_UDP, TYPE_IPV4 } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { VLAN_BYTES, isTpid } from '../wire/vlan';

/** RFC 6335 §6: dynamic ports, a quarter of 65536. */
const FIRST_PORT: u32 = 49152;
const PORT_SHIFT: u64 = 50; // leaves 14 bits of 64

/** Where the end's port and the protocol lie; the address is below. */
const END_PORT_SHIFT: u64 = 32;
const PROTOCOL_SHIFT: u64 = 48;
const HALF_BITS: u64 = 32;
/** What a seed is mixed with, so that a small one does no harm: digits of pi. */
const SALT_A: u64 = 0x243f6a8885a308d3;
const SALT_B: u64 = 0x13198a2e03707344;

// A frame that is not tagged, with an IPv4 header without options: where its fields are.
const IPV4_START: usize = 12; // ethertype, then the first byte of the header
const IPV4_START_MASK: u32 = 0x00ffffff;
const IPV4_START_PLAIN: u32 = 0x00450008;
const KIND: usize = 20; // flags, offset, time to live, protocol
const KIND_MASK: u32 = 0xff00ff3f; // more fragments or an offset, and the protocol
const KIND_SHIFT: u32 = 24;
const PROTOCOL: usize = 23;
const SOURCE: usize = 26;
const DESTINATION: usize = 30;
const SOURCE_PORT: usize = 34;
const DESTINATION_PORT: usize = 36;
const PLAIN_BYTES: u32 = 38;

/** Both ports, in the protocols that have them at the start. */
const PORTS_BYTES: u32 = 4;
const PORT_MASK: u32 = 0xffff;
const PROTOCOL_DCCP: u32 = 33; // RFC 4340 §5.1
const PROTOCOL_SCTP: u32 = 132; // RFC 9260 §3.1
const PROTOCOL_UDP_LITE: u32 = 136; // RFC 3828 §3.1

const MOST_TAGS: u32 = 2;
const MOST_LABELS: u32 = 8;
const TYPE_MPLS: u32 = 0x8847; // RFC 5332 §3
const TYPE_MPLS_UPSTREAM: u32 = 0x8848;
const LABEL_BYTES: u32 = 4;
const LABEL_LAST_OFFSET: usize = 2; // the byte with the bit
const LABEL_LAST: u32 = 1; // RFC 3032 §2.1: bottom of stack
const VERSION_SHIFT: u8 = 4;
const VERSION_4: u32 = 4;
const VERSION_6: u32 = 6;
const IPV4_SOURCE: usize = 12;
const IPV4_DESTINATION: usize = 16;
const IPV6_SOURCE: usize = 8;
const IPV6_DESTINATION: usize = 24;
const HALF_ADDRESS_BYTES: usize = 8;

/** What stands for both ports where there are none. */
const NO_PORTS: u32 = 0;

/**
 * Source port for the frame of `length` bytes, at least an Ethernet header, at `frame`: 49152
 * to 65535. With `isSymmetric` both directions of a flow have the same.
 */
export function sourcePortOf(frame: usize, length: u32, seed: u64, isSymmetric: bool): u32 {
  if (!isPlain(frame, length)) return portOfOther(frame, length, seed, isSymmetric);
  const source = <u64>load<u32>(frame, SOURCE);
  const destination = <u64>load<u32>(frame, DESTINATION);
  const from = source | ((<u64>load<u16>(frame, SOURCE_PORT)) << END_PORT_SHIFT);
  const to = destination | ((<u64>load<u16>(frame, DESTINATION_PORT)) << END_PORT_SHIFT);
  return portOfEnds(from, to, load<u8>(frame, PROTOCOL), seed, isSymmetric);
}

/** TCP or UDP over IPv4, without tags, options or fragments. */
function isPlain(frame: usize, length: u32): bool {
  if (length < PLAIN_BYTES) return false;
  if ((load<u32>(frame, IPV4_START) & IPV4_START_MASK) != IPV4_START_PLAIN) return false;
  const kind = load<u32>(frame, KIND) & KIND_MASK;
  return kind == PROTOCOL_TCP << KIND_SHIFT || kind == PROTOCOL_UDP << KIND_SHIFT;
}

/** The ends use bits 0 to 47, or all, when `kind` is spread over them. */
function portOfEnds(from: u64, to: u64, kind: u64, seed: u64, isSymmetric: bool): u32 {
  let first = from;
  let second = to;
  if (isSymmetric) {
    first = min(from, to);
    second = max(from, to);
  }
  const a = multiplierA(seed);
  const b = multiplierB(seed);
  // Two products side by side, then folded twice: with one fold less 0.6 ns less
  // (bench/flow-hash.ts), but ports in a row crowd for one seed in twenty (the test).
  const left = (first ^ seed) * a;
  const right = (second ^ (kind << PROTOCOL_SHIFT)) * b;
  let hash = ((left ^ (left >> HALF_BITS)) + rotl(right, HALF_BITS)) * a;
  hash ^= hash >> HALF_BITS;
  return FIRST_PORT + <u32>((hash * b) >> PORT_SHIFT);
}

function multiplierA(seed: u64): u64 {
  return (seed ^ SALT_A) | 1;
}

function multiplierB(seed: u64): u64 {
  return (rotl(seed, HALF_BITS) ^ SALT_B) | 1;
}

/** Everything but the common frame. */
function portOfOther(frame: usize, length: u32, seed: u64, isSymmetric: bool): u32 {
  let l3 = ETHERNET_BYTES;
  let type = Ethernet.at(frame).type;
  for (let tags: u32 = 0; tags < MOST_TAGS; tags++) {
    if (!isTpid(type) || l3 + VLAN_BYTES > length) break;
    l3 += VLAN_BYTES;
    type = Ethernet.at(frame + l3 - ETHERNET_BYTES).type;
  }
  let port: u32 = 0;
  if (type == TYPE_MPLS || type == TYPE_MPLS_UPSTREAM) {
    l3 = behindLabels(frame, l3, length);
    port = portOfIp(frame + l3, length - l3, seed, isSymmetric);
  } else if (type == TYPE_IPV4 || type == TYPE_IPV6) {
    port = portOfIp(frame + l3, length - l3, seed, isSymmetric);
  }
  return port != 0 ? port : portOfMacs(frame, type, seed, isSymmetric);
}

function portOfMacs(frame: usize, type: u32, seed: u64, isSymmetric: bool): u32 {
  const ethernet = Ethernet.at(frame);
  return portOfEnds(ethernet.source, ethernet.destination, type, seed, isSymmetric);
}

/** Where the label stack at `l3` ends; `length` when it has no end, or none near. */
function behindLabels(frame: usize, l3: u32, length: u32): u32 {
  let end = l3;
  for (let labels: u32 = 0; labels < MOST_LABELS && end + LABEL_BYTES <= length; labels++) {
    end += LABEL_BYTES;
    const last: u32 = load<u8>(frame + end - LABEL_BYTES, LABEL_LAST_OFFSET);
    if ((last & LABEL_LAST) != 0) return end;
  }
  return length;
}

/** Of the IP packet at `at`, of which `bytes` bytes are there; 0 when there is none. */
function portOfIp(at: usize, bytes: u32, seed: u64, isSymmetric: bool): u32 {
  if (bytes < IPV4_BYTES) return 0;
  const version: u32 = load<u8>(at) >> VERSION_SHIFT;
  if (version == VERSION_6) return portOfIpv6(at, bytes, seed, isSymmetric);
  const ip = Ipv4.at(at);
  const header = ip.headerBytes;
  if (version != VERSION_4 || header < IPV4_BYTES || header > bytes) return 0;
  const protocol = ip.protocol;
  const ports = ip.isFragment ? NO_PORTS : portsAt(at, header, bytes, protocol);
  const from = endOf(load<u32>(at, IPV4_SOURCE), ports);
  const to = endOf(load<u32>(at, IPV4_DESTINATION), ports >>> 16);
  return portOfEnds(from, to, protocol, seed, isSymmetric);
}

/** An address and the low 16 bits of `ports`. */
function endOf(address: u32, ports: u32): u64 {
  return (<u64>address) | ((<u64>(ports & PORT_MASK)) << END_PORT_SHIFT);
}

/** Both ports as loaded, source low; NO_PORTS when the protocol has none. */
function portsAt(at: usize, offset: u32, bytes: u32, protocol: u32): u32 {
  if (offset + PORTS_BYTES > bytes) return NO_PORTS;
  const ports = load<u32>(at + offset);
  if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) return ports;
  if (protocol == PROTOCOL_SCTP || protocol == PROTOCOL_DCCP) return ports;
  return protocol == PROTOCOL_UDP_LITE ? ports : NO_PORTS;
}

function portOfIpv6(at: usize, bytes: u32, seed: u64, isSymmetric: bool): u32 {
  if (bytes < IPV6_BYTES) return 0;
  let next = Ipv6.at(at).nextHeader;
  let offset = IPV6_BYTES;
  let ports = NO_PORTS;
  for (let headers: u32 = 0; headers < MOST_EXTENSIONS; headers++) {
    if (!isExtension(next)) {
      ports = portsAt(at, offset, bytes, next);
      break;
    }
    if (offset + EXTENSION_BYTES > bytes) break;
    const header = at + offset;
    const isLast = next == NEXT_FRAGMENT && isPart(header);
    offset += extensionBytes(header, next);
    next = load<u8>(header);
    if (isLast) break; // no look behind: the others have nothing there
  }
  const from = endOfIpv6(at + IPV6_SOURCE, ports, seed);
  const to = endOfIpv6(at + IPV6_DESTINATION, ports >>> 16, seed);
  return portOfEnds(from, to, next, seed, isSymmetric);
}

/** The address at `at` and the low 16 bits of `ports`, as one number. */
function endOfIpv6(at: usize, ports: u32, seed: u64): u64 {
  let end = (load<u64>(at) ^ seed) * multiplierB(seed);
  end = ((end ^ (end >> HALF_BITS)) + load<u64>(at, HALF_ADDRESS_BYTES)) * multiplierA(seed);
  return (end ^ (end >> HALF_BITS)) + (ports & PORT_MASK);
}
