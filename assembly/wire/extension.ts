/**
 * IPv6 extension headers, RFC 8200 §4: what may lie between the IPv6 header and the upper
 * layer's.
 *
 *   byte 0     next header
 *   byte 1     length in units of 8 bytes, without the first 8; of an authentication header
 *              (RFC 4302 §2) in units of 4 bytes, less 2; of a fragment header reserved
 *   byte 2     of a routing header: its type
 *   bytes 2-3  of a fragment header: bits 3-15 the offset in units of 8 bytes, bit 0 more
 *              fragments; big endian
 *   bytes 4-7  of a fragment header: identification, big endian
 *
 * A walk passes over eight headers at the most: more is nobody's honest packet.
 */
import { IPV6_BYTES, Ipv6 } from './ipv6';

export const EXTENSION_BYTES: u32 = 8; // the least, and the fragment header's
export const MOST_EXTENSIONS: u32 = 8;
export const NEXT_FRAGMENT: u32 = 44; // RFC 8200 §4.5
const NEXT_HOP_OPTIONS: u32 = 0; // §4.3
const NEXT_ROUTING: u32 = 43; // §4.4
const NEXT_AUTHENTICATION: u32 = 51; // RFC 4302 §2
const NEXT_DESTINATION_OPTIONS: u32 = 60; // RFC 8200 §4.6
const NEXT_MOBILITY: u32 = 135; // RFC 6275 §6.1.1

const LENGTH_OFFSET: usize = 1;
const AUTHENTICATION_UNIT_BYTES: u32 = 4;
const AUTHENTICATION_EXTRA_UNITS: u32 = 2;
const ROUTING_TYPE_OFFSET: usize = 2;
const SOURCE_ROUTE: u8 = 0;
const FRAGMENT_OFFSET: usize = 2;
const IDENTITY_OFFSET: usize = 4;
const NEXT_OFFSET: u32 = 6; // of the IPv6 header
/** As loaded. */
const PART_MASK: u32 = 0xf9ff; // an offset, or more fragments
const LATER_MASK: u32 = 0xf8ff; // an offset

/** What `upperLayerAt` returns: the offset below, the next header above. */
export const UPPER_OFFSET_MASK: u32 = 0xffff;
export const UPPER_NEXT_SHIFT: u32 = 16;

/** What `fragmentPlaceIn` returns. */
export const PLACE_MASK: u32 = 0xffff;
export const PLACE_NAMED_SHIFT: u32 = 16;

export function isExtension(next: u32): bool {
  if (next == NEXT_HOP_OPTIONS || next == NEXT_DESTINATION_OPTIONS) return true;
  if (next == NEXT_ROUTING || next == NEXT_FRAGMENT) return true;
  return next == NEXT_AUTHENTICATION || next == NEXT_MOBILITY;
}

/** Bytes of the header at `header`, of which 2 must be there; may reach beyond the frame. */
export function extensionBytes(header: usize, kind: u32): u32 {
  if (kind == NEXT_FRAGMENT) return EXTENSION_BYTES;
  const units: u32 = load<u8>(header, LENGTH_OFFSET);
  if (kind != NEXT_AUTHENTICATION) return (units + 1) * EXTENSION_BYTES;
  return (units + AUTHENTICATION_EXTRA_UNITS) * AUTHENTICATION_UNIT_BYTES;
}

/** Whether a fragment header is that of a part; RFC 6946: it may be that of a whole packet. */
export function isPart(header: usize): bool {
  return ((<u32>load<u16>(header, FRAGMENT_OFFSET)) & PART_MASK) != 0;
}

/**
 * The upper layer's header of the IPv6 packet at `ip`, of which `bytes` bytes are there, at
 * least IPV6_BYTES: its offset from `ip` | what it is << UPPER_NEXT_SHIFT. 0 when it is not
 * to be seen: cut off, behind too many headers, or in another fragment.
 */
