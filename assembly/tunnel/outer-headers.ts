/**
 * The outer Ethernet, IP and UDP headers of a packet to a VTEP: the VTEP's template
 * (table/vtep.ts), and what differs from packet to packet.
 */
import { OVERLAY_SUM_ALWAYS, OVERLAY_SUM_NEVER, Overlay } from '../table/overlay';
import { VTEP_IPV6, Vtep } from '../table/vtep';
import { checksumOf, fold, pseudoSum4, pseudoSum6, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { IPV4_BYTES, PROTOCOL_UDP } from '../wire/ipv4';
import { IPV6_BYTES } from '../wire/ipv6';
import { UDP_BYTES, Udp, udpChecksum } from '../wire/udp';

/** Ethernet, IP and UDP over each family. */
export const OUTER_IPV4_BYTES: u32 = ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES;
export const OUTER_IPV6_BYTES: u32 = ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES;

// Offsets from the start of the frame: RFC 791 §3.1.
const TOS: usize = 15;
const LENGTH: usize = 16; // then identification, fragment, TTL and protocol
const CHECKSUM: usize = 24;
const ADDRESSES: usize = 26;
// Of the header itself: RFC 8200 §3.
const IPV6_LENGTH: usize = 4;
const IPV6_HOPS: usize = 7;

/** What a header says of more than its VTEP, as one number: TTL, TOS, don't fragment. */
export const TOS_SHIFT: u32 = 8;
const BYTE_MASK: u32 = 0xff;
export const HEADER_DF: u32 = 0x10000;

export function headerOf(ttl: u32, tos: u32): u32 {
  return ttl | (tos << TOS_SHIFT);
}

/** The word of fragment, TTL and protocol, as it is stored. DF is bit 6 of its first byte. */
const DF_BYTE: u32 = 0x40;
const TTL_SHIFT: u32 = 16;
const UDP_WORD: u32 = PROTOCOL_UDP << 24;
const TOS_BYTE_SHIFT: u32 = 8;
const CLASS_HIGH_SHIFT: u32 = 4;
const VERSION_6: u32 = 0x60;

/** Bytes of the outer headers of packets to a VTEP. */
export function outerBytesOf(vtep: Vtep): u32 {
  return vtep.has(VTEP_IPV6) ? OUTER_IPV6_BYTES : OUTER_IPV4_BYTES;
}

/**
 * Writes them at `at`, before `payloadBytes` bytes of UDP payload. `ports` is the source
 * port, and the destination in the upper half. The checksum is still to come over IPv6.
 */
export function pushOuter(at: usize, vtep: Vtep, header: u32, ports: u32, payloadBytes: u32): void {
  const udpBytes = UDP_BYTES + payloadBytes;
  if (vtep.has(VTEP_IPV6)) return pushIpv6(at, vtep, header, ports, udpBytes);
  const from = changetype<usize>(vtep);
  const ttl = header & BYTE_MASK;
  const tos = (header >> TOS_SHIFT) & BYTE_MASK;
  const df = (header & HEADER_DF) != 0 ? DF_BYTE : 0;
  const lengthBe: u32 = bswap<u16>(<u16>(IPV4_BYTES + udpBytes));
  // Few and wide stores: bytes 0-15, 15, 16-23, 24-25, 26-33 and UDP (42 -> 38 ns).
  v128.store(at, v128.load(from));
  store<u8>(at, <u8>tos, TOS);
  store<u64>(at, lengthBe | ((<u64>(df | (ttl << TTL_SHIFT) | UDP_WORD)) << 32), LENGTH);
  let sum = vtep.baseSum + (tos << TOS_BYTE_SHIFT) + lengthBe + df + ttl;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store<u16>(at, <u16>~sum, CHECKSUM);
  store<u64>(at, load<u64>(from, ADDRESSES), ADDRESSES);
  pushUdp(at + ETHERNET_BYTES + IPV4_BYTES, ports, udpBytes);
}

function pushUdp(udp: usize, ports: u32, bytes: u32): void {
  const lengthBe: u64 = bswap<u16>(<u16>bytes);
  store<u64>(udp, bswap<u32>(rotl(ports, 16)) | (lengthBe << 32));
}

function pushIpv6(at: usize, vtep: Vtep, header: u32, ports: u32, udpBytes: u32): void {
  memory.copy(at, changetype<usize>(vtep), OUTER_IPV6_BYTES - UDP_BYTES);
  pushUdp(at + ETHERNET_BYTES + IPV6_BYTES, ports, udpBytes);
  finishIpv6(at + ETHERNET_BYTES, header, udpBytes);
}

function finishIpv6(ip: usize, header: u32, udpBytes: u32): void {
  const tos = (header >> TOS_SHIFT) & BYTE_MASK;
  store<u8>(ip, <u8>(VERSION_6 | (tos >> CLASS_HIGH_SHIFT)));
  store<u8>(ip, <u8>((tos << CLASS_HIGH_SHIFT) & 0xf0), 1);
  store<u16>(ip, bswap<u16>(<u16>udpBytes), IPV6_LENGTH);
  store<u8>(ip, <u8>(header & BYTE_MASK), IPV6_HOPS);
}

/** Whether packets of an overlay to a VTEP carry a UDP checksum. */
export function wantsChecksum(overlay: Overlay, vtep: Vtep): bool {
  if (vtep.has(VTEP_IPV6)) return !overlay.has(OVERLAY_SUM_NEVER);
  return overlay.has(OVERLAY_SUM_ALWAYS);
}

/** Computes the UDP checksum of the packet whose outer headers begin at `at`. */
export function sealChecksum(at: usize, vtep: Vtep): void {
  const udp = udpOf(at, vtep);
  const sum = sumBytes(changetype<usize>(udp), udp.bytes) + pseudoSum(at, vtep, udp.bytes);
  udp.checksum = <u16>udpChecksum(checksumOf(sum));
}

/** Leaves the checksum to a device that segments: the field holds the pseudo header's sum. */
export function openChecksum(at: usize, vtep: Vtep): void {
  const udp = udpOf(at, vtep);
  udp.checksum = <u16>fold(pseudoSum(at, vtep, udp.bytes));
}

function udpOf(at: usize, vtep: Vtep): Udp {
  return Udp.at(at + outerBytesOf(vtep) - UDP_BYTES);
}

function pseudoSum(at: usize, vtep: Vtep, bytes: u32): u64 {
  const ip = at + ETHERNET_BYTES;
  if (vtep.has(VTEP_IPV6)) return pseudoSum6(ip, PROTOCOL_UDP, bytes);
  return pseudoSum4(ip, PROTOCOL_UDP, bytes);
}
