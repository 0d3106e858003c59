/** The byte that IPv4 calls TOS and IPv6 traffic class: its names (RFC 2474, RFC 1349). */
import type { Masked } from './model.js';
import { MAX_U8, readNumber, unknownWord } from './values.js';
import { splitAt, type Word } from './words.js';

/** Of DSCP classes: RFC 2474 §4.2.2, RFC 2597 §6, RFC 3246 §2.7. */
const CLASSES: Readonly<Record<string, number>> = {
  BE: 0,
  EF: 46,
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map(number => [`CS${number}`, number * 8])),
  ...Object.fromEntries(
    [1, 2, 3, 4].flatMap(queue =>
      [1, 2, 3].map(precedence => [`AF${queue}${precedence}`, queue * 8 + precedence * 2]),
    ),
  ),
};

/** RFC 1349 §4; as they stand in the byte. */
const TOS_NAMES: Readonly<Record<string, number>> = {
  'minimize-delay': 0x10,
  'maximize-throughput': 0x08,
  'maximize-reliability': 0x04,
  'minimize-cost': 0x02,
  'normal-service': 0,
};
/** What a TOS name is about: the byte less precedence. */
const TOS_NAME_MASK = 0x3f;

export function readDscpClass(word: Word): number {
  const dscp = CLASSES[word.text.toUpperCase()];
  if (dscp === undefined) throw unknownWord('a DSCP class', word, Object.keys(CLASSES));
  return dscp;
}

/** `Minimize-Delay`, `0x10`, `0x10/0x3f`. */
export function readTosMatch(word: Word): Masked {
  if (!/^\d/.test(word.text)) {
    const value = TOS_NAMES[word.text.toLowerCase()];
    if (value === undefined) throw unknownWord('a TOS name', word, Object.keys(TOS_NAMES));
    return { value, mask: TOS_NAME_MASK };
  }
  const [value, mask] = splitAt(word, '/');
  return {
    value: readNumber(value!, MAX_U8),
    mask: mask === undefined ? MAX_U8 : readNumber(mask, MAX_U8),
  };
}

export const TOS_FLAGS = ['--set-tos', '--and-tos', '--or-tos', '--xor-tos'];

/** What the options of the TOS target come to: bits to clear, then bits to flip. */
export function readTosTarget(name: string, word: Word): Masked {
  if (name === '--set-tos') return readTosMatch(word);
  const bits = readNumber(word, MAX_U8);
  if (name === '--and-tos') return { value: 0, mask: ~bits & MAX_U8 };
  return { value: bits, mask: name === '--or-tos' ? bits : 0 };
}
