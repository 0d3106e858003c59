/**
 * Cutting one offloaded TCP or UDP frame into frames of at most `segmentBytes` payload, by
 * the rules of Linux: TCP sequence numbers and IPv4 identifications go up, FIN and PSH stay
 * on the last segment and CWR on the first, each UDP segment is a datagram of its own.
 * Checksums are computed anew.
 *
 * The headers are input: where they lie is taken from the virtio header and checked.
 */
import { checksumOf, sumBytes } from './checksum';
import { IPV4_BYTES, PROTOCOL_TCP, PROTOCOL_UDP } from './ipv4';
import { IPV6_BYTES } from './ipv6';
import { TCP_BYTES, TCP_CWR, TCP_FIN, TCP_PSH } from './tcp';
import { UDP_BYTES } from './udp';
import { networkOffset } from './vlan';
import { GSO_TCP4, GSO_TCP6, GSO_UDP, Vnet } from './vnet';

const MOST_IP_BYTES: u32 = 65535;
const TCP_FIN_PSH: u32 = TCP_FIN | TCP_PSH;

// Offsets in the headers: RFC 791 §3.1, RFC 8200 §3, RFC 9293 §3.1, RFC 768.
const IPV4_LENGTH: usize = 2;
const IPV4_ID: usize = 4;
const IPV4_FRAGMENT: usize = 6;
const IPV4_FRAGMENT_MASK: u32 = 0x3fff; // more fragments, or an offset
const IPV4_PROTOCOL: usize = 9;
const IPV4_CHECKSUM: usize = 10;
const IPV4_ADDRESSES: usize = 12;
const IPV6_LENGTH: usize = 4;
const IPV6_NEXT: usize = 6;
const IPV6_ADDRESSES: usize = 8;
const TCP_SEQUENCE: usize = 4;
const TCP_OFFSET: usize = 12;
const TCP_FLAGS: usize = 13;
const TCP_CHECKSUM: usize = 16;
const UDP_LENGTH: usize = 4;
const UDP_CHECKSUM: usize = 6;

/** A frame to be cut, and where. There is one of it: the frame at hand. */
@unmanaged
export class Gso {
  /** The frame; its headers are `headerBytes` long. */
  data: usize;
  headerBytes: u32;
  l3: u32;
  l4: u32;
  payloadBytes: u32;
  /** Payload of each segment but the last. */
  segmentBytes: u32;
  segments: u32;
  isUdp: u32;
  /** For node/super.ts: the next segment to send, and what its outer headers say. */
  next: u32;
  header: u32;
  ports: u32;

  static at(ptr: usize): Gso {
    return changetype<Gso>(ptr);
  }

  /** Takes a frame with its virtio header. False: its headers are not what that says. */
  open(data: usize, length: u32, vnet: Vnet): bool {
    this.data = data;
    this.l3 = networkOffset(data, length);
    this.l4 = vnet.checksumStart;
    this.isUdp = vnet.gsoType == GSO_UDP ? 1 : 0;
    const headers = headersOf(this, length, vnet);
    if (headers == 0) return false;
    this.headerBytes = headers;
    this.payloadBytes = length - headers;
    this.segmentBytes = vnet.segmentBytes;
    if (this.longestBytes - this.l3 > MOST_IP_BYTES) return false;
    const each = this.segmentBytes;
    this.segments = this.payloadBytes == 0 ? 1 : (this.payloadBytes + each - 1) / each;
    return true;
  }

  /** Length of the longest segment's frame. */
  get longestBytes(): u32 {
    return this.headerBytes + min(this.segmentBytes, this.payloadBytes);
  }

  /** Length of the frame of segment `index`. */
  bytesOf(index: u32): u32 {
    const each = this.segmentBytes;
    return this.headerBytes + min(each, this.payloadBytes - index * each);
  }

  /** Writes the frame of segment `index`, `bytesOf(index)` bytes, at `to`. */
  write(index: u32, to: usize): void {
    const headers = this.headerBytes;
    const offset = index * this.segmentBytes;
    const bytes = this.bytesOf(index);
    const isUdp = this.isUdp != 0;
    const l4 = to + this.l4;
    memory.copy(to, this.data, headers);
    memory.copy(to + headers, this.data + headers + offset, bytes - headers);
    if (isUdp) store<u16>(l4, bswap<u16>(<u16>(UDP_BYTES + bytes - headers)), UDP_LENGTH);
    else patchTcp(l4, offset, index == 0, index + 1 == this.segments);
    patchIp(to + this.l3, bytes - this.l3, index);
    patchChecksum(to + this.l3, l4, bytes - this.l4, isUdp);
  }
}

