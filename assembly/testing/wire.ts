/**
 * Doors to wire/. `read…` writes the fields of the header at `at` as u32 to `out`, in the
 * order of the header; `emit…` writes a header at `at` from fields that lie in the order of
 * its arguments at `fields`.
 */
import * as checksum from '../wire/checksum';
import { Cut } from '../wire/cut';
import { chainAt, namedAt, upperLayerAt } from '../wire/extension';
import { Icmp } from '../wire/icmp';
import { Ipv4, ipv4BytesAt } from '../wire/ipv4';
import { Tcp, tcpHeaderBytesAt } from '../wire/tcp';
import { Udp } from '../wire/udp';

function field(fields: usize, index: u32): u32 {
  return load<u32>(fields + ((<usize>index) << 2));
}

function say(out: usize, index: u32, value: u32): void {
  store<u32>(out + ((<usize>index) << 2), value);
}

/** Sum of bytes as a checksum field holds it, in host order. */
export function checksumAt(ptr: usize, bytes: u32): u32 {
  return bswap<u16>(<u16>checksum.checksumOf(checksum.sumBytes(ptr, bytes)));
}

/** As `checksumAt`, of two parts; the first of any length. */
export function checksumOfParts(ptr: usize, bytes: u32, ptr2: usize, bytes2: u32): u32 {
  let second = checksum.sumBytes(ptr2, bytes2);
  if ((bytes & 1) != 0) second = checksum.atOddOffset(second);
  return bswap<u16>(<u16>checksum.checksumOf(checksum.sumBytes(ptr, bytes) + second));
}

/** Of words and checksum as loaded. */
export function updatedChecksum(old: u32, before: u32, after: u32): u32 {
  return checksum.updateChecksum(old, before, after);
}

/** Checksum of a transport segment behind an IP header, in host order. */
export function transportChecksum(ip: usize, isV6: bool, at: usize, bytes: u32, kind: u32): u32 {
  const pseudo = isV6 ? checksum.pseudoSum6(ip, kind, bytes) : checksum.pseudoSum4(ip, kind, bytes);
  return bswap<u16>(<u16>checksum.checksumOf(pseudo + checksum.sumBytes(at, bytes)));
}

/** Sums the same bytes `times` times, for a benchmark. */
export function sumOften(ptr: usize, bytes: u32, times: u32): u32 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < times; i++) sum += checksum.sumBytes(ptr, bytes);
  return checksum.fold(sum);
}

export function readIpv4(at: usize, out: usize): void {
  const ip = Ipv4.at(at);
  say(out, 0, ip.headerBytes);
  say(out, 1, ip.tos);
  say(out, 2, ip.totalBytes);
  say(out, 3, ip.id);
  say(out, 4, ip.fragment);
  say(out, 5, ip.ttl);
  say(out, 6, ip.protocol);
  say(out, 7, ip.source);
  say(out, 8, ip.destination);
  say(out, 9, ip.fragmentOffset);
  say(out, 10, ip.hasRightSum ? 1 : 0);
}

export function emitIpv4(at: usize, fields: usize): void {
  const ip = Ipv4.at(at);
  ip.emit(field(fields, 0), field(fields, 1), field(fields, 2), field(fields, 3), field(fields, 4));
  ip.source = field(fields, 5);
  ip.destination = field(fields, 6);
  ip.seal();
}

export function ipv4Bytes(at: usize, bytes: u32): u32 {
  return ipv4BytesAt(at, bytes);
}

export function readUdp(at: usize, out: usize): void {
  const udp = Udp.at(at);
  say(out, 0, udp.source);
  say(out, 1, udp.destination);
  say(out, 2, udp.bytes);
  say(out, 3, bswap<u16>(udp.checksum));
}

export function emitUdp(at: usize, fields: usize): void {
  Udp.at(at).emit(field(fields, 0), field(fields, 1), field(fields, 2));
}

export function readTcp(at: usize, out: usize): void {
  const tcp = Tcp.at(at);
  say(out, 0, tcp.source);
  say(out, 1, tcp.destination);
  say(out, 2, tcp.sequence);
  say(out, 3, tcp.acknowledged);
  say(out, 4, tcp.headerBytes);
  say(out, 5, tcp.flags);
  say(out, 6, tcp.window);
  say(out, 7, bswap<u16>(tcp.checksum));
  say(out, 8, tcp.urgent);
}

export function emitTcp(at: usize, fields: usize): void {
  Tcp.at(at).emit(
    field(fields, 0),
    field(fields, 1),
    field(fields, 2),
    field(fields, 3),
    field(fields, 4),
  );
}

export function tcpHeaderBytes(at: usize, bytes: u32): u32 {
  return tcpHeaderBytesAt(at, bytes);
}

export function readIcmp(at: usize, bytes: u32, out: usize): void {
  const icmp = Icmp.at(at);
  say(out, 0, icmp.type);
  say(out, 1, icmp.code);
  say(out, 2, bswap<u16>(icmp.checksum));
  say(out, 3, icmp.rest);
  say(out, 4, icmp.isError ? 1 : 0);
  say(out, 5, icmp.hasRightSum(bytes) ? 1 : 0);
}

/** A message of `bytes` bytes; what is behind the header must be there. */
export function emitIcmp(at: usize, bytes: u32, fields: usize): void {
  const icmp = Icmp.at(at);
  icmp.emit(field(fields, 0), field(fields, 1), field(fields, 2));
  icmp.seal(bytes);
}

/** The next header, and the offset of what it tells of; 0 as `upperLayerAt` says. */
export function upperLayer(ip: usize, bytes: u32): u32 {
  return upperLayerAt(ip, bytes);
}

/** Likewise, as `chainAt` says. */
export function chain(ip: usize, bytes: u32): u32 {
  return chainAt(ip, bytes);
}

/** Where the header at `offset` is named. */
export function named(ip: usize, offset: u32): u32 {
  return namedAt(ip, offset);
}

/** Opens a cut in `state`. How many fragments; 0: it was refused. */
export function openCut(state: usize, frame: usize, length: u32, mtu: u32): u32 {
  const cut = Cut.at(state);
  return cut.open(frame, length, mtu) ? cut.fragments : 0;
}

/** Writes fragment `index` to `to`. Returns its bytes. */
export function writeCut(state: usize, index: u32, to: usize): u32 {
  Cut.at(state).write(index, to);
  return Cut.at(state).bytesOf(index);
}
