/**
 * ICMP header, RFC 792. Sits behind the IPv4 header.
 *
 *   byte 0     type
 *   byte 1     code
 *   bytes 2-3  checksum over the whole message, without a pseudo header
 *   bytes 4-7  of an echo: identifier and sequence number; of an error: unused, but in
 *              "fragmentation needed" bytes 6-7 are the MTU of the next hop (RFC 1191 §4)
 *   then       of an error: the header and the first bytes of the packet in question
 */
import { checksumOf, fold, sumBytes } from './checksum';

export const ICMP_ECHO_REPLY: u32 = 0;
export const ICMP_UNREACHABLE: u32 = 3;
export const ICMP_ECHO: u32 = 8;
export const ICMP_TIME_EXCEEDED: u32 = 11;
/** Code of ICMP_UNREACHABLE. */
export const ICMP_FRAGMENTATION_NEEDED: u32 = 4;
const REDIRECT: u32 = 5;
const SOURCE_QUENCH: u32 = 4;
const PARAMETER_PROBLEM: u32 = 12;
const RIGHT_SUM: u32 = 0xffff;

@unmanaged
export class Icmp {
  private typeField: u8;
  private codeField: u8;
  /** As it is loaded: sums are, too. */
  checksum: u16;
  private restBe: u32;

  /** Views ICMP_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Icmp {
    return changetype<Icmp>(ptr);
  }

  get type(): u32 {
    return this.typeField;
  }

  get code(): u32 {
    return this.codeField;
  }

  /** Bytes 4-7: what they mean depends on the type. */
  get rest(): u32 {
    return bswap<u32>(this.restBe);
  }

  /** Whether the message tells of an error: nobody answers it with one (RFC 1122 §3.2.2). */
  get isError(): bool {
    const type = this.type;
    if (type == ICMP_UNREACHABLE || type == SOURCE_QUENCH || type == REDIRECT) return true;
    return type == ICMP_TIME_EXCEEDED || type == PARAMETER_PROBLEM;
  }

  /** Writes the whole header; the checksum is 0 until `seal`. */
  emit(type: u32, code: u32, rest: u32): void {
    this.typeField = <u8>type;
    this.codeField = <u8>code;
    this.checksum = 0;
    this.restBe = bswap<u32>(rest);
  }

  /** Writes the checksum of a message of `bytes` bytes, when all else is written. */
  seal(bytes: u32): void {
    this.checksum = 0;
    this.checksum = <u16>checksumOf(sumBytes(changetype<usize>(this), bytes));
  }

  /** Whether a message of `bytes` bytes adds up. */
  hasRightSum(bytes: u32): bool {
    return fold(sumBytes(changetype<usize>(this), bytes)) == RIGHT_SUM;
  }
}

/** Bytes on the wire. */
export const ICMP_BYTES: u32 = offsetof<Icmp>();
if (ICMP_BYTES != 8) ERROR('Icmp must be 8 bytes');
