/**
 * What a router says of a packet that does not fit: ICMP fragmentation needed (RFC 792,
 * RFC 1191 §4) or ICMPv6 packet too big (RFC 4443 §3.2), to the sender, over the same
 * Ethernet header with its addresses swapped.
 */
import { parseIp } from '../frame/address.js';
import { icmpMessage, ipPacket, words16 } from './build.js';
import { ICMP, ICMP6, type IpPacket, type SimFrame, ipPacketOf } from './frame.js';

const UNREACHABLE = { type: 3, code: 4 };
const PACKET_TOO_BIG = { type: 2, code: 0 };
/** Longest answers: RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c). */
const IPV4_ANSWER_BYTES = 576;
const IPV6_ANSWER_BYTES = 1280;
/** Headers of an answer before what it quotes. */
const IPV4_HEADERS_BYTES = 28;
const IPV6_HEADERS_BYTES = 48;
/** Of routers whose address nobody gave: RFC 7600 §6; a link-local one. */
const NAMELESS = [parseIp('192.0.0.8')!, parseIp('fe80::1')!];

/** Undefined: nothing is said of such a frame: it is no IP packet, or may be fragmented. */
export function tooBigAnswer(
  frame: SimFrame,
  mtuBytes: number,
  routers: readonly Uint8Array[],
): SimFrame | undefined {
  const ip = ipPacketOf(frame.bytes);
  if (ip === undefined || !ip.dontFragment || isError(frame.bytes, ip)) return undefined;
  const from = [...routers, ...NAMELESS].find(router => router.length === ip.from.length)!;
  const ends = { from, to: ip.from };
  const isIpv4 = ip.version === 4;
  const most = isIpv4
    ? IPV4_ANSWER_BYTES - IPV4_HEADERS_BYTES
    : IPV6_ANSWER_BYTES - IPV6_HEADERS_BYTES;
  const quoted = frame.bytes.subarray(ip.l3, Math.min(ip.end, ip.l3 + most));
  const rest = Buffer.concat([words16(0, mtuBytes), quoted]);
  const message = icmpMessage(ends, isIpv4 ? UNREACHABLE : PACKET_TOO_BIG, rest);
  const packet = ipPacket(ends, isIpv4 ? ICMP : ICMP6, message, { df: false });
  return { bytes: Buffer.concat([swappedHeader(frame.bytes, ip.l3), packet]) };
}

/** RFC 1122 §3.2.2: never an error about an error. Only queries are not. */
function isError(bytes: Uint8Array, { protocol, l4, version }: IpPacket): boolean {
  const type = bytes[l4] ?? 0;
  if (version === 6) return protocol === ICMP6 && type < 128;
  return protocol === ICMP && [3, 4, 5, 11, 12].includes(type);
}

function swappedHeader(bytes: Uint8Array, headerBytes: number): Uint8Array {
  const macs = [bytes.subarray(6, 12), bytes.subarray(0, 6)];
  return Buffer.concat([...macs, bytes.subarray(12, headerBytes)]);
}
