/**
 * Internet checksum, RFC 1071: the one's complement of the one's complement sum of 16-bit
 * words. Sums here are of words as WASM loads them (little endian): RFC 1071 §2(B) allows
 * that, as long as the result is stored the same way.
 */

/** Sum of `bytes` bytes at `ptr`, not folded; `bytes` up to 64 KiB. */
export function sumBytes(ptr: usize, bytes: u32): u64 {
  let sum: u64 = 0;
  let at = ptr;
  const wordsEnd = ptr + (bytes & ~3);
  for (; at < wordsEnd; at += 4) sum += load<u32>(at);
  if ((bytes & 2) != 0) {
    sum += load<u16>(at);
    at += 2;
  }
  if ((bytes & 1) != 0) sum += load<u8>(at);
  return sum;
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
