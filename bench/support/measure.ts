/**
 * Timing with benchmark.js. Parts that are compared run in turn, many times, a few
 * milliseconds each: a machine that changes its speed changes it for all of them. A round
 * gives one figure a part, the median of benchmark.js's samples.
 *
 * benchmark.js calls a function twice a sample and times the second call, so a part finds
 * its code and data as its own last call left them.
 */
import Benchmark, { type Deferred } from 'benchmark';
import { type Report, medianOf } from './workload.js';

const ROUNDS = 25;
const ROUND_SAMPLES = 5;
const WARM_ROUNDS = 3;
/** Any time is enough: a part is a fixed amount of work, called once a sample. */
const LEAST_SEC = 1e-9;
export const NS_PER_SEC = 1e9;
const MS_PER_SEC = 1000;

/** A piece of work, long enough to be timed: milliseconds. */
export interface Part {
  name: string;
  run(): void;
}

/** Seconds each part took, by round: `figures[part][round]`. */
export function measureRounds(parts: readonly Part[], rounds = ROUNDS): number[][] {
  const options = { minSamples: ROUND_SAMPLES, minTime: LEAST_SEC, maxTime: 0 };
  const benchmarks = parts.map(part => new Benchmark(part.name, () => part.run(), options));
  const figures = parts.map((): number[] => []);
  for (let round = -WARM_ROUNDS; round < rounds; round++) {
    benchmarks.forEach((benchmark, part) => {
      const seconds = sampleOf(benchmark);
      if (round >= 0) figures[part]!.push(seconds);
    });
  }
  return figures;
}

function sampleOf(benchmark: Benchmark): number {
  benchmark.reset();
  benchmark.run({ async: false });
  if (benchmark.error !== undefined) throw benchmark.error;
  return medianOf(benchmark.stats.sample);
}

/**
 * Seconds of work that uses up what it works on, by round: `before` comes untimed each time.
 * benchmark.js would call the work twice behind it, so this is timed by hand.
 */
export function measurePrepared(before: () => void, run: () => void): number[] {
  const figures: number[] = [];
  for (let round = -WARM_ROUNDS; round < ROUNDS; round++) {
    const samples = Array.from({ length: ROUND_SAMPLES }, () => {
      before();
      const began = performance.now();
      run();
      return (performance.now() - began) / MS_PER_SEC;
    });
    if (round >= 0) figures.push(medianOf(samples));
  }
  return figures;
}

/** Work that takes seconds, and what comes before each time untimed. */
export interface LongPart {
  name: string;
  before(): void;
  run(): Promise<void>;
}

/** Seconds of each of ROUND_SAMPLES runs. */
export function measureAsync(part: LongPart): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const clocked = (deferred: Deferred): void => {
      part.run().then(() => deferred.resolve(), reject);
    };
    const options = { defer: true, minSamples: ROUND_SAMPLES, minTime: LEAST_SEC, maxTime: 0 };
    const benchmark = new Benchmark(part.name, clocked, options);
    benchmark.on('start cycle', () => part.before());
    benchmark.on('complete', () => resolve(benchmark.stats.sample));
    benchmark.run({ async: true });
  });
}

/** Work on frames that must be made anew each time, and the making alone. */
export interface Difference {
  case: string;
  packets: number;
  /** Makes the frames of all packets. */
  refresh(): void;
  /** Makes them and lets the core decide. */
  work(): void;
  note: string;
  /** Figures to take; default: ROUNDS. */
  rounds?: number;
}

/** Reports the time a packet of `work` less that of `refresh`. */
export function reportDifference(report: Report, difference: Difference): void {
  const { packets } = difference;
  const [alone, both] = measureRounds(
    [
      { name: 'refresh', run: () => difference.refresh() },
      { name: 'work', run: () => difference.work() },
    ],
    difference.rounds,
  );
  const perPacket = (seconds: number): number => (seconds * NS_PER_SEC) / packets;
  const figures = both!.map((seconds, round) => perPacket(seconds - alone![round]!));
  const total = perPacket(medianOf(both!)).toFixed(1);
  const refresh = perPacket(medianOf(alone!)).toFixed(1);
  const note = `with refresh ${total}, refresh alone ${refresh}; ${difference.note}`;
  report.row('ns/packet', difference.case, figures, note);
}

/** Reports the time a packet of work that leaves its frames as they were. */
export function reportWork(
  report: Report,
  work: { case: string; packets: number; run(): void; note: string },
): void {
  const [seconds] = measureRounds([{ name: 'work', run: () => work.run() }]);
  const figures = seconds!.map(each => (each * NS_PER_SEC) / work.packets);
  report.row('ns/packet', work.case, figures, work.note);
}
