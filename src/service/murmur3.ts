/**
 * MurmurHash3_x86_32 (Austin Appleby, public domain): the hash that lookup tables are laid out
 * by. It is fixed and without a secret, since every node must come to the same table, and
 * since its keys are addresses of backends, which no outsider chooses.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;
const BLOCK_BYTES = 4;

/** Of all bytes; 32 bits, unsigned. */
export function murmur3(bytes: Uint8Array, seed: number): number {
  let hash = seed >>> 0;
  const whole = bytes.length - (bytes.length % BLOCK_BYTES);
  for (let at = 0; at < whole; at += BLOCK_BYTES) {
    hash ^= scramble(littleEndian(bytes, at, BLOCK_BYTES));
    hash = (Math.imul(rotateLeft(hash, 13), 5) + 0xe6546b64) >>> 0;
  }
  if (whole < bytes.length) hash ^= scramble(littleEndian(bytes, whole, bytes.length - whole));
  return finish(hash ^ bytes.length);
}

/** `length` bytes at `at`, 1..4 of them. */
function littleEndian(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = (value << 8) | bytes[at + i]!;
  return value;
}

function scramble(block: number): number {
  return Math.imul(rotateLeft(Math.imul(block, C1), 15), C2);
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function finish(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
}
