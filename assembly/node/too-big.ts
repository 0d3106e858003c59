/**
 * Too big: tells the sender of a packet that is too long for the path, so that it sends
 * shorter ones: ICMP "fragmentation needed" with the MTU (RFC 1191 §4), ICMPv6 "packet too
 * big" (RFC 4443 §3.2). Any other error as well, for zones. The packet itself stays
 * what it was; the caller drops it.
 *
 * The message leaves by the port the packet came from, behind its Ethernet header turned
 * round, tags kept: a bridge has no address of its own, so it speaks for the destination,
 * unless the caller has an address. It is a copy in the books.
 *
 * Nobody is told (RFC 1812 §4.3.2.7, RFC 4443 §2.4): about frames and packets to groups,
 * from a source that is no one station's, about errors themselves, about fragments but the
 * first, about a header that does not add up, nor more often than the port's limit
 * (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)). RFC 4443 would allow it for groups; a flood of
 * answers to a flood is worth less.
 */
import { CoreCounter, RxFlag } from '../abi';
import { Core, count } from '../memory';
import { PACKET_TAGGED, Packet, reserve } from '../packet';
import { ETHERNET_BYTES, Ethernet, isStation } from '../wire/ethernet';
import { UPPER_NEXT_SHIFT, UPPER_OFFSET_MASK, upperLayerAt } from '../wire/extension';
import { ICMP_BYTES, ICMP_FRAGMENTATION_NEEDED, ICMP_UNREACHABLE, Icmp } from '../wire/icmp';
import { ICMP6_BYTES, ICMP6_TOO_BIG, ICMP6_ERROR_BYTES, Icmp6, NEXT_ICMP6 } from '../wire/icmp6';
import {
  IPV4_BYTES,
  IPV4_DF,
  Ipv4,
  PROTOCOL_ICMP,
  TYPE_IPV4,
  ipv4BytesAt,
  isStationIpv4,
} from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6, isGroupIpv6 } from '../wire/ipv6';
import { networkOffset } from '../wire/vlan';
import { sendReply } from './answer';

/** Longest message: RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c). */
const MOST_IPV4_BYTES: u32 = 576;
const MOST_IPV6_BYTES: u32 = 1280;
/** Least MTU that hosts believe: RFC 1191 §3, RFC 8201 §4. */
const LEAST_MTU4_BYTES: u32 = 68;
const LEAST_MTU6_BYTES: u32 = 1280;
/** RFC 1812 §4.3.2.5: precedence of errors is internetwork control. */
const ERROR_TOS: u32 = 0xc0;
const TTL: u32 = 64; // RFC 1700: default
const CODE_SHIFT: u32 = 8;
const TYPE_MASK: u32 = 0xff;

/** Messages out of one port. */
const TOLD_PER_SEC: u32 = 100;
const TOLD_BURST: u32 = 50;

const ADDRESS_HALF_BYTES: usize = 8;

/**
 * Tells the packet's sender that the path takes `mtuBytes` bytes behind an Ethernet header
 * (tags take their part of them). `from`: where the 4 or 16 bytes of the speaker's address
 * are; 0: it speaks for the destination. Returns whether a message left.
 */
export function answerTooBig(core: Core, p: Packet, mtuBytes: u32, from: usize = 0): bool {
  const ethernet = Ethernet.at(p.data);
  if (!isStation(ethernet.source) || !isStation(ethernet.destination)) return false;
  const l3 = networkOffset(p.data, p.length);
  const tagBytes = l3 - ETHERNET_BYTES;
  const mtu = mtuBytes > tagBytes ? mtuBytes - tagBytes : 0;
  const type = Ethernet.at(p.data + tagBytes).type;
  if (type == TYPE_IPV4) return tell4(core, p, l3, max(mtu, LEAST_MTU4_BYTES), from);
  return type == TYPE_IPV6 && tell6(core, p, l3, max(mtu, LEAST_MTU6_BYTES), from);
}

function tell4(core: Core, p: Packet, l3: u32, mtuBytes: u32, from: usize): bool {
  const ip = Ipv4.at(p.data + l3);
  const total = ipv4BytesAt(p.data + l3, p.length - l3);
  if (total <= mtuBytes) return false;
  const kind = ICMP_UNREACHABLE | (ICMP_FRAGMENTATION_NEEDED << CODE_SHIFT);
  return answerError4(core, p, l3, total, kind, mtuBytes, from);
}

/**
 * Tells the sender of the IPv4 packet of `total` bytes at `l3` of the frame about an error.
 * `kind`: ICMP type | code << 8; `rest`: bytes 4-7 of the message; `from` as above. Returns
 * whether a message left.
 */
