/**
 * IPv6 header, RFC 8200 §3.
 *
 *   bytes 0-3    version (4 bits), traffic class (8), flow label (20)
 *   bytes 4-5    bytes behind this header, big endian
 *   byte 6       next header
 *   byte 7       hop limit
 *   bytes 8-23   source
 *   bytes 24-39  destination
 *
 * An address is two numbers here, bytes 0-7 and bytes 8-15: byte 0 in bits 0-7.
 */
export const TYPE_IPV6: u32 = 0x86dd; // RFC 2464 §3
const VERSION: u32 = 6;
const VERSION_SHIFT: u32 = 4; // in byte 0
const VERSION_MASK: u32 = 0xf0;
const CLASS_SHIFT: u32 = 20; // of the first word, big endian
const CLASS_MASK: u32 = 0xff;
const CONGESTION: u32 = 0x3000; // bits 4 and 5 of byte 1
/** Address blocks, RFC 4291 §2.7. */
const GROUP_MASK: u64 = 0xff;
const GROUP: u64 = 0xff;
const LINK_MASK: u64 = 0xc0ff; // fe80::/10
const LINK: u64 = 0x80fe;
/** ::1, and ::ffff:0:0/96: its second half's first four bytes. */
const LOOPBACK_TAIL: u64 = 0x0100000000000000;
const MAPPED_MASK: u64 = 0xffffffff;
const MAPPED: u64 = 0xffff0000;

@unmanaged
export class Ipv6 {
  private first: u32;
  private payloadBe: u16;
  private next: u8;
  private hops: u8;
  sourceHead: u64;
  sourceTail: u64;
  destinationHead: u64;
  destinationTail: u64;

  /** Views IPV6_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Ipv6 {
    return changetype<Ipv6>(ptr);
  }

  get isVersion6(): bool {
    return (this.first & VERSION_MASK) == VERSION << VERSION_SHIFT;
  }

  /** Bytes behind this header. */
  get payloadBytes(): u32 {
    return bswap<u16>(this.payloadBe);
  }

  set payloadBytes(bytes: u32) {
    this.payloadBe = bswap<u16>(<u16>bytes);
  }

  get nextHeader(): u32 {
    return this.next;
  }

  get hopLimit(): u32 {
    return this.hops;
  }

  set hopLimit(hops: u32) {
    this.hops = <u8>hops;
  }

  /** DSCP and ECN: 4 bits in byte 0, 4 in byte 1. */
  get trafficClass(): u32 {
    return (bswap<u32>(this.first) >>> CLASS_SHIFT) & CLASS_MASK;
  }

  set trafficClass(traffic: u32) {
    const rest = bswap<u32>(this.first) & ~(CLASS_MASK << CLASS_SHIFT);
    this.first = bswap<u32>(rest | (traffic << CLASS_SHIFT));
  }

  /** Sets both bits of the ECN field: congestion experienced, RFC 3168 §5. */
  markCongestion(): void {
    this.first |= CONGESTION;
  }

  /** Writes all but the addresses; traffic class and flow label are 0. */
  emit(payloadBytes: u32, nextHeader: u32, hopLimit: u32): void {
    this.first = VERSION << VERSION_SHIFT;
    this.payloadBe = bswap<u16>(<u16>payloadBytes);
    this.next = <u8>nextHeader;
    this.hops = <u8>hopLimit;
  }
}

/** Bytes on the wire, without extension headers. */
export const IPV6_BYTES: u32 = offsetof<Ipv6>();
if (IPV6_BYTES != 40) ERROR('Ipv6 must be 40 bytes');

/** Whether an address whose first half is `head` is a group's. */
export function isGroupIpv6(head: u64): bool {
  return (head & GROUP_MASK) == GROUP;
}

/** Whether it is good on its link only: fe80::/10, RFC 4291 §2.5.6. */
export function isLinkLocalIpv6(head: u64): bool {
  return (head & LINK_MASK) == LINK;
}

/**
 * Whether no packet on a wire is from or to an address: unspecified, loopback (RFC 4291 §2.5.2,
 * §2.5.3), or one of IPv4 (§2.5.5.2, RFC 6890 §2.2.3).
 */
export function isNobodyIpv6(head: u64, tail: u64): bool {
  if (head != 0) return false;
  return tail == 0 || tail == LOOPBACK_TAIL || (tail & MAPPED_MASK) == MAPPED;
}
