/** Matches that let through a part of the packets: `limit` and `statistic`. */
import { negatable, valued, type MatchExtension } from './extension.js';
import { MAX_U16, MAX_U32, readName, readNumber } from './values.js';
import { expected, type Word } from './words.js';

/** iptables-extensions(8), limit. */
const DEFAULT_LIMIT = { packets: 3, perMs: 3_600_000 };
export const DEFAULT_BURST = 5;
const MAX_BURST = 10_000;
/** What Linux counts with: a ten-thousandth of a second for each packet. */
const LIMIT_SCALE_PER_MS = 10;
const UNITS = [
  ['second', 1000],
  ['minute', 60_000],
  ['hour', 3_600_000],
  ['day', 86_400_000],
] as const;
const PRINTED_UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['min', 60_000],
  ['sec', 1000],
] as const;
/** A chance of one, as `statistic` counts. */
const ONE = 0x80000000;

/** `5/second`, `5/sec`, `5/s`, `5` (a second). */
function readRate(word: Word): { packets: number; perMs: number } {
  const [, digits, unit = 'second'] = /^(\d+)(?:\/(\w+))?$/.exec(word.text) ?? [];
  const named = UNITS.find(([name]) => name.startsWith(unit.toLowerCase()));
  if (digits === undefined || named === undefined)
    throw expected('packets/second, /minute, /hour or /day', word);
  const packets = Number(digits);
  const most = named[1] * LIMIT_SCALE_PER_MS;
  if (packets < 1 || packets > most) throw expected(`1..${most} packets`, word);
  return { packets, perMs: named[1] };
}

/** In the largest unit in which the rate is a whole number, as `iptables-save` does. */
export function printRate({ packets, perMs }: { packets: number; perMs: number }): string {
  const each = Math.floor((perMs * LIMIT_SCALE_PER_MS) / packets);
  const scaled = PRINTED_UNITS.map(([name, ms]) => [name, ms * LIMIT_SCALE_PER_MS] as const);
  let best = scaled[0]!;
  for (const unit of scaled.slice(1)) {
    if (each > unit[1] || Math.floor(unit[1] / each) < unit[1] % each) break;
    best = unit;
  }
  return `${Math.floor(best[1] / each)}/${best[0]}`;
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
    const every = readNumber(options.needed('--every'), MAX_U16 * MAX_U16, 1);
    const packet = options.value('--packet');
    return options.read('--every', () => ({
      kind: 'statisticNth',
      every,
      packet: packet === undefined ? 0 : readNumber(packet, Math.min(every - 1, MAX_U32)),
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
