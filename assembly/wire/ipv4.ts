/**
 * IPv4 header, RFC 791 §3.1.
 *
 *   byte 0       version (4 bits), header length in units of 4 bytes (4 bits)
 *   byte 1       type of service: DSCP (6 bits, RFC 2474), ECN (2 bits, RFC 3168)
 *   bytes 2-3    bytes of header and payload, big endian
 *   bytes 4-5    identification, big endian
 *   bytes 6-7    bit 14: do not fragment; bit 13: more fragments; bits 0-12: offset of this
 *                fragment in units of 8 bytes; big endian
 *   byte 8       time to live
 *   byte 9       protocol
 *   bytes 10-11  checksum of the header
 *   bytes 12-15  source, big endian
 *   bytes 16-19  destination, big endian
 *   then         options, up to 40 bytes
 *
 * An address is a number in host order here. Blocks of addresses: RFC 6890 §2.2.2 and
 * RFC 5771 §3.
 */
import { checksumOf, fold, sumBytes } from './checksum';

export const TYPE_IPV4: u32 = 0x0800; // RFC 894
export const PROTOCOL_ICMP: u32 = 1; // RFC 792
export const PROTOCOL_TCP: u32 = 6; // RFC 9293
export const PROTOCOL_UDP: u32 = 17; // RFC 768
/** Flags and offset, as `fragment` gives them. */
export const IPV4_DF: u32 = 0x4000;
export const IPV4_MF: u32 = 0x2000;
export const IPV4_OFFSET_MASK: u32 = 0x1fff;
/** Bytes of one unit of a fragment's offset. */
export const FRAGMENT_UNIT_BYTES: u32 = 8;

const VERSION: u32 = 4;
const VERSION_SHIFT: u32 = 4; // in byte 0
const WORDS_MASK: u32 = 0x0f; // in byte 0
const PLAIN: u32 = 0x45; // byte 0 of a header without options
const IDENTITY_SHIFT: u32 = 16;
const RIGHT_SUM: u32 = 0xffff;

const NETWORK_SHIFT: u32 = 24;
const NETWORK_ZERO: u32 = 0;
const NETWORK_LOOPBACK: u32 = 127;
const FIRST_GROUP_NETWORK: u32 = 224;

@unmanaged
export class Ipv4 {
  private first: u8;
  private tosField: u8;
  private lengthBe: u16;
  private idBe: u16;
  private fragmentBe: u16;
  private ttlField: u8;
  private protocolField: u8;
  /** As it is loaded: sums are, too. */
  checksum: u16;
  private sourceBe: u32;
  private destinationBe: u32;

  /** Views IPV4_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Ipv4 {
    return changetype<Ipv4>(ptr);
  }

  get isVersion4(): bool {
    return (<u32>this.first) >>> VERSION_SHIFT == VERSION;
  }

  /** Version 4, and no options: what nearly every packet is. */
  get isPlain(): bool {
    return this.first == PLAIN;
  }

  /** Bytes of the header with its options: 0 to 60. */
  get headerBytes(): u32 {
    return ((<u32>this.first) & WORDS_MASK) << 2;
  }

  /** DSCP and ECN. The setter leaves the checksum as it is. */
  get tos(): u32 {
    return this.tosField;
  }

  set tos(tos: u32) {
    this.tosField = <u8>tos;
  }

  /** Bytes of header and payload. The setter leaves the checksum as it is. */
  get totalBytes(): u32 {
    return bswap<u16>(this.lengthBe);
  }

  set totalBytes(bytes: u32) {
    this.lengthBe = bswap<u16>(<u16>bytes);
  }

  /** Identification. The setter leaves the checksum as it is. */
  get id(): u32 {
    return bswap<u16>(this.idBe);
  }

  set id(id: u32) {
    this.idBe = bswap<u16>(<u16>id);
  }

  /** IPV4_DF, IPV4_MF, and the offset in units of 8 bytes. The setter leaves the checksum. */
  get fragment(): u32 {
    return bswap<u16>(this.fragmentBe);
  }

