/** Matches that let through a part of the packets: `limit` and `statistic`. */
import { negatable, valued, type MatchExtension } from './extension.js';
import { MAX_U32, readName, readNumber } from './values.js';
import { expected, type Word } from './words.js';

interface Rate {
  readonly packets: number;
  readonly perMs: number;
}

/** iptables-extensions(8), limit. */
const DEFAULT_LIMIT = { packets: 3, perMs: 3_600_000 };
export const DEFAULT_BURST = 5;
const MAX_BURST = 10_000;
/** What Linux counts with: a ten-thousandth of a second for each packet. */
const LIMIT_SCALE_PER_MS = 10;
const DAY_MS = 86_400_000;
const UNITS = [
  ['second', 1000],
  ['minute', 60_000],
  ['hour', 3_600_000],
  ['day', DAY_MS],
] as const;
const PRINTED_UNITS = [
  ['day', DAY_MS],
  ['hour', 3_600_000],
  ['min', 60_000],
  ['sec', 1000],
] as const;
/** A chance of one, as `statistic` counts. */
const ONE = 0x80000000;

/** `5/second`, `5/sec`, `5/s`, `5` (a second). */
function readRate(word: Word): Rate {
  const [, digits, unit = 'second'] = /^(\d+)(?:\/(\w+))?$/.exec(word.text) ?? [];
  const named = UNITS.find(([name]) => name.startsWith(unit.toLowerCase()));
  if (digits === undefined || named === undefined)
    throw expected('packets/second, /minute, /hour or /day', word);
  const packets = Number(digits);
  const most = named[1] * LIMIT_SCALE_PER_MS;
  if (packets < 1 || packets > most) throw expected(`1..${most} packets`, word);
  return inLargestUnit({ packets, perMs: named[1] });
}

/** In the largest unit in which it is about a whole number, as `iptables-save` shows it. */
function inLargestUnit({ packets, perMs }: Rate): Rate {
  const each = Math.floor((perMs * LIMIT_SCALE_PER_MS) / packets);
  let best = DAY_MS;
  for (const ms of PRINTED_UNITS.map(([, unitMs]) => unitMs).slice(1)) {
    const scaled = ms * LIMIT_SCALE_PER_MS;
    if (each > scaled || Math.floor(scaled / each) < scaled % each) break;
    best = ms;
  }
  return { packets: Math.floor((best * LIMIT_SCALE_PER_MS) / each), perMs: best };
}

/** `3/hour`. */
export function printRate({ packets, perMs }: Rate): string {
  return `${packets}/${PRINTED_UNITS.find(([, ms]) => ms === perMs)![0]}`;
}

const limit: MatchExtension = {
  name: 'limit',
  flags: [valued('--limit'), valued('--limit-burst')],
  read(options) {
    const rate = options.value('--limit');
    const burst = options.value('--limit-burst');
    return [
      {
        kind: 'limit',
        negated: false,
        ...(rate === undefined ? DEFAULT_LIMIT : readRate(rate)),
        burst: burst === undefined ? DEFAULT_BURST : readNumber(burst, MAX_BURST, 1),
      },
    ];
  },
};

const statistic: MatchExtension = {
  name: 'statistic',
  before: ([match]) => `--mode ${match?.kind === 'statisticNth' ? 'nth' : 'random'}`,
  flags: [valued('--mode'), negatable('--probability'), negatable('--every'), valued('--packet')],
  read(options) {
    const mode = readName(options.needed('--mode'), ['random', 'nth'] as const);
    if (mode === 'random') {
      options.needed('--probability');
      const stray = ['--every', '--packet'].find(name => options.has(name));
      if (stray !== undefined) throw options.fault(`expected --mode nth with ${stray}, got random`);
      return options.read('--probability', word => ({
        kind: 'statisticRandom',
        chance: Math.round(readProbability(word) * ONE),
      }));
    }
    if (options.has('--probability'))
      throw options.fault('expected --mode random with --probability, got nth');
    const every = readNumber(options.needed('--every'), MAX_U32, 1);
    const packet = readNumber(options.needed('--packet'), every - 1);
    return options.read('--every', () => ({
      kind: 'statisticNth',
      every,
      packet,
    }));
  },
};

function readProbability(word: Word): number {
  const chance = /^(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(word.text) ? Number(word.text) : NaN;
  if (!(chance >= 0 && chance <= 1)) throw expected('0..1', word);
  return chance;
}

/** Eleven digits, as `iptables-save` writes them. */
export function printProbability(chance: number): string {
  return (chance / ONE).toFixed(11);
}

export const rateMatches: readonly MatchExtension[] = [limit, statistic];
