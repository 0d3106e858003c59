/**
 * ICMPv6 header, RFC 4443 §2.1. Sits behind the IPv6 header.
 *
 *   byte 0     type
 *   byte 1     code
 *   bytes 2-3  checksum over a pseudo header and the whole message, §2.3
 *   bytes 4-7  of "packet too big" (§3.2): MTU of the next hop, big endian; of "parameter
 *              problem" (§3.4): offset of what is wrong; of an echo: identifier and sequence
 *              number
 */
import { checksumOf, fold, sumBytes } from './checksum';
import { IPV6_BYTES } from './ipv6';

export const NEXT_ICMP6: u32 = 58;
export const ICMP6_UNREACHABLE: u32 = 1; // §3.1
export const ICMP6_TOO_BIG: u32 = 2; // §3.2
export const ICMP6_TIME_EXCEEDED: u32 = 3; // §3.3
export const ICMP6_PARAMETER_PROBLEM: u32 = 4; // §3.4
export const ICMP6_ECHO: u32 = 128; // §4.1
export const ICMP6_ECHO_REPLY: u32 = 129; // §4.2
/** Types below are errors, §2.1. */
const FIRST_QUESTION: u32 = 128;
const REDIRECT: u32 = 137; // RFC 4861 §4.5
const REST_OFFSET: usize = 4;

/** Source and destination lie together in the IPv6 header, and begin the pseudo header. */
const ADDRESSES_OFFSET: usize = 8;
const ADDRESSES_BYTES: u32 = 32;
const RIGHT_SUM: u32 = 0xffff;

@unmanaged
export class Icmp6 {
  private typeField: u8;
  private codeField: u8;
  /** As it is loaded: sums are, too. */
  checksum: u16;

  /** Views ICMP6_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Icmp6 {
    return changetype<Icmp6>(ptr);
  }

  get type(): u32 {
    return this.typeField;
  }

  get code(): u32 {
    return this.codeField;
  }

  /** Whether nobody answers the message with an error, §2.4 (e). */
  get isError(): bool {
    return this.type < FIRST_QUESTION || this.type == REDIRECT;
  }

  /**
   * Writes the ICMP6_ERROR_BYTES before the packet in question, or the data of an echo, which
   * is there already, as is the IPv6 header before; `bytes` counts both.
   */
  emit(type: u32, code: u32, rest: u32, bytes: u32): void {
    const at = changetype<usize>(this);
    this.typeField = <u8>type;
    this.codeField = <u8>code;
    this.checksum = 0;
    store<u32>(at, bswap<u32>(rest), REST_OFFSET);
    this.checksum = <u16>checksumOf(icmp6Sum(at - IPV6_BYTES, bytes));
  }
}

/** Bytes on the wire. */
export const ICMP6_BYTES: u32 = offsetof<Icmp6>();
if (ICMP6_BYTES != 4) ERROR('Icmp6 must be 4 bytes');

/** Bytes of an error before the packet in question, of an echo before its data. */
export const ICMP6_ERROR_BYTES: u32 = 8;

/**
 * Sum of the message of `bytes` bytes (up to 65535) that lies right behind the IPv6 header
 * at `ip`, and of its pseudo header (RFC 8200 §8.1).
 */
export function icmp6Sum(ip: usize, bytes: u32): u64 {
  const addresses = sumBytes(ip + ADDRESSES_OFFSET, ADDRESSES_BYTES);
  const rest: u64 = <u64>bswap<u16>(<u16>bytes) + bswap<u16>(<u16>NEXT_ICMP6);
  return addresses + rest + sumBytes(ip + IPV6_BYTES, bytes);
}

export function hasRightIcmp6Sum(ip: usize, bytes: u32): bool {
  return fold(icmp6Sum(ip, bytes)) == RIGHT_SUM;
}
