/**
 * Cutting one offloaded TCP or UDP frame into frames of at most `segmentBytes` payload, by
 * the rules of Linux: TCP sequence numbers and IPv4 identifications go up, FIN and PSH stay
 * on the last segment and CWR on the first, each UDP segment is a datagram of its own.
 * Checksums are computed anew.
 *
 * The headers are input: where they lie is taken from the virtio header and checked.
 */
import { GSO_BYTES } from '../memory';
import { checksumOf, pseudoSum4, pseudoSum6, sumBytes } from './checksum';
import { IPV4_BYTES, Ipv4, PROTOCOL_TCP, PROTOCOL_UDP } from './ipv4';
import { IPV6_BYTES, Ipv6 } from './ipv6';
import { TCP_BYTES, TCP_CWR, TCP_FIN, TCP_PSH, Tcp } from './tcp';
import { UDP_BYTES, Udp, udpChecksum } from './udp';
import { networkOffset } from './vlan';
import { GSO_TCP4, GSO_TCP6, GSO_UDP, Vnet } from './vnet';

const MOST_IP_BYTES: u32 = 65535;
const TCP_FIN_PSH: u32 = TCP_FIN | TCP_PSH;

const TCP_CHECKSUM: u32 = offsetof<Tcp>('checksum');
const UDP_CHECKSUM: u32 = offsetof<Udp>('checksum');
const IPV6_LENGTH: usize = 4; // RFC 8200 §3

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
    if (isUdp) Udp.at(l4).bytes = UDP_BYTES + bytes - headers;
    else patchTcp(Tcp.at(l4), offset, index == 0, index + 1 == this.segments);
    patchIp(to + this.l3, bytes - this.l3, index);
    patchChecksum(to + this.l3, l4, bytes - this.l4, isUdp);
  }
}

if (offsetof<Gso>() > GSO_BYTES) ERROR('Gso must fit GSO_BYTES');

/** Bytes before the payload, or 0 when the headers are not what the virtio header says. */
function headersOf(gso: Gso, length: u32, vnet: Vnet): u32 {
  const isUdp = gso.isUdp != 0;
  const l3 = gso.l3;
  const l4 = gso.l4;
  const smallest = isUdp ? UDP_BYTES : TCP_BYTES;
  if (l4 + smallest > length || l4 < l3 + IPV4_BYTES) return 0;
  if (vnet.checksumOffset != (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM)) return 0;
  const protocol = isUdp ? PROTOCOL_UDP : PROTOCOL_TCP;
  const ip = gso.data + l3;
  const version: u32 = load<u8>(ip) >> 4;
  if (version == 4 && (vnet.gsoType == GSO_TCP6 || !isWholeIpv4(ip, l4 - l3, protocol))) return 0;
  if (version == 6 && (vnet.gsoType == GSO_TCP4 || !isIpv6(ip, l4 - l3, protocol))) return 0;
  if (version != 4 && version != 6) return 0;
  if (isUdp) return l4 + UDP_BYTES;
  const tcpBytes = Tcp.at(gso.data + l4).headerBytes;
  return tcpBytes < TCP_BYTES || l4 + tcpBytes > length ? 0 : l4 + tcpBytes;
}

/** Whether an IPv4 header of `bytes` bytes is that of a whole packet of `protocol`. */
function isWholeIpv4(at: usize, bytes: u32, protocol: u32): bool {
  const ip = Ipv4.at(at);
  return ip.headerBytes == bytes && !ip.isFragment && ip.protocol == protocol;
}

/** Whether `protocol` may follow IPv6 headers of `bytes` bytes; extensions are not read. */
function isIpv6(ip: usize, bytes: u32, protocol: u32): bool {
  if (bytes < IPV6_BYTES) return false;
  return bytes > IPV6_BYTES || Ipv6.at(ip).nextHeader == protocol;
}

function patchTcp(tcp: Tcp, offset: u32, isFirst: bool, isLast: bool): void {
  tcp.sequence = tcp.sequence + offset;
  let flags = tcp.flags;
  if (!isLast) flags &= ~TCP_FIN_PSH;
  if (!isFirst) flags &= ~TCP_CWR;
  tcp.flags = flags;
}

function patchIp(at: usize, bytes: u32, index: u32): void {
  if (Ipv6.at(at).isVersion6) {
    store<u16>(at, bswap<u16>(<u16>(bytes - IPV6_BYTES)), IPV6_LENGTH);
    return;
  }
  const ip = Ipv4.at(at);
  ip.totalBytes = bytes;
  ip.id = ip.id + index;
  ip.seal();
}

/** Checksum over the pseudo header and all of layer 4. */
function patchChecksum(ip: usize, l4: usize, bytes: u32, isUdp: bool): void {
  const protocol = isUdp ? PROTOCOL_UDP : PROTOCOL_TCP;
  const isIpv6 = Ipv6.at(ip).isVersion6;
  const pseudo = isIpv6 ? pseudoSum6(ip, protocol, bytes) : pseudoSum4(ip, protocol, bytes);
  const field = l4 + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM);
  store<u16>(field, 0);
  const checksum = checksumOf(pseudo + sumBytes(l4, bytes));
  store<u16>(field, <u16>(isUdp ? udpChecksum(checksum) : checksum));
}
