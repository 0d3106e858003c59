/**
 * Random numbers of a simulation: xoshiro128** 1.1 (Blackman and Vigna,
 * https://prng.di.unimi.it/xoshiro128starstar.c), whose state is filled from the seed and a
 * name by 32-bit FNV-1a and the finaliser of MurmurHash3. Everything that draws has a name,
 * and so numbers of its own: another link, or another frame on it, changes nobody else's.
 * Integers only, so the same seed gives the same numbers on any machine.
 */
const WORDS = 4;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Numbers of 32 bits there are. */
const RANGE = 0x100000000;
const PERCENT = 100;

export class Random {
  private readonly state: Uint32Array;

  private constructor(state: Uint32Array) {
    this.state = state;
  }

  /** `seed`: a whole number from 0. The same name under another seed draws other numbers. */
  static of(seed: number, name: string): Random {
    return new Random(
      Uint32Array.from({ length: WORDS }, (_, word) => hash(`${word} ${seed} ${name}`)),
    );
  }

  /** With this very state, which is not all zero. */
  static from(state: readonly [number, number, number, number]): Random {
    return new Random(Uint32Array.from(state));
  }

  /** The next 32 bits. */
  next(): number {
    const s = this.state;
    const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = rotate(s[3]!, 11);
    return result;
  }

  /** True so many times in a hundred; 0 draws nothing. */
  chance(percent: number): boolean {
    return percent > 0 && this.next() < (percent / PERCENT) * RANGE;
  }

  /** A whole number from 0 to `below` - 1, of at most 2^32 different ones. */
  below(below: number): number {
    return below <= 1 ? 0 : Math.floor((this.next() / RANGE) * below);
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function hash(text: string): number {
  let h = FNV_OFFSET;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, FNV_PRIME);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