export function answerError4(
  core: Core,
  p: Packet,
  l3: u32,
  total: u32,
  kind: u32,
  rest: u32,
  from: usize,
): bool {
  const ip = Ipv4.at(p.data + l3);
  if (!mayHear4(ip, total)) return false;
  const quoted = min(total, MOST_IPV4_BYTES - IPV4_BYTES - ICMP_BYTES);
  const bytes = IPV4_BYTES + ICMP_BYTES + quoted;
  const reply = openReply(core, p, l3, bytes);
  if (reply == 0) return false;
  const header = Ipv4.at(reply + l3);
  header.emit(ERROR_TOS, bytes, IPV4_DF, TTL, PROTOCOL_ICMP);
  header.source = from == 0 ? ip.destination : bswap<u32>(load<u32>(from));
  header.destination = ip.source;
  header.seal();
  const icmp = Icmp.at(reply + l3 + IPV4_BYTES);
  icmp.emit(kind & TYPE_MASK, kind >> CODE_SHIFT, rest);
  memory.copy(changetype<usize>(icmp) + ICMP_BYTES, changetype<usize>(ip), quoted);
  icmp.seal(ICMP_BYTES + quoted);
  closeReply(core, p, reply, l3 + bytes);
  return true;
}

/** Whether the sender of a packet of `total` bytes may be told about it. */
function mayHear4(ip: Ipv4, total: u32): bool {
  if (!isStationIpv4(ip.source) || !isStationIpv4(ip.destination)) return false;
  if (!ip.hasRightSum || ip.fragmentOffset != 0) return false;
  if (ip.protocol != PROTOCOL_ICMP) return true;
  const header = ip.headerBytes;
  return header + ICMP_BYTES <= total && !Icmp.at(changetype<usize>(ip) + header).isError;
}

function tell6(core: Core, p: Packet, l3: u32, mtuBytes: u32, from: usize): bool {
  const at: usize = p.data + l3;
  if (p.window(l3, IPV6_BYTES) == 0) return false;
  const ip = Ipv6.at(at);
  const total = IPV6_BYTES + ip.payloadBytes;
  if (total <= mtuBytes || p.window(l3, total) == 0) return false;
  return answerError6(core, p, l3, total, ICMP6_TOO_BIG, mtuBytes, from);
}

/** As `answerError4`, of the IPv6 packet of `total` bytes at `l3`, which are all there. */
export function answerError6(
  core: Core,
  p: Packet,
  l3: u32,
  total: u32,
  kind: u32,
  rest: u32,
  from: usize,
): bool {
  const at: usize = p.data + l3;
  const ip = Ipv6.at(at);
  if (!mayHear6(ip, total)) return false;
  const quoted = min(total, MOST_IPV6_BYTES - IPV6_BYTES - ICMP6_ERROR_BYTES);
  const messageBytes = ICMP6_ERROR_BYTES + quoted;
  const reply = openReply(core, p, l3, IPV6_BYTES + messageBytes);
  if (reply == 0) return false;
  const header = Ipv6.at(reply + l3);
  header.emit(messageBytes, NEXT_ICMP6, TTL);
  header.sourceHead = from == 0 ? ip.destinationHead : load<u64>(from);
  header.sourceTail = from == 0 ? ip.destinationTail : load<u64>(from, ADDRESS_HALF_BYTES);
  header.destinationHead = ip.sourceHead;
  header.destinationTail = ip.sourceTail;
  const icmp = reply + l3 + IPV6_BYTES;
  memory.copy(icmp + ICMP6_ERROR_BYTES, at, quoted);
  Icmp6.at(icmp).emit(kind & TYPE_MASK, kind >> CODE_SHIFT, rest, messageBytes);
  closeReply(core, p, reply, l3 + IPV6_BYTES + messageBytes);
  return true;
}

function mayHear6(ip: Ipv6, total: u32): bool {
  if (!ip.isVersion6 || (ip.sourceHead | ip.sourceTail) == 0) return false;
  if (isGroupIpv6(ip.sourceHead) || isGroupIpv6(ip.destinationHead)) return false;
  const upper = upperLayerAt(changetype<usize>(ip), total);
  if (upper == 0) return false;
  if (upper >> UPPER_NEXT_SHIFT != NEXT_ICMP6) return true;
  const offset = upper & UPPER_OFFSET_MASK;
  return offset + ICMP6_BYTES <= total && !Icmp6.at(changetype<usize>(ip) + offset).isError;
}

/** Bytes for the reply, with its Ethernet header and tags; 0 when it may not be sent. */
function openReply(core: Core, p: Packet, l3: u32, bytes: u32): usize {
  if (!p.port.errorLimit.takes(core.nowMs, TOLD_PER_SEC, TOLD_BURST)) return 0;
  const reply = reserve(core, l3 + bytes);
  if (reply == 0) return 0;
  const asked = Ethernet.at(p.data);
  memory.copy(reply, p.data, l3);
  Ethernet.at(reply).address(asked.source, asked.destination);
  return reply;
}

function closeReply(core: Core, p: Packet, reply: usize, bytes: u32): void {
  count(core.coreCounters, CoreCounter.Copies, 1);
  sendReply(core, p, reply, bytes, p.flags & (RxFlag.Trace | PACKET_TAGGED));
}
