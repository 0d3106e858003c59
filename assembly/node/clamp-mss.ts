/**
 * Clamp MSS (features OV-7): lowers the maximum segment size that a TCP connection opens
 * with to what the path takes, so that no segment is too big even where ICMP is lost.
 *
 *   option 2 of a SYN (RFC 9293 §3.7.1): kind 2, length 4, MSS in 2 bytes, big endian
 *
 * The MSS is counted without options of either header (RFC 6691), so it is the MTU less 40
 * or 60. It is never raised, and a SYN without the option gets none: its sender means 536 or
 * 1220. Options that are not sound are nobody's to repair, and nothing is changed.
 */
import { atOddOffset, updateChecksum } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { UPPER_NEXT_SHIFT, UPPER_OFFSET_MASK, upperLayerAt } from '../wire/extension';
import { IPV4_BYTES, Ipv4, PROTOCOL_TCP, TYPE_IPV4, ipv4BytesAt } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { OPTION_END, optionBytes } from '../wire/option';
import { TCP_BYTES, TCP_SYN, Tcp, tcpHeaderBytesAt } from '../wire/tcp';
import { networkOffset } from '../wire/vlan';

const OPTION_MSS: u32 = 2; // RFC 9293 §3.2
const MSS_BYTES: u32 = 4;
const VALUE_OFFSET: usize = 2;

/**
 * Lowers the MSS in the frame of `length` bytes, at least an Ethernet header, at `data`, in
 * place. `mtuBytes` is what the path takes behind an Ethernet header (tags take their part).
 * With `isPartial` the checksum field holds the pseudo header's sum, in which the options are
 * not. Returns whether something was changed.
 */
export function clampMss(data: usize, length: u32, mtuBytes: u32, isPartial: bool): bool {
  const l3 = networkOffset(data, length);
  const type = Ethernet.at(data + l3 - ETHERNET_BYTES).type;
  const isV6 = type == TYPE_IPV6;
  if (type != TYPE_IPV4 && !isV6) return false;
  const headers = l3 - ETHERNET_BYTES + (isV6 ? IPV6_BYTES : IPV4_BYTES) + TCP_BYTES;
  if (mtuBytes <= headers) return false;
  const ip = data + l3;
  const bytes = length - l3;
  const l4 = isV6 ? tcpBehind6(ip, bytes) : tcpBehind4(ip, bytes);
  if (l4 == 0) return false;
  const tcp = Tcp.at(ip + l4);
  const tcpBytes = tcpHeaderBytesAt(ip + l4, bytes - l4);
  if (tcpBytes == 0 || (tcp.flags & TCP_SYN) == 0) return false;
  const end = ip + l4 + tcpBytes;
  return hasSoundOptions(tcp, end) && lower(tcp, end, mtuBytes - headers, isPartial);
}

/** Offset of the TCP header from the IPv4 header at `ip`; 0 when there is none. */
function tcpBehind4(ip: usize, bytes: u32): u32 {
  if (ipv4BytesAt(ip, bytes) == 0) return 0;
  const header = Ipv4.at(ip);
  const isTcp = header.protocol == PROTOCOL_TCP && header.fragmentOffset == 0;
  return isTcp ? header.headerBytes : 0;
}

/** As `tcpBehind4`, of IPv6. */
function tcpBehind6(ip: usize, bytes: u32): u32 {
  if (bytes < IPV6_BYTES || !Ipv6.at(ip).isVersion6) return 0;
  const upper = upperLayerAt(ip, bytes);
  return upper >> UPPER_NEXT_SHIFT == PROTOCOL_TCP ? upper & UPPER_OFFSET_MASK : 0;
}

/** Whether the options up to `end` are whole, and each MSS has its length. */
function hasSoundOptions(tcp: Tcp, end: usize): bool {
  let at = changetype<usize>(tcp) + TCP_BYTES;
  while (at < end) {
    const kind: u32 = load<u8>(at);
    if (kind == OPTION_END) return true;
    const bytes = optionBytes(at, end);
    if (bytes == 0) return false;
    if (kind == OPTION_MSS && bytes != MSS_BYTES) return false;
    at += bytes;
  }
  return true;
}

/** Lowers what is above `most` in sound options. */
function lower(tcp: Tcp, end: usize, most: u32, isPartial: bool): bool {
  let isChanged = false;
  let at = changetype<usize>(tcp) + TCP_BYTES;
  while (at < end && load<u8>(at) != OPTION_END) {
    if (load<u8>(at) == OPTION_MSS && bswap<u16>(load<u16>(at, VALUE_OFFSET)) > most) {
      rewrite(tcp, at + VALUE_OFFSET, bswap<u16>(<u16>most), isPartial);
      isChanged = true;
    }
    at += optionBytes(at, end);
  }
  return isChanged;
}

/** Writes 2 bytes at any offset, and the checksum after them. */
function rewrite(tcp: Tcp, at: usize, valueBe: u16, isPartial: bool): void {
  const before: u64 = load<u16>(at);
  store<u16>(at, valueBe);
  if (isPartial) return;
  const isOdd = ((at - changetype<usize>(tcp)) & 1) != 0;
  const old = isOdd ? atOddOffset(before) : before;
  const changed = isOdd ? atOddOffset(valueBe) : <u64>valueBe;
  tcp.checksum = <u16>updateChecksum(tcp.checksum, old, changed);
}