  set fragment(flagsAndOffset: u32) {
    this.fragmentBe = bswap<u16>(<u16>flagsAndOffset);
  }

  /** Whether this is a part of a datagram, the first or another. */
  get isFragment(): bool {
    return (this.fragment & (IPV4_MF | IPV4_OFFSET_MASK)) != 0;
  }

  /** Whether layer 4 begins in it: it is whole, or the first fragment. */
  get isFirstPart(): bool {
    return (this.fragment & IPV4_OFFSET_MASK) == 0;
  }

  /** Where the payload of this fragment belongs in the datagram, in bytes. */
  get fragmentOffset(): u32 {
    return (this.fragment & IPV4_OFFSET_MASK) * FRAGMENT_UNIT_BYTES;
  }

  /** Time to live. The setter leaves the checksum as it is. */
  get ttl(): u32 {
    return this.ttlField;
  }

  set ttl(ttl: u32) {
    this.ttlField = <u8>ttl;
  }

  get protocol(): u32 {
    return this.protocolField;
  }

  get source(): u32 {
    return bswap<u32>(this.sourceBe);
  }

  set source(ip: u32) {
    this.sourceBe = bswap<u32>(ip);
  }

  get destination(): u32 {
    return bswap<u32>(this.destinationBe);
  }

  set destination(ip: u32) {
    this.destinationBe = bswap<u32>(ip);
  }

  /**
   * Writes a header without options, all but the addresses; the checksum is 0 until `seal`.
   * `identity` is identification << 16 | flags | offset.
   */
  emit(tos: u32, totalBytes: u32, identity: u32, ttl: u32, protocol: u32): void {
    this.first = <u8>PLAIN;
    this.tosField = <u8>tos;
    this.totalBytes = totalBytes;
    this.idBe = bswap<u16>(<u16>(identity >>> IDENTITY_SHIFT));
    this.fragment = identity;
    this.ttlField = <u8>ttl;
    this.protocolField = <u8>protocol;
    this.checksum = 0;
  }

  /** Writes the checksum, when all else is written. */
  seal(): void {
    this.checksum = 0;
    this.checksum = <u16>checksumOf(this.sum());
  }

  /** Whether the header, options too, adds up. */
  get hasRightSum(): bool {
    return fold(this.sum()) == RIGHT_SUM;
  }

  /** Sum of the header, not folded. Without options five loads. */
  private sum(): u64 {
    const at = changetype<usize>(this);
    const addresses = <u64>this.sourceBe + this.destinationBe;
    const sum = <u64>load<u32>(at) + load<u32>(at, 4) + load<u32>(at, 8) + addresses;
    if (this.isPlain) return sum;
    const bytes = this.headerBytes;
    return bytes <= IPV4_BYTES ? sum : sum + sumBytes(at + IPV4_BYTES, bytes - IPV4_BYTES);
  }
}

/** Bytes on the wire, without options. */
export const IPV4_BYTES: u32 = offsetof<Ipv4>();
if (IPV4_BYTES != 20) ERROR('Ipv4 must be 20 bytes');

/**
 * Bytes of the packet at `at`, of which `bytes` bytes are there: header and payload, without
 * what pads the frame. 0 when its header or the lengths in it are not sound.
 */
export function ipv4BytesAt(at: usize, bytes: u32): u32 {
  if (bytes < IPV4_BYTES) return 0;
  const ip = Ipv4.at(at);
  const header = ip.headerBytes;
  const total = ip.totalBytes;
  if (!ip.isVersion4 || header < IPV4_BYTES) return 0;
  return header <= total && total <= bytes ? total : 0;
}

/** 0.0.0.0/8: this host, which has no address yet. */
export function isUnspecifiedIpv4(ip: u32): bool {
  return ip >>> NETWORK_SHIFT == NETWORK_ZERO;
}

/** Whether an address can be one station's on a link. */
export function isStationIpv4(ip: u32): bool {
  const network = ip >>> NETWORK_SHIFT;
  const isRange = network == NETWORK_ZERO || network == NETWORK_LOOPBACK;
  return !isRange && network < FIRST_GROUP_NETWORK;
}
