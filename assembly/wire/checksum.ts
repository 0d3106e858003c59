/**
 * Internet checksum, RFC 1071: the one's complement of the one's complement sum of 16-bit
 * words. Sums here are of words as WASM loads them (little endian): RFC 1071 §2(B) allows
 * that, as long as the result is stored the same way.
 *
 * A sum is a u64 that is folded last, so sums of parts are added as they are. A part that
 * begins at an odd offset of what is summed goes through `atOddOffset` first.
 *
 * Incremental updates are equation 3 of RFC 1624 §3: HC' = ~(~HC + ~m + m'). It gives what
 * computing anew gives, unless all bytes are zero afterwards.
 */

/** Bytes of one v128, and of one turn of the long loop: four of them. */
const VECTOR_BYTES: usize = 16;
const TURN_BYTES: usize = 64;
/**
 * Words are added as signed numbers, 32768 less than they are: there is an instruction that
 * multiplies 16-bit pairs and adds them, for signed ones only. 32 words a turn.
 */
const SIGN_BITS: i16 = -0x8000;
const TURN_BIAS: u64 = 32 * 0x8000;
/** What 32-bit sums of signed words take without running over, with room to spare. */
const MOST_BYTES: usize = 1 << 19;

/** Sum of `bytes` bytes at `ptr`, at any alignment, not folded. */
export function sumBytes(ptr: usize, bytes: u32): u64 {
  let sum: u64 = 0;
  let at = ptr;
  let left: usize = bytes;
  while (left >= TURN_BYTES) {
    const part = min(left, MOST_BYTES) & ~(TURN_BYTES - 1);
    sum += sumTurns(at, part);
    at += part;
    left -= part;
  }
  const pairsEnd = at + (left & ~7);
  for (; at < pairsEnd; at += 8) sum += <u64>load<u32>(at) + load<u32>(at, 4);
  if ((left & 4) != 0) {
    sum += load<u32>(at);
    at += 4;
  }
  if ((left & 2) != 0) {
    sum += load<u16>(at);
    at += 2;
  }
  if ((left & 1) != 0) sum += load<u8>(at);
  return sum;
}

/** Sum of `bytes` bytes: a multiple of TURN_BYTES, MOST_BYTES at the most. */
function sumTurns(ptr: usize, bytes: usize): u64 {
  const signs = i16x8.splat(SIGN_BITS);
  const ones = i16x8.splat(1);
  let even = i32x4.splat(0);
  let odd = i32x4.splat(0);
  const end = ptr + bytes;
  for (let at = ptr; at < end; at += TURN_BYTES) {
    const a = i32x4.dot_i16x8_s(v128.xor(v128.load(at), signs), ones);
    const b = i32x4.dot_i16x8_s(v128.xor(v128.load(at, VECTOR_BYTES), signs), ones);
    const c = i32x4.dot_i16x8_s(v128.xor(v128.load(at, 2 * VECTOR_BYTES), signs), ones);
    const d = i32x4.dot_i16x8_s(v128.xor(v128.load(at, 3 * VECTOR_BYTES), signs), ones);
    even = i32x4.add(even, i32x4.add(a, c));
    odd = i32x4.add(odd, i32x4.add(b, d));
  }
  const low = i64x2.add(i64x2.extend_low_i32x4_s(even), i64x2.extend_low_i32x4_s(odd));
  const high = i64x2.add(i64x2.extend_high_i32x4_s(even), i64x2.extend_high_i32x4_s(odd));
  const both = i64x2.add(low, high);
  const turns: u64 = bytes / TURN_BYTES;
  return i64x2.extract_lane(both, 0) + i64x2.extract_lane(both, 1) + turns * TURN_BIAS;
}

/** The sum of a part that lies at an odd offset: its bytes belong to the other halves. */
export function atOddOffset(sum: u64): u64 {
  return bswap<u16>(<u16>fold(sum));
}

/** Folds a sum to 16 bits. */
export function fold(sum: u64): u32 {
  let folded = (sum & 0xffffffff) + (sum >> 32);
  folded = (folded & 0xffff) + (folded >> 16);
  folded = (folded & 0xffff) + (folded >> 16);
  return <u32>((folded & 0xffff) + (folded >> 16));
}

/** A sum as the field that makes the whole add up. */
export function checksumOf(sum: u64): u32 {
  return ~fold(sum) & 0xffff;
}

/**
 * The checksum after bytes that lay at an even offset have changed: `before` and `after` are
 * these bytes as loaded, 2 or 4 of them, or sums of more.
 */
export function updateChecksum(checksum: u32, before: u64, after: u64): u32 {
  return checksumOf(<u64>(~checksum & 0xffff) + <u64>(~fold(before) & 0xffff) + after);
}

/** Where the addresses lie in an IPv4 and an IPv6 header, and how long both are. */
const ADDRESSES4_OFFSET: usize = 12;
const ADDRESSES6_OFFSET: usize = 8;
const PAIR_BYTES: usize = 8;

/**
 * Sum of the pseudo header of `bytes` bytes of `protocol` behind the IPv4 header at `ip`:
 * RFC 768, RFC 9293 §3.1.
 */
export function pseudoSum4(ip: usize, protocol: u32, bytes: u32): u64 {
  return pairSum(ip + ADDRESSES4_OFFSET) + tailSum(protocol, bytes);
}

/** As `pseudoSum4`, behind the IPv6 header at `ip`; `bytes` below 65536. RFC 8200 §8.1. */
export function pseudoSum6(ip: usize, protocol: u32, bytes: u32): u64 {
  const at = ip + ADDRESSES6_OFFSET;
  const source = pairSum(at) + pairSum(at + PAIR_BYTES);
  const destination = pairSum(at + 2 * PAIR_BYTES) + pairSum(at + 3 * PAIR_BYTES);
  return source + destination + tailSum(protocol, bytes);
}

/** Protocol and length, as they lie in a pseudo header. */
function tailSum(protocol: u32, bytes: u32): u64 {
  return <u64>bswap<u16>(<u16>protocol) + bswap<u16>(<u16>bytes);
}

/** Sum of 8 bytes. */
function pairSum(at: usize): u64 {
  return <u64>load<u32>(at) + load<u32>(at, 4);
}
