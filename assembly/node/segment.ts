/**
 * Segment: cuts one offloaded TCP or UDP frame into frames of at most `segmentBytes`
 * payload, by the rules of Linux: TCP sequence numbers and IPv4 identifications go up,
 * FIN and PSH stay on the last segment and CWR on the first, each UDP segment is a
 * datagram of its own. Checksums are computed anew.
 *
 * The headers are input: where they lie is taken from the virtio header and checked.
 * Drops: BadOffload, NoBuffer, Oversize; a frame cut in part is sent in part and the rest
 * counts as one drop.
 */
import { drop, emit } from '../fate';
import { CoreCounter, Drop, HEADROOM_BYTES, Node, RxFlag, Trace, VNET_BYTES } from '../abi';
import { Core, alignLine, count } from '../memory';
import { Packet } from '../packet';
import { Port } from '../table/port';
import { note, say } from '../trace';
import { checksumOf, sumBytes } from '../wire/checksum';
import { networkOffset } from '../wire/vlan';
import { GSO_TCP4, GSO_TCP6, GSO_UDP, Vnet } from '../wire/vnet';

const MOST_IP_BYTES: u32 = 65535;
const IPV4_BYTES: u32 = 20;
const IPV6_BYTES: u32 = 40;
const TCP_BYTES: u32 = 20;
const UDP_BYTES: u32 = 8;
const PROTOCOL_TCP: u32 = 6;
const PROTOCOL_UDP: u32 = 17;
const TCP_FIN_PSH: u32 = 0x09;
const TCP_CWR: u32 = 0x80;

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

export function segment(core: Core, p: Packet, egress: Port): void {
  const vnet = Vnet.at(p.data - VNET_BYTES);
  const l3 = networkOffset(p.data, p.length);
  const l4 = vnet.checksumStart;
  const headers = headerBytes(p, vnet, l3, l4);
  if (headers == 0) return drop(core, p, egress, Drop.BadOffload);
  const whole = p.data;
  const payload = p.length - headers;
  const each = vnet.segmentBytes;
  const longest = headers + min(each, payload);
  if (longest - l3 > MOST_IP_BYTES) return drop(core, p, egress, Drop.BadOffload);
  if (longest > egress.frameLimitBytes) return drop(core, p, egress, Drop.Oversize);
  const segments: u32 = payload == 0 ? 1 : (payload + each - 1) / each;
  const isUdp = vnet.gsoType == GSO_UDP;
  traceSegments(core, p, egress, segments, each);
  p.flags &= ~(<u32>RxFlag.Offload);
  for (let i: u32 = 0; i < segments; i++) {
    const part = min(each, payload - i * each);
    if (!copySegment(core, p, whole, headers, part)) {
      count(core.coreCounters, CoreCounter.Copies, i);
      return drop(core, p, egress, Drop.NoBuffer);
    }
    memory.copy(<usize>p.data + headers, <usize>whole + headers + i * each, part);
    if (isUdp) store<u16>(<usize>p.data + l4, bswap<u16>(<u16>(UDP_BYTES + part)), UDP_LENGTH);
    else patchTcp(p.data + l4, i * each, i == 0, i + 1 == segments);
    patchIp(p.data + l3, p.length - l3, i);
    patchChecksum(p, l3, l4, isUdp);
    emit(core, p, egress, 0);
  }
  count(core.coreCounters, CoreCounter.Copies, segments - 1);
}

function traceSegments(core: Core, p: Packet, egress: Port, segments: u32, each: u32): void {
  if (!p.has(RxFlag.Trace)) return;
  say(note(core, p, Node.Output, Trace.Segmented), egress.index, segments, each);
}

/** Bytes before the payload, or 0 when the headers are not what the virtio header says. */
function headerBytes(p: Packet, vnet: Vnet, l3: u32, l4: u32): u32 {
  const isUdp = vnet.gsoType == GSO_UDP;
  const smallest = isUdp ? UDP_BYTES : TCP_BYTES;
  if (l4 + smallest > p.length || l4 < l3 + IPV4_BYTES) return 0;
  if (vnet.checksumOffset != <u32>(isUdp ? UDP_CHECKSUM : TCP_CHECKSUM)) return 0;
  const protocol = isUdp ? PROTOCOL_UDP : PROTOCOL_TCP;
  const ip: usize = <usize>p.data + l3;
  const version: u32 = load<u8>(ip) >> 4;
  if (version == 4 && (vnet.gsoType == GSO_TCP6 || !isWholeIpv4(ip, l4 - l3, protocol))) return 0;
  if (version == 6 && (vnet.gsoType == GSO_TCP4 || !isIpv6(ip, l4 - l3, protocol))) return 0;
  if (version != 4 && version != 6) return 0;
  if (isUdp) return l4 + UDP_BYTES;
  const tcpBytes: u32 = (load<u8>(<usize>p.data + l4, TCP_OFFSET) >> 4) << 2;
  return tcpBytes < TCP_BYTES || l4 + tcpBytes > p.length ? 0 : l4 + tcpBytes;
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

/** Makes room for a segment and copies the headers. False when there is none left. */
function copySegment(core: Core, p: Packet, whole: u32, headers: u32, part: u32): bool {
  const data = core.copyNext + HEADROOM_BYTES;
  const end = data + headers + part;
  if (end > core.copiesEnd || core.segmentsLeft == 0) return false;
  core.copyNext = alignLine(end);
  core.segmentsLeft--;
  p.data = <u32>data;
  p.length = headers + part;
  memory.copy(data, whole, headers);
  return true;
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
function patchChecksum(p: Packet, l3: u32, l4: u32, isUdp: bool): void {
  const ip: usize = <usize>p.data + l3;
  const isIpv6 = load<u8>(ip) >> 4 == 6;
  const field: usize = <usize>p.data + l4 + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM);
  const bytes = p.length - l4;
  store<u16>(field, 0);
  let sum = sumBytes(<usize>p.data + l4, bytes);
  sum += sumBytes(ip + (isIpv6 ? IPV6_ADDRESSES : IPV4_ADDRESSES), isIpv6 ? 32 : 8);
  sum += bswap<u16>(<u16>(isUdp ? PROTOCOL_UDP : PROTOCOL_TCP));
  sum += bswap<u16>(<u16>bytes);
  const checksum = checksumOf(sum);
  store<u16>(field, <u16>(isUdp && checksum == 0 ? 0xffff : checksum));
}
