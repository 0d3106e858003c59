/**
 * The outer Ethernet, IP and UDP headers of a packet to a VTEP: the VTEP's template
 * (table/vtep.ts), and what differs from packet to packet.
 */
import { OVERLAY_SUM_ALWAYS, OVERLAY_SUM_NEVER, Overlay } from '../table/overlay';
import { VTEP_IPV6, Vtep } from '../table/vtep';
import { checksumOf, fold, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { IPV6_BYTES } from '../wire/ipv6';

const IPV4_BYTES: u32 = 20;
const UDP_BYTES: u32 = 8;

/** Ethernet, IP and UDP over each family. */
export const OUTER_IPV4_BYTES: u32 = ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES;
export const OUTER_IPV6_BYTES: u32 = ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES;

// Offsets: RFC 791 §3.1, RFC 8200 §3, RFC 768.
const IPV4_LENGTH: usize = 2;
const IPV4_FRAGMENT: usize = 6;
const IPV4_TTL: usize = 8;
const IPV4_CHECKSUM: usize = 10;
const IPV6_LENGTH: usize = 4;
const IPV6_HOPS: usize = 7;
const UDP_DESTINATION: usize = 2;
const UDP_LENGTH: usize = 4;
const UDP_CHECKSUM: usize = 6;

/** What a header says of more than its VTEP, as one number: TTL, TOS, don't fragment. */
const TOS_SHIFT: u32 = 8;
const BYTE_MASK: u32 = 0xff;
export const HEADER_DF: u32 = 0x10000;

export function headerOf(ttl: u32, tos: u32): u32 {
  return ttl | (tos << TOS_SHIFT);
}

/** DF as the checksum's words see it: bit 6 of byte 6. */
const DF_BYTE: u32 = 0x40;
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
  const from = changetype<usize>(vtep);
  const udpBytes = UDP_BYTES + payloadBytes;
  v128.store(at, v128.load(from));
  v128.store(at, v128.load(from, 16), 16);
  if (vtep.has(VTEP_IPV6)) {
    memory.copy(at + 32, from + 32, OUTER_IPV6_BYTES - UDP_BYTES - 32);
    pushUdp(at + ETHERNET_BYTES + IPV6_BYTES, ports, udpBytes);
    return finishIpv6(at + ETHERNET_BYTES, header, udpBytes);
  }
  store<u16>(at, load<u16>(from, 32), 32);
  pushUdp(at + ETHERNET_BYTES + IPV4_BYTES, ports, udpBytes);
  finishIpv4(at + ETHERNET_BYTES, vtep.baseSum, header, IPV4_BYTES + udpBytes);
}

function pushUdp(udp: usize, ports: u32, bytes: u32): void {
  store<u32>(udp, bswap<u32>(rotl(ports, 16)));
  store<u32>(udp, bswap<u32>(bytes << 16), UDP_LENGTH);
}

/** Length, TOS, TTL and DF, and the checksum over all: the template's sum and these. */
function finishIpv4(ip: usize, baseSum: u32, header: u32, bytes: u32): void {
  const ttl = header & BYTE_MASK;
  const tos = (header >> TOS_SHIFT) & BYTE_MASK;
  const df = (header & HEADER_DF) != 0 ? DF_BYTE : 0;
  const lengthBe: u32 = bswap<u16>(<u16>bytes);
  store<u8>(ip, <u8>tos, 1);
  store<u16>(ip, <u16>lengthBe, IPV4_LENGTH);
  store<u8>(ip, <u8>df, IPV4_FRAGMENT);
  store<u8>(ip, <u8>ttl, IPV4_TTL);
  let sum = baseSum + (tos << TOS_BYTE_SHIFT) + lengthBe + df + ttl;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store<u16>(ip, <u16>~sum, IPV4_CHECKSUM);
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
  const udp = at + outerBytesOf(vtep) - UDP_BYTES;
  const bytes: u32 = bswap<u16>(load<u16>(udp, UDP_LENGTH));
  const sum = sumBytes(udp, bytes) + pseudoSum(udp, vtep, bytes);
  const checksum = checksumOf(sum);
  store<u16>(udp, <u16>(checksum == 0 ? 0xffff : checksum), UDP_CHECKSUM);
}

/** Leaves the checksum to a device that segments: the field holds the pseudo header's sum. */
export function openChecksum(at: usize, vtep: Vtep): void {
  const udp = at + outerBytesOf(vtep) - UDP_BYTES;
  const bytes: u32 = bswap<u16>(load<u16>(udp, UDP_LENGTH));
  store<u16>(udp, <u16>fold(pseudoSum(udp, vtep, bytes)), UDP_CHECKSUM);
}

const IPV4_ADDRESSES_BYTES: u32 = 8;
const IPV6_ADDRESSES_BYTES: u32 = 32;
const PROTOCOL_UDP: u32 = 17;

/** Both addresses lie right before the UDP header, of either family. */
function pseudoSum(udp: usize, vtep: Vtep, bytes: u32): u64 {
  const addressBytes = vtep.has(VTEP_IPV6) ? IPV6_ADDRESSES_BYTES : IPV4_ADDRESSES_BYTES;
  const addresses = sumBytes(udp - addressBytes, addressBytes);
  return addresses + bswap<u16>(<u16>PROTOCOL_UDP) + bswap<u16>(<u16>bytes);
}
