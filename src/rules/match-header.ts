/** The matches that stand before any `-m`: iptables(8), "parameters". */
import type { Flag, Given } from './extension.js';
import type { Family, Match } from './model.js';
import { PROTOCOL_NAMES, protocolNumber } from './protocols.js';
import { isAny, MAX_U8, readInterface, readIpMask, readNumber, unknownWord } from './values.js';
import { expected, splitAt, type Word } from './words.js';

/** Options of every rule; `--append` and its like are not among them. */
export const HEADER_FLAGS: readonly Flag[] = [
  { names: ['-s', '--source', '--src'], negatable: true },
  { names: ['-d', '--destination', '--dst'], negatable: true },
  { names: ['-i', '--in-interface'], negatable: true },
  { names: ['-o', '--out-interface'], negatable: true },
  { names: ['-p', '--protocol'], negatable: true },
  { names: ['-f', '--fragment'], values: 0, negatable: true },
  { names: ['-j', '--jump'] },
  { names: ['-g', '--goto'] },
  { names: ['-m', '--match'] },
  { names: ['-c', '--set-counters'], values: 2 },
  { names: ['-4', '--ipv4'], values: 0 },
  { names: ['-6', '--ipv6'], values: 0 },
];

/** A name, or 0..255. */
export function readProtocol(word: Word): number {
  if (/^\d/.test(word.text)) return readNumber(word, MAX_U8);
  if (word.text.toLowerCase() === 'all') return 0;
  const number = protocolNumber(word.text);
  if (number === undefined) throw unknownWord('a protocol', word, PROTOCOL_NAMES);
  return number;
}

/** `-p`; undefined for `all`, which asks nothing. */
export function readProtocolMatch({ values, negated }: Given): Match | undefined {
  const protocol = readProtocol(values[0]!);
  if (protocol === 0 && negated) throw expected('a protocol behind !', values[0]!);
  return protocol === 0 ? undefined : { kind: 'protocol', protocol, negated };
}

/** `-i` and `-o`; undefined for `+`, which asks nothing. */
export function readInterfaceMatch(kind: 'in' | 'out', { values, negated }: Given): Match[] {
  const { name, isPrefix } = readInterface(values[0]!);
  if (name === '' && !negated) return [];
  return [{ kind, name, isPrefix, negated }];
}

/**
 * `-s` and `-d`: one alternative for each address of the list, since each makes a rule of
 * its own. `/0` asks nothing.
 */
export function readAddressMatches(
  kind: 'source' | 'destination',
  given: Given | undefined,
  family: Family,
): Match[][] {
  if (given === undefined) return [[]];
  const parts = splitAt(given.values[0]!, ',');
  if (parts.length > 1 && given.negated)
    throw expected('one address behind !, not a list', given.values[0]!);
  return parts.map(part => {
    const prefix = readIpMask(part, family);
    return isAny(prefix) && !given.negated ? [] : [{ kind, prefix, negated: given.negated }];
  });
}
