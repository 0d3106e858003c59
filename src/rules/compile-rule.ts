/** A rule in a program: `RuleField`, criteria and target of assembly/rules-abi.ts. */
import { OP_NEGATED } from '../../assembly/rules-abi.js';
import type { Criterion } from './compile-criterion.js';
import type { Words } from './compile-words.js';

const NUMBER_BYTES = 4;
const HEADER_WORDS = 2;
const HALF_BITS = 16;

/** Returns the offset of the rule. */
export function layRule(
  words: Words,
  id: number,
  criteria: readonly Criterion[],
  target: readonly number[],
): number {
  let length = HEADER_WORDS;
  for (const { numbers } of criteria) length += 1 + numbers.length;
  const at = words.bytes;
  words.push(id);
  words.push(
    (((length + target.length) * NUMBER_BYTES) | ((length * NUMBER_BYTES) << HALF_BITS)) >>> 0,
  );
  for (const { op, negated, argument, numbers } of criteria) {
    const first = op | (negated ? OP_NEGATED : 0) | ((1 + numbers.length) << 8);
    words.push((first | (argument << HALF_BITS)) >>> 0);
    for (const number of numbers) words.push(number);
  }
  for (const word of target) words.push(word);
  return at;
}
