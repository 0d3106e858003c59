/**
 * A fragment as its headers tell of it: IPv4 (RFC 791 §3.2), or IPv6 with a fragment header
 * (RFC 8200 §4.5). What is in both: the datagram it is of, and which bytes of it.
 */
import {
  EXTENSION_BYTES,
  MOST_EXTENSIONS,
  NEXT_FRAGMENT,
  extensionBytes,
  isExtension,
} from '../wire/extension';
import { FRAGMENT_UNIT_BYTES, IPV4_MF, Ipv4, ipv4BytesAt } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6 } from '../wire/ipv6';

/** An IP payload, behind headers that have no options. */
export const MOST_PAYLOAD_BYTES: u32 = 65535;
/** Longest IP headers that are kept: IPv4 with all options has 60 bytes. */
export const MOST_HEADER_BYTES: u32 = 80;
/** The part of a Part that says of which datagram it is. */
export const KEY_BYTES: usize = 40;

const SCOPE_SHIFT: u32 = 16;
const FAMILY_SHIFT: u32 = 8;
const FAMILY_4: u32 = 4;
const FAMILY_6: u32 = 6;
const NEXT_OFFSET: u32 = 6; // of an IPv6 header
const PLACE_OFFSET: usize = 2; // of a fragment header
const ID_OFFSET: usize = 4;
const PLACE_MASK: u32 = 0xfff8;
const MORE_MASK: u32 = 1;
const ECN_MASK: u32 = 3;

@unmanaged
export class Part {
  // The key: KEY_BYTES.
  private sourceHead: u64;
  private sourceTail: u64;
  private destinationHead: u64;
  private destinationTail: u64;
  private id: u32;
  /** Scope, family, and the protocol of IPv4. */
  private kind: u32;
  /** Where its payload is. */
  payload: usize;
  payloadBytes: u32;
  /** Where that belongs in the datagram. */
  offset: u32;
  hasMore: u32;
  /** ECN field of the IP header, RFC 3168 §5. */
  ecn: u32;
  /** Bytes of the IP headers that the datagram will have. */
  headerBytes: u32;
  /** Of IPv6: what the last of them is to name as next, and where; of IPv4 0. */
  private next: u32;
  private nextAt: u32;

  static at(ptr: usize): Part {
    return changetype<Part>(ptr);
  }

  /** First byte behind its payload in the datagram. */
  get end(): u32 {
    return this.offset + this.payloadBytes;
  }

  /**
   * Reads the packet at `ip`, of which `bytes` bytes are there. False when it is no sound
   * fragment. Addresses of one scope do not meet those of another.
   */
  read(ip: usize, bytes: u32, scope: u32): bool {
    if (bytes < IPV6_BYTES || !Ipv6.at(ip).isVersion6) return this.read4(ip, bytes, scope);
    return this.read6(ip, bytes, scope);
  }

  private read4(ip: usize, bytes: u32, scope: u32): bool {
    const total = ipv4BytesAt(ip, bytes);
    const header = Ipv4.at(ip);
    if (total == 0 || !header.isFragment || !header.hasRightSum) return false;
    this.sourceHead = this.destinationHead = 0;
    this.sourceTail = header.source;
    this.destinationTail = header.destination;
    this.id = header.id;
    this.kind = (scope << SCOPE_SHIFT) | (FAMILY_4 << FAMILY_SHIFT) | header.protocol;
    this.headerBytes = header.headerBytes;
    this.next = this.nextAt = 0;
    this.ecn = header.tos & ECN_MASK;
    this.hasMore = header.fragment & IPV4_MF;
    return this.place(header.fragmentOffset, ip + this.headerBytes, total - this.headerBytes);
  }

  private read6(ip: usize, bytes: u32, scope: u32): bool {
    const header = Ipv6.at(ip);
    const total = IPV6_BYTES + header.payloadBytes;
    if (total > bytes || !this.findHeader(ip, total)) return false;
    const fragment = ip + this.headerBytes;
    const place: u32 = bswap<u16>(load<u16>(fragment, PLACE_OFFSET));
    this.sourceHead = header.sourceHead;
    this.sourceTail = header.sourceTail;
    this.destinationHead = header.destinationHead;
    this.destinationTail = header.destinationTail;
    this.id = load<u32>(fragment, ID_OFFSET);
    this.kind = (scope << SCOPE_SHIFT) | (FAMILY_6 << FAMILY_SHIFT);
    this.next = load<u8>(fragment);
    this.ecn = header.trafficClass & ECN_MASK;
    this.hasMore = place & MORE_MASK;
    const before = this.headerBytes + EXTENSION_BYTES;
    return this.place(place & PLACE_MASK, ip + before, total - before);
  }

  /** Finds the fragment header: sets headerBytes to its offset, and who names it. */
  private findHeader(ip: usize, bytes: u32): bool {
    let next = Ipv6.at(ip).nextHeader;
    let offset = IPV6_BYTES;
    this.nextAt = NEXT_OFFSET;
    for (let headers: u32 = 0; headers < MOST_EXTENSIONS && isExtension(next); headers++) {
      if (offset + EXTENSION_BYTES > bytes) return false;
      this.headerBytes = offset;
      if (next == NEXT_FRAGMENT) return offset <= MOST_HEADER_BYTES;
      this.nextAt = offset;
      const header = ip + offset;
      offset += extensionBytes(header, next);
      next = load<u8>(header);
    }
    return false;
  }

  /** Sets the rest. False when the fragment cannot be of a datagram. */
  private place(offset: u32, payload: usize, bytes: u32): bool {
    this.offset = offset;
    this.payload = payload;
    this.payloadBytes = bytes;
    if (bytes == 0 || offset + bytes > MOST_PAYLOAD_BYTES) return false;
    return this.hasMore == 0 || bytes % FRAGMENT_UNIT_BYTES == 0;
  }

  /** Takes the fragment header out of the chain of headers at `ip`. */
  nameNext(ip: usize): void {
    if (this.nextAt != 0) store<u8>(ip + this.nextAt, <u8>this.next);
  }

  /** The key as a number that strangers cannot choose. */
  hash(salt: u64): u32 {
    const multiplier = (salt << 1) | 1;
    let hash = salt;
    for (let at: usize = 0; at < KEY_BYTES; at += 8) {
      hash = (hash ^ load<u64>(changetype<usize>(this) + at)) * multiplier;
      hash ^= hash >> 32;
    }
    return <u32>((hash * multiplier) >> 32);
  }

  /** Whether a key at `key` is the same. */
  isOf(key: usize): bool {
    return memory.compare(changetype<usize>(this), key, KEY_BYTES) == 0;
  }
}

if (offsetof<Part>('payload') != KEY_BYTES) ERROR('the key must be KEY_BYTES long');

/** Bytes of one. */
export const PART_BYTES: usize = offsetof<Part>();
