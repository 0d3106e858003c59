/**
 * Lookup tables of the mh scheduler: Maglev hashing, Eisenbud et al., "Maglev: A Fast and
 * Reliable Software Network Load Balancer", NSDI 2016, §3.4. A connection belongs to the
 * backend in slot `hash % size`; where a backend leaves, its slots are shared out and all but a
 * few of the others stay.
 *
 * Every backend has a permutation of the slots, `offset + k·skip mod size`, with
 *
 *   offset = murmur3(key, 0x9e3779b1) mod size
 *   skip   = murmur3(key, 0x85ebca77) mod (size - 1) + 1
 *
 * Backends take turns; in a turn one takes the first slot of its permutation that is free. In
 * each round the heaviest has one turn, one of weight w has its k-th (from 0) in round
 * floor(k · heaviest / w), and those of one round take turns in the order of their keys. So
 *
 * - backends of the same weight differ by one slot at most,
 * - after r rounds one has ceil(r·w / heaviest) slots: its share by weight, to one slot,
 * - all have their first turn in the first round: each one with a weight has a slot, whatever
 *   the others weigh, as long as there are no more of them than slots.
 *
 * Where one of N leaves, slots of the others move too, as in the paper: of 65537 slots at most
 * 0.2 % (N = 5), 0.7 % (100), 1.1 % (400), 0.9 % (655). Small tables move more: at some 100 slots
 * for each backend 2.6 % of 4093 and 3.4 % of 1021, but 0.6 % of 1021 for three.
 *
 * About size · ln(size) steps: 65537 slots in a few milliseconds, for any number of backends.
 */
import { murmur3 } from './murmur3.js';
import { inKeyOrder, NO_BACKEND, type Keyed, type Weighted } from './weighted.js';

/** Table sizes of IPVS (`net/netfilter/ipvs/ip_vs_mh.c`, CONFIG_IP_VS_MH_TAB_INDEX 8..17). */
export const IPVS_TABLE_SLOTS: readonly number[] = [
  251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071,
];
/** What IPVS takes unless it is built with another. */
export const DEFAULT_TABLE_SLOTS = 4093;
/** What the paper calls the small table; 100 slots each for 655 backends. */
export const PAPER_TABLE_SLOTS = 65537;

const OFFSET_SEED = 0x9e3779b1;
const SKIP_SEED = 0x85ebca77;
const NOBODY = -1;

/**
 * The backend of each slot, by its place in `backends`; `NO_BACKEND` in all of them where none
 * has a weight. `size` is a prime number of slots, at least as many as backends with a weight.
 */
export function maglevTable(backends: readonly Weighted[], size: number): Uint16Array {
  if (!isPrime(size)) throw new Error(`maglevTable: expected a prime number of slots, got ${size}`);
  const live = inKeyOrder(backends).filter(({ weight }) => weight > 0);
  if (live.length > size)
    throw new Error(`maglevTable: expected up to ${size} backends, got ${live.length}`);
  const table = new Uint16Array(size).fill(NO_BACKEND);
  if (live.length > 0) new Turns(live, size).fill(table);
  return table;
}

function isPrime(number: number): boolean {
  if (!Number.isInteger(number) || number < 2) return false;
  for (let by = 2; by * by <= number; by++) if (number % by === 0) return false;
  return true;
}

/** Lists of backends, one for each round, of those that have a turn in it. */
class Turns {
  private readonly heaviest: number;
  /** By round: who stood in it last; `next` leads to those before. */
  private readonly last: Int32Array;
  private readonly next: Int32Array;
  /** Of the round that is going on, in the order of turns. */
  private readonly line: Int32Array;
  /** By backend: where in its permutation it is. */
  private readonly slot: Uint32Array;
  private readonly skip: Uint32Array;
  private readonly turns: Uint32Array;

  constructor(
    /** In the order of their keys, which is that of turns in one round. */
    private readonly backends: readonly Keyed[],
    private readonly size: number,
  ) {
    this.heaviest = Math.max(...backends.map(({ weight }) => weight));
    this.last = new Int32Array(size).fill(NOBODY);
    this.next = new Int32Array(backends.length);
    this.line = new Int32Array(backends.length);
    this.turns = new Uint32Array(backends.length);
    this.slot = Uint32Array.from(backends, ({ key }) => murmur3(key, OFFSET_SEED) % size);
    this.skip = Uint32Array.from(backends, ({ key }) => (murmur3(key, SKIP_SEED) % (size - 1)) + 1);
    for (let i = 0; i < backends.length; i++) this.standIn(0, i);
  }

  fill(table: Uint16Array): void {
    let free = table.length;
    for (let round = 0; ; round++)
      for (const i of this.lineOf(round)) {
        this.take(table, i);
        if (--free === 0) return;
        this.standIn(this.roundOfNext(i), i);
      }
  }

  /** Who came last stands first in the list, so it is filled from its end. */
  private lineOf(round: number): Int32Array {
    let at = this.line.length;
    let isInOrder = true;
    for (let i = this.last[round]!; i !== NOBODY; i = this.next[i]!) {
      if (at < this.line.length && i > this.line[at]!) isInOrder = false;
      this.line[--at] = i;
    }
    const line = this.line.subarray(at);
    return isInOrder ? line : line.sort();
  }

  private take(table: Uint16Array, i: number): void {
    const { size } = this;
    const skip = this.skip[i]!;
    let slot = this.slot[i]!;
    while (table[slot] !== NO_BACKEND) {
      slot += skip;
      if (slot >= size) slot -= size;
    }
    table[slot] = this.backends[i]!.ordinal;
    this.slot[i] = slot;
  }

  private roundOfNext(i: number): number {
    const turn = ++this.turns[i]!;
    return Math.floor((turn * this.heaviest) / this.backends[i]!.weight);
  }

  /** Rounds from `size` on are never reached: the heaviest takes a slot in each. */
  private standIn(round: number, i: number): void {
    if (round >= this.size) return;
    this.next[i] = this.last[round]!;
    this.last[round] = i;
  }
}
