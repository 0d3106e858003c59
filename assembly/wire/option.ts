/**
 * Options behind an IPv4 or a TCP header, RFC 791 §3.1, RFC 9293 §3.1: both have this form.
 *
 *   kind 0   the end of the list, one byte
 *   kind 1   nothing, one byte
 *   others   kind, length of the whole option, content
 */
export const OPTION_END: u32 = 0;
const OPTION_NONE: u32 = 1;
const LENGTH_OFFSET: usize = 1;
/** Kind and length. */
const LEAST_BYTES: u32 = 2;

/** Bytes of the option at `at`, before `end`; 0 when it is not whole. */
export function optionBytes(at: usize, end: usize): u32 {
  if (load<u8>(at) == OPTION_NONE) return 1;
  if (at + LENGTH_OFFSET >= end) return 0;
  const bytes: u32 = load<u8>(at, LENGTH_OFFSET);
  return bytes < LEAST_BYTES || at + bytes > end ? 0 : bytes;
}