/** Bytes of the memory it needs. */
export const GSO_BYTES: usize = offsetof<Gso>();

/** Bytes before the payload, or 0 when the headers are not what the virtio header says. */
function headersOf(gso: Gso, length: u32, vnet: Vnet): u32 {
  const isUdp = gso.isUdp != 0;
  const l3 = gso.l3;
  const l4 = gso.l4;
  const smallest = isUdp ? UDP_BYTES : TCP_BYTES;
  if (l4 + smallest > length || l4 < l3 + IPV4_BYTES) return 0;
  if (vnet.checksumOffset != <u32>(isUdp ? UDP_CHECKSUM : TCP_CHECKSUM)) return 0;
  const protocol = isUdp ? PROTOCOL_UDP : PROTOCOL_TCP;
  const ip = gso.data + l3;
  const version: u32 = load<u8>(ip) >> 4;
  if (version == 4 && (vnet.gsoType == GSO_TCP6 || !isWholeIpv4(ip, l4 - l3, protocol))) return 0;
  if (version == 6 && (vnet.gsoType == GSO_TCP4 || !isIpv6(ip, l4 - l3, protocol))) return 0;
  if (version != 4 && version != 6) return 0;
  if (isUdp) return l4 + UDP_BYTES;
  const tcpBytes: u32 = (load<u8>(gso.data + l4, TCP_OFFSET) >> 4) << 2;
  return tcpBytes < TCP_BYTES || l4 + tcpBytes > length ? 0 : l4 + tcpBytes;
}

/** Whether an IPv4 header of `bytes` bytes is that of a whole packet of `protocol`. */
function isWholeIpv4(ip: usize, bytes: u32, protocol: u32): bool {
  const headerBytes: u32 = (load<u8>(ip) & 15) << 2;
  const fragment = bswap<u16>(load<u16>(ip, IPV4_FRAGMENT)) & IPV4_FRAGMENT_MASK;
  return headerBytes == bytes && fragment == 0 && load<u8>(ip, IPV4_PROTOCOL) == protocol;
}

/** Whether `protocol` may follow IPv6 headers of `bytes` bytes; extensions are not read. */
function isIpv6(ip: usize, bytes: u32, protocol: u32): bool {
  if (bytes < IPV6_BYTES) return false;
  return bytes > IPV6_BYTES || load<u8>(ip, IPV6_NEXT) == protocol;
}

function patchTcp(tcp: usize, offset: u32, isFirst: bool, isLast: bool): void {
  const sequence = bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)) + offset;
  store<u32>(tcp, bswap<u32>(sequence), TCP_SEQUENCE);
  let flags: u32 = load<u8>(tcp, TCP_FLAGS);
  if (!isLast) flags &= ~TCP_FIN_PSH;
  if (!isFirst) flags &= ~TCP_CWR;
  store<u8>(tcp, <u8>flags, TCP_FLAGS);
}

function patchIp(ip: usize, bytes: u32, index: u32): void {
  const first: u32 = load<u8>(ip);
  if (first >> 4 == 6) {
    store<u16>(ip, bswap<u16>(<u16>(bytes - IPV6_BYTES)), IPV6_LENGTH);
    return;
  }
  const id = bswap<u16>(load<u16>(ip, IPV4_ID)) + index;
  store<u16>(ip, bswap<u16>(<u16>bytes), IPV4_LENGTH);
  store<u16>(ip, bswap<u16>(<u16>id), IPV4_ID);
  store<u16>(ip, 0, IPV4_CHECKSUM);
  store<u16>(ip, <u16>checksumOf(sumBytes(ip, (first & 15) << 2)), IPV4_CHECKSUM);
}

/** Checksum over the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1) and all of layer 4. */
function patchChecksum(ip: usize, l4: usize, bytes: u32, isUdp: bool): void {
  const isIpv6 = load<u8>(ip) >> 4 == 6;
  const field = l4 + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM);
  store<u16>(field, 0);
  let sum = sumBytes(l4, bytes);
  sum += sumBytes(ip + (isIpv6 ? IPV6_ADDRESSES : IPV4_ADDRESSES), isIpv6 ? 32 : 8);
  sum += bswap<u16>(<u16>(isUdp ? PROTOCOL_UDP : PROTOCOL_TCP));
  sum += bswap<u16>(<u16>bytes);
  const checksum = checksumOf(sum);
  store<u16>(field, <u16>(isUdp && checksum == 0 ? 0xffff : checksum));
}
