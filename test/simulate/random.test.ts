import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/simulate/random.js';
import { expectBinomial } from '../support/simulation.js';

const DRAWS = 20000;
const MASK = 0xffffffffn;

/** The reference code, word for word, with numbers that do not wrap by themselves. */
function slowNext(s: bigint[]): bigint {
  const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & MASK;
  const result = (rotl((s[1]! * 5n) & MASK, 7n) * 9n) & MASK;
  const t = (s[1]! << 9n) & MASK;
  s[2]! ^= s[0]!;
  s[3]! ^= s[1]!;
  s[1]! ^= s[2]!;
  s[0]! ^= s[3]!;
  s[2]! ^= t;
  s[3] = rotl(s[3]!, 11n);
  return result;
}

test('random: numbers are those of xoshiro128**', () => {
  const state: [number, number, number, number] = [1, 2, 0xfffffffe, 0x80000001];
  const random = Random.from(state);
  const slow = state.map(BigInt);
  for (let i = 0; i < 1000; i++) assert.is(random.next(), Number(slowNext(slow)), `draw ${i}`);
});

test('random: the first numbers of state 1, 2, 3, 4 are the published ones', () => {
  const random = Random.from([1, 2, 3, 4]);
  const first = Array.from({ length: 4 }, () => random.next());
  assert.equal(first, [11520, 0, 5927040, 70819200]);
});

test('random: seed and name decide', () => {
  const first = (seed: number, name: string): string => {
    const random = Random.of(seed, name);
    return Array.from({ length: 4 }, () => random.next()).join();
  };
  assert.is(first(1, 'a'), first(1, 'a'));
  const all = [first(1, 'a'), first(2, 'a'), first(1, 'b'), first(2 ** 52, 'a'), first(0, 'a')];
  assert.is(new Set(all).size, all.length);
});

test('random: a chance is as great as it says, and none and all are exact', () => {
  const random = Random.of(3, 'chance');
  for (const percent of [0.1, 1, 10, 50, 99]) {
    let hits = 0;
    for (let i = 0; i < DRAWS; i++) if (random.chance(percent)) hits++;
    expectBinomial(hits, DRAWS, percent / 100, `${percent} %`);
  }
  for (let i = 0; i < DRAWS; i++) {
    assert.ok(random.chance(100));
    assert.not.ok(random.chance(0));
  }
});

test('random: each number below a bound is as likely', () => {
  const random = Random.of(4, 'below');
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < DRAWS; i++) counts[random.below(7)]!++;
  for (const count of counts) expectBinomial(count, DRAWS, 1 / 7, 'below 7');
  assert.is(random.below(1), 0);
});

test.run();