export function upperLayerAt(ip: usize, bytes: u32): u32 {
  let next = Ipv6.at(ip).nextHeader;
  let offset = IPV6_BYTES;
  for (let headers: u32 = 0; headers <= MOST_EXTENSIONS; headers++) {
    const isUpper = !isExtension(next);
    if (offset + (isUpper ? 0 : EXTENSION_BYTES) > bytes) return 0;
    if (isUpper) return offset | (next << UPPER_NEXT_SHIFT);
    const header = ip + offset;
    if (next == NEXT_FRAGMENT && isLater(header)) return 0;
    offset += extensionBytes(header, next);
    next = load<u8>(header);
  }
  return 0;
}

/**
 * Likewise of a packet that is all there, but for routers that look behind the headers: of a part
 * of a packet what is found is its fragment header, NEXT_FRAGMENT. 0 when the chain is not sound:
 * cut off, of too many headers, with hop-by-hop options behind another one (RFC 8200 §4.1), or
 * with the routing header that RFC 5095 did away with.
 */
export function chainAt(ip: usize, bytes: u32): u32 {
  let next = Ipv6.at(ip).nextHeader;
  let offset = IPV6_BYTES;
  for (let headers: u32 = 0; headers <= MOST_EXTENSIONS; headers++) {
    if (!isExtension(next)) return offset <= bytes ? offset | (next << UPPER_NEXT_SHIFT) : 0;
    if (offset + EXTENSION_BYTES > bytes) return 0;
    const header = ip + offset;
    if (next == NEXT_FRAGMENT && isPart(header)) return offset | (next << UPPER_NEXT_SHIFT);
    if (next == NEXT_HOP_OPTIONS && headers != 0) return 0;
    if (next == NEXT_ROUTING && load<u8>(header, ROUTING_TYPE_OFFSET) == SOURCE_ROUTE) return 0;
    offset += extensionBytes(header, next);
    next = load<u8>(header);
  }
  return 0;
}

/** Offset of the byte that says what is at `offset` of the IPv6 packet at `ip`, a sound chain. */
export function namedAt(ip: usize, offset: u32): u32 {
  let named = NEXT_OFFSET;
  let next = Ipv6.at(ip).nextHeader;
  for (let at = IPV6_BYTES; at < offset;) {
    named = at;
    const kind = next;
    next = load<u8>(ip + at);
    at += extensionBytes(ip + at, kind);
  }
  return named;
}

/**
 * Where a fragment header belongs in the packet at `ip`, of which `bytes` bytes are there: behind
 * what routers on the way read, RFC 8200 §4.5. Its offset | the offset of the byte that is to
 * name it << PLACE_NAMED_SHIFT. 0: its headers are cut off.
 */
export function fragmentPlaceIn(ip: usize, bytes: u32): u32 {
  let next = Ipv6.at(ip).nextHeader;
  let offset = IPV6_BYTES;
  let named = NEXT_OFFSET;
  let place = offset | (named << PLACE_NAMED_SHIFT);
  for (let headers: u32 = 0; headers < MOST_EXTENSIONS && isExtension(next); headers++) {
    if (offset + EXTENSION_BYTES > bytes) return 0;
    const kind = next;
    named = offset;
    next = load<u8>(ip + offset);
    offset += extensionBytes(ip + offset, kind);
    if (kind == NEXT_HOP_OPTIONS || kind == NEXT_ROUTING)
      place = offset | (named << PLACE_NAMED_SHIFT);
  }
  return offset > bytes ? 0 : place;
}

/** Writes a fragment header: `offset` in bytes, `id` as loaded. */
export function writePart(at: usize, next: u32, offset: u32, isLast: bool, id: u32): void {
  store<u8>(at, <u8>next);
  store<u8>(at, 0, LENGTH_OFFSET);
  store<u16>(at, bswap<u16>(<u16>(offset | (isLast ? 0 : 1))), FRAGMENT_OFFSET);
  store<u32>(at, id, IDENTITY_OFFSET);
}

/** Whether a fragment header is that of a part but the first. */
function isLater(header: usize): bool {
  return ((<u32>load<u16>(header, FRAGMENT_OFFSET)) & LATER_MASK) != 0;
}
