/**
 * TCP options that say how much of a window there is, RFC 7323 §2.2 and RFC 2018 §2, §3.
 *
 *   kind 3   window scale: length 3, shift in 1 byte; of SYNs
 *   kind 4   selective acknowledgments are taken: length 2; of SYNs
 *   kind 5   selective acknowledgment: length 2 + 8 a block, which is its first sequence number
 *            and the one behind its last, big endian
 */
import { OPTION_END, optionBytes } from './option';
import { TCP_BYTES, Tcp } from './tcp';

const KIND_SCALE: u32 = 3;
const SCALE_BYTES: u32 = 3;
const KIND_SACK_PERMITTED: u32 = 4;
const SACK_PERMITTED_BYTES: u32 = 2;
const KIND_SACK: u32 = 5;
const SACK_HEAD_BYTES: u32 = 2;
const BLOCK_BYTES: u32 = 8;
const BLOCK_END_OFFSET: usize = 4;
const VALUE_OFFSET: usize = 2;
/** RFC 7323 §2.3: a greater one means this. */
const MOST_SCALE: u32 = 14;
/** Of a SYN that says nothing of scales. */
export const NO_SCALE: u32 = 15;

/** By how many bits the sender's windows are to be shifted: 0 to 14, or NO_SCALE. */
export function scaleOf(tcp: Tcp): u32 {
  const at = optionOf(tcp, KIND_SCALE);
  if (at == 0 || optionBytes(at, endOf(tcp)) != SCALE_BYTES) return NO_SCALE;
  return min(<u32>load<u8>(at, VALUE_OFFSET), MOST_SCALE);
}

/** Whether the sender takes selective acknowledgments. */
export function permitsSack(tcp: Tcp): bool {
  const at = optionOf(tcp, KIND_SACK_PERMITTED);
  return at != 0 && optionBytes(at, endOf(tcp)) == SACK_PERMITTED_BYTES;
}

/** The highest number that is acknowledged, selectively or not. */
export function highestAcknowledged(tcp: Tcp): u32 {
  let highest = tcp.acknowledged;
  const at = optionOf(tcp, KIND_SACK);
  if (at == 0) return highest;
  const bytes = optionBytes(at, endOf(tcp));
  if ((bytes - SACK_HEAD_BYTES) % BLOCK_BYTES != 0) return highest;
  for (let block = at + SACK_HEAD_BYTES; block < at + bytes; block += BLOCK_BYTES) {
    const end = bswap<u32>(load<u32>(block, BLOCK_END_OFFSET));
    if (<i32>(end - highest) > 0) highest = end;
  }
  return highest;
}

/** Address of the first option of a kind; 0: there is none, or one before it is not whole. */
function optionOf(tcp: Tcp, kind: u32): usize {
  const end = endOf(tcp);
  let at = changetype<usize>(tcp) + TCP_BYTES;
  while (at < end) {
    const found: u32 = load<u8>(at);
    if (found == OPTION_END) return 0;
    const bytes = optionBytes(at, end);
    if (bytes == 0) return 0;
    if (found == kind) return at;
    at += bytes;
  }
  return 0;
}

function endOf(tcp: Tcp): usize {
  return changetype<usize>(tcp) + tcp.headerBytes;
}
