/** One line of a table: what it asks for. iptables-restore(8), iptables(8) "commands". */
import type { Counters, Family, Place, Policy } from './model.js';
import { readChainName, readCounters, RuleParser } from './parse-rule.js';
import type { Command, Statement } from './statement.js';
import { isTarget } from './extensions.js';
import { readName, readNumber, unknownWord } from './values.js';
import { expected, LineFault, splitAt, splitWords, type Word } from './words.js';

const MAX_RULES = 1_000_000;
const POLICIES: readonly Policy[] = ['ACCEPT', 'DROP'];

/** A statement without the comments before it. */
export type Bare = Omit<Statement, 'remarks'> & Command;

interface Line {
  readonly words: readonly Word[];
  readonly line: number;
  readonly family: Family;
  readonly saved: Counters | undefined;
}

type ReadCommand = (line: Line) => Bare;

/** `-A`, `--append` and its like, by their short names. */
const COMMANDS: Readonly<Record<string, readonly [long: string, read: ReadCommand]>> = {
  '-A': ['--append', readAppend],
  '-I': ['--insert', readInsert],
  '-R': ['--replace', readReplace],
  '-D': ['--delete', readDelete],
  '-N': ['--new-chain', line => onChain(line, { kind: 'create' }, ownName)],
  '-P': ['--policy', readPolicy],
  '-F': ['--flush', line => onAnyChain(line, { kind: 'flush' })],
  '-X': ['--delete-chain', line => onAnyChain(line, { kind: 'remove' })],
  '-E': ['--rename-chain', readRename],
  '-Z': ['--zero', readZero],
};

/** A line that begins with `:`. */
export function parseDeclaration(text: string, line: number): Bare {
  const [name, policy, counters, ...more] = splitWords(text.replace(':', ' '));
  if (name === undefined) throw new LineFault(2, 'expected a chain name, got none');
  if (policy === undefined) throw expected('a policy or - behind the chain', name);
  if (more[0] !== undefined) throw expected('the end of the line', more[0]);
  return {
    kind: 'declare',
    chain: readChainName(name),
    place: { line, column: name.column },
    policy: policy.text === '-' ? undefined : readName(policy, POLICIES),
    counters: counters && readSaved(counters),
  };
}

/** A line that begins with `-` or with `[packets:bytes]`. */
export function parseCommand(text: string, line: number, family: Family): Bare {
  const words = splitWords(text);
  const saved = words[0]!.text.startsWith('[') ? readSaved(words[0]!) : undefined;
  const rest = saved === undefined ? words : words.slice(1);
  const [command] = rest;
  if (command === undefined) throw expected('a command behind the counters', words[0]!);
  const known = Object.entries(COMMANDS).find(([short, [long]]) =>
    [short, long].includes(command.text),
  );
  if (known === undefined) {
    const names = Object.entries(COMMANDS).flatMap(([short, [long]]) => [short, long]);
    throw unknownWord('a command such as -A', command, names);
  }
  return known[1][1]({ words: rest, line, family, saved });
}

/** `[packets:bytes]`. */
function readSaved(word: Word): Counters {
  if (!/^\[.*\]$/.test(word.text)) throw expected('[packets:bytes]', word);
  const inner = { text: word.text.slice(1, -1), column: word.column + 1 };
  const [packets, bytes, more] = splitAt(inner, ':');
  if (bytes === undefined || more !== undefined) throw expected('[packets:bytes]', word);
  return readCounters(packets!, bytes);
}

function placeOf({ line }: Line, word: Word): Place {
  return { line, column: word.column };
}

function chainOf({ words }: Line): Word {
  const [command, chain] = words;
  if (chain === undefined) throw expected('a chain behind it', command!);
  return chain;
}

/** Refuses a new chain with the name of a target. */
function ownName(word: Word): string {
  if (isTarget(word.text)) throw expected('a chain name that is no target', word);
  return readChainName(word);
}

function atEnd(line: Line, count: number): void {
  const stray = line.words[count];
  if (stray !== undefined) throw expected('the end of the line', stray);
}

function onChain(line: Line, command: Command, name = readChainName): Bare {
  atEnd(line, 2);
  const word = chainOf(line);
  return { ...command, chain: name(word), place: placeOf(line, word) };
}

function onAnyChain(line: Line, command: Command): Bare {
  if (line.words.length > 1) return onChain(line, command);
  return { ...command, chain: '', place: placeOf(line, line.words[0]!) };
}

/** The rules that the words from `from` on make. */
function rulesOf(line: Line, from: number) {
  const place = placeOf(line, line.words[0]!);
  const { rules, set } = new RuleParser(line.words.slice(from), line.family, place).read();
  return { rules, set, saved: line.saved };
}

function readAppend(line: Line): Bare {
  const word = chainOf(line);
  const chain = readChainName(word);
  return { kind: 'append', chain, place: placeOf(line, word), ...rulesOf(line, 2) };
}

function readInsert(line: Line): Bare {
  const word = chainOf(line);
  const chain = readChainName(word);
  const at = numberAt(line, 2);
  const rules = rulesOf(line, at === undefined ? 2 : 3);
  return { kind: 'insert', at: at ?? 1, chain, place: placeOf(line, word), ...rules };
}

function readReplace(line: Line): Bare {
  const word = chainOf(line);
  const at = numberAt(line, 2);
  if (at === undefined) throw expected('the number of a rule behind the chain', word);
  const rules = rulesOf(line, 3);
  if (rules.rules.length > 1) throw expected('a rule with one source and destination', word);
  return { kind: 'replace', at, chain: readChainName(word), place: placeOf(line, word), ...rules };
}

function readDelete(line: Line): Bare {
  const word = chainOf(line);
  const at = numberAt(line, 2);
  const common = { chain: readChainName(word), place: placeOf(line, word) };
  if (at === undefined) return { kind: 'deleteSame', ...common, ...rulesOf(line, 2) };
  atEnd(line, 3);
  return { kind: 'delete', at, ...common };
}

function numberAt({ words }: Line, index: number): number | undefined {
  const word = words[index];
  return word !== undefined && /^\d/.test(word.text) ? readNumber(word, MAX_RULES, 1) : undefined;
}

function readPolicy(line: Line): Bare {
  const word = chainOf(line);
  const policy = line.words[2];
  if (policy === undefined) throw expected('a policy behind the chain', word);
  atEnd(line, 3);
  return {
    kind: 'policy',
    policy: readName(policy, POLICIES),
    chain: readChainName(word),
    place: placeOf(line, word),
  };
}

function readRename(line: Line): Bare {
  const word = chainOf(line);
  const to = line.words[2];
  if (to === undefined) throw expected('a new name behind the chain', word);
  atEnd(line, 3);
  return {
    kind: 'rename',
    to: ownName(to),
    chain: readChainName(word),
    place: placeOf(line, word),
  };
}

function readZero(line: Line): Bare {
  const at = numberAt(line, 2);
  if (at === undefined) return onAnyChain(line, { kind: 'zero', at });
  atEnd(line, 3);
  const word = chainOf(line);
  return { kind: 'zero', at, chain: readChainName(word), place: placeOf(line, word) };
}
