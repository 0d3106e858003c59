/**
 * Translate: writes a flow's addresses and ports into an IPv4 packet of it, one hop less, and
 * brings checksums along (RFC 1624, RFC 3022 §4.1; features NA-11). What was wrong stays wrong.
 *
 * A UDP checksum of 0 stays 0; one that becomes 0 is sent as 0xffff (RFC 768). A checksum that
 * the virtio header leaves to a device holds the sum of the pseudo header: only addresses
 * change it. SCTP's CRC32c goes over ports, not over addresses, and is written anew.
 */
import { RxFlag, VNET_BYTES } from '../abi';
import { Packet } from '../packet';
import { FlowLine } from '../table/flow-line';
import { checksumOf, fold } from '../wire/checksum';
import { crc32c } from '../wire/crc32c';
import { Ipv4, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4';
import { UDP_NO_CHECKSUM, udpChecksum } from '../wire/udp';
import { Vnet } from '../wire/vnet';
import { PROTOCOL_SCTP } from './passage';

const SOURCE: usize = 12;
const DESTINATION: usize = 16;
export const TCP_CHECKSUM: usize = 16; // RFC 9293 §3.1
export const UDP_CHECKSUM: usize = 6;
const ICMP_CHECKSUM: usize = 2;
const ICMP_ID: usize = 4;
const SCTP_CHECKSUM: usize = 8;
/** A hop less: what the word of TTL and protocol, as loaded, adds to a sum. */
const HOP_LESS: u64 = 0xfffe;

/** What a checksum's complement grows by when words that sum to `before` become `after`. */
export function deltaOf(before: u64, after: u64): u32 {
  return fold(<u64>(~fold(before) & 0xffff) + after);
}

/** The checksum field after its words have changed by `delta`. */
export function grown(checksum: u32, delta: u64): u32 {
  return checksumOf(<u64>(~checksum & 0xffff) + delta);
}

/** One hop less, by which nothing else changes. */
export function hopLess(ip: Ipv4): void {
  ip.ttl = ip.ttl - 1;
  ip.checksum = <u16>grown(ip.checksum, HOP_LESS);
}

/**
 * Writes what `line` says into the packet behind `ip`, whose layer 4 of `bytes` bytes is at
 * `l4`, `hops` hops less: one, or none within a segment. The frame's bytes are its own.
 */
export function translate(
  p: Packet,
  ip: Ipv4,
  l4: usize,
  bytes: u32,
  line: FlowLine,
  hops: u32,
): void {
  const at = changetype<usize>(ip);
  store<u32>(at, line.newSource, SOURCE);
  store<u32>(at, line.newDestination, DESTINATION);
  ip.ttl = ip.ttl - hops;
  ip.checksum = <u16>grown(ip.checksum, line.addressDelta + HOP_LESS * hops);
  const protocol = line.protocol;
  if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) {
    store<u32>(l4, line.newPorts);
    const isUdp = protocol == PROTOCOL_UDP;
    moveChecksum(p, l4 + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM), isUdp, line);
  } else if (protocol == PROTOCOL_ICMP) {
    const id = <u16>line.newPorts;
    if (load<u16>(l4, ICMP_ID) == id) return;
    store<u16>(l4, id, ICMP_ID);
    const checksum: u32 = load<u16>(l4, ICMP_CHECKSUM);
    store<u16>(l4, <u16>grown(checksum, line.layer4Delta), ICMP_CHECKSUM);
  } else if (protocol == PROTOCOL_SCTP) translateSctp(l4, bytes, line);
}

/** Writes a flow's ports into the SCTP packet of `bytes` bytes at `l4`. */
export function translateSctp(l4: usize, bytes: u32, line: FlowLine): void {
  if (load<u32>(l4) == line.newPorts) return;
  store<u32>(l4, line.newPorts);
  store<u32>(l4, 0, SCTP_CHECKSUM);
  store<u32>(l4, crc32c(l4, bytes), SCTP_CHECKSUM);
}

/** Brings the checksum of TCP, UDP or ICMPv6 at `at` along. */
export function moveChecksum(p: Packet, at: usize, isUdp: bool, line: FlowLine): void {
  const checksum: u32 = load<u16>(at);
  if (p.has(RxFlag.Offload) && Vnet.at(p.data - VNET_BYTES).needsChecksum) {
    store<u16>(at, <u16>fold(<u64>checksum + line.addressDelta));
    return;
  }
  if (!isUdp) store<u16>(at, <u16>grown(checksum, line.layer4Delta));
  else if (checksum != UDP_NO_CHECKSUM) {
    store<u16>(at, <u16>udpChecksum(grown(checksum, line.layer4Delta)));
  }
}
