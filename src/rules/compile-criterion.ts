/** Criteria: the questions of a program, and what they are made against. */
import { FIRST_STATEFUL_OP, Op } from '../../assembly/rules-abi.js';
import type { Words } from './compile-words.js';
import type { Family, Match, Range } from './model.js';

/** One question to a packet. */
export interface Criterion {
  readonly op: Op;
  negated: boolean;
  /** 16 bits. */
  readonly argument: number;
  /** 32 bits each. */
  readonly numbers: readonly number[];
  /** What it asks for, as written. */
  match?: Match;
}

/** What matches are compiled against. */
export interface MatchContext {
  readonly family: Family;
  /** Router interface + 1 of each name. */
  readonly interfaces: ReadonlyMap<string, number>;
  /** Where bitmaps of interfaces go. */
  readonly words: Words;
  /** Offsets of bitmaps that are there, by the beginning of the names. */
  readonly sets: Map<string, { offset: number; words: number }>;
  /** Takes the next row of memory for a criterion. */
  takeState(): number;
}

/** What cannot be compiled; the message is the second half of `expected …, got …`. */
export class Refused extends Error {
  constructor(
    got: string,
    /** It is the target, not a match. */
    readonly isTarget = false,
  ) {
    super(got);
  }
}

/** A constant answer where the question needs no packet. */
export type Answer = Criterion | boolean;

const NO_NUMBERS: readonly number[] = [];
const BYTE_BITS = 8;
const HALF_BITS = 16;

export function asked(op: Op, argument = 0, numbers: readonly number[] = NO_NUMBERS): Criterion {
  return { op, negated: false, argument, numbers };
}

/** As criteria hold a range of ports. */
export const pairOf = ({ first, last }: Range): number => (first | (last << HALF_BITS)) >>> 0;
/** Two bytes of an argument. */
export const bytePair = (low: number, high: number): number => low | (high << BYTE_BITS);

/** Whether it remembers being asked, so that the order of asking matters. */
export function hasMemory({ op }: Criterion): boolean {
  return op >= FIRST_STATEFUL_OP;
}

/** Bitmap of the interfaces whose names begin so. */
export function setOf(prefix: string, context: MatchContext): { offset: number; words: number } {
  const known = context.sets.get(prefix);
  if (known !== undefined) return known;
  const numbers = [...context.interfaces].filter(([name]) => name.startsWith(prefix));
  const words = Math.max(0, ...numbers.map(([, number]) => (number >>> 5) + 1));
  const offset = context.words.reserve(words * 4);
  for (const [, number] of numbers) {
    const at = offset + (number >>> 5) * 4;
    context.words.set(at, context.words.at(at) | (1 << (number & 31)));
  }
  const set = { offset, words };
  context.sets.set(prefix, set);
  return set;
}
