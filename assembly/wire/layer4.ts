/**
 * Layer 4 of a plain packet: TCP or UDP right behind an IPv4 header without options (RFC 791
 * §3.1) or an IPv6 header without extensions (RFC 8200 §3), no fragment, without VLAN tags,
 * and nothing behind it: the packet's length is the frame's.
 */
import { pseudoSum4, pseudoSum6, sumBytes } from './checksum';
import { ETHERNET_BYTES, Ethernet } from './ethernet';
import { IPV4_BYTES, Ipv4, PROTOCOL_TCP, PROTOCOL_UDP, TYPE_IPV4 } from './ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from './ipv6';
import { TCP_BYTES } from './tcp';
import { UDP_BYTES } from './udp';

/** Where layer 4 begins in such a frame, over each family. */
export const LAYER4_OF_IPV4: u32 = ETHERNET_BYTES + IPV4_BYTES;
export const LAYER4_OF_IPV6: u32 = ETHERNET_BYTES + IPV6_BYTES;

/** What `plainLayer4` returns: an offset from the frame's start, and the protocol above. */
export const LAYER4_MASK: u32 = 0xffff;
export const LAYER4_PROTOCOL_SHIFT: u32 = 16;

/** Offset and protocol of TCP or UDP in the frame of `length` bytes at `data`; 0: other. */
export function plainLayer4(data: usize, length: u32): u32 {
  const at = data + ETHERNET_BYTES;
  const type = Ethernet.at(data).type;
  if (type == TYPE_IPV4 && length >= LAYER4_OF_IPV4 + UDP_BYTES) {
    const ip = Ipv4.at(at);
    if (!ip.isPlain || ip.isFragment || ip.totalBytes != length - ETHERNET_BYTES) return 0;
    return layer4(LAYER4_OF_IPV4, ip.protocol, length);
  }
  if (type == TYPE_IPV6 && length >= LAYER4_OF_IPV6 + UDP_BYTES) {
    const ip = Ipv6.at(at);
    if (!ip.isVersion6 || ip.payloadBytes != length - LAYER4_OF_IPV6) return 0;
    return layer4(LAYER4_OF_IPV6, ip.nextHeader, length);
  }
  return 0;
}

function layer4(l4: u32, protocol: u32, length: u32): u32 {
  const isTcp = protocol == PROTOCOL_TCP && l4 + TCP_BYTES <= length;
  return isTcp || protocol == PROTOCOL_UDP ? l4 | (protocol << LAYER4_PROTOCOL_SHIFT) : 0;
}

/** Sum of the pseudo header before such a layer 4 of `protocol`, at `l4` of the frame. */
export function plainPseudoSum(data: usize, length: u32, l4: u32, protocol: u32): u64 {
  const ip = data + ETHERNET_BYTES;
  const bytes = length - l4;
  return l4 == LAYER4_OF_IPV4 ? pseudoSum4(ip, protocol, bytes) : pseudoSum6(ip, protocol, bytes);
}

/** Sum over such a layer 4 and its pseudo header: 0xffff, folded, when it is right. */
export function plainSum(data: usize, length: u32, l4: u32, protocol: u32): u64 {
  return plainPseudoSum(data, length, l4, protocol) + sumBytes(data + l4, length - l4);
}
