/**
 * Arguments in the words of `ip` and `bridge`: a keyword, then its value, in any order, as in
 * `lladdr 02:42:0a:00:00:03 segment web`.
 */
import { CommanderError } from 'commander';
import { nearest } from '../config/nearest.js';
import { ExitCode } from './exit.js';

/** What a keyword says: the name of a value that follows, or a value by itself. */
export type Keywords = Record<string, { key: string; value?: string }>;

export type Words = Record<string, string | undefined>;

/** `first` takes a word that is no keyword, once. Throws a usage error. */
export function readWords(words: readonly string[], keywords: Keywords, first?: string): Words {
  const found: Words = {};
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const keyword = Object.hasOwn(keywords, word) ? keywords[word] : undefined;
    const isFirst = keyword === undefined && first !== undefined && found[first] === undefined;
    const key = keyword?.key ?? (isFirst ? first : unknown(word, keywords));
    const value = keyword === undefined ? word : (keyword.value ?? rest.shift());
    if (value === undefined) throw usage(`expected something after '${word}', got nothing`);
    if (found[key] !== undefined) throw usage(`expected one ${key}, got '${value}' as well`);
    found[key] = value;
  }
  return found;
}

function unknown(word: string, keywords: Keywords): never {
  const known = Object.keys(keywords);
  const meant = nearest(word, known);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw usage(`expected one of ${known.join(', ')}, got '${word}'${hint}`);
}

function usage(message: string): CommanderError {
  process.stderr.write(`error: ${message}\n`);
  return new CommanderError(ExitCode.Usage, 'sluice.words', message);
}

/** A number among the words. Throws a usage error. */
export function numberWord(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw usage(`${name}: expected a whole number, got '${text}'`);
  return Number(text);
}
