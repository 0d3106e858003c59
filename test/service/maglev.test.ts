/** Tables of Maglev hashing against one made as the paper writes it, slowly. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_TABLE_SLOTS, IPVS_TABLE_SLOTS, maglevTable } from '../../src/service/maglev.js';
import { murmur3 } from '../../src/service/murmur3.js';
import { NO_BACKEND, weightedOf, type Weighted } from '../../src/service/weighted.js';
import { seededRandom } from '../support/random.js';
import { backends, keysOf, slotsOf } from './table-slots.js';

const OFFSET_SEED = 0x9e3779b1;
const SKIP_SEED = 0x85ebca77;
const REBUILD_MS = 10;

test('murmur3: the published values of MurmurHash3_x86_32', () => {
  const hash = (text: string, seed: number): number => murmur3(Buffer.from(text), seed);
  assert.is(hash('', 0), 0);
  assert.is(hash('', 1), 0x514e28b7);
  assert.is(hash('', 0xffffffff), 0x81f16f39);
  assert.is(hash('hello', 0), 0x248bfa47);
  assert.is(hash('test', 0x9747b28c), 0x704b81dc);
  assert.is(hash('Hello, world!', 0x9747b28c), 0x24884cba);
  assert.is(hash('The quick brown fox jumps over the lazy dog', 0), 0x2e4ff723);
});

/**
 * The paper's Pseudocode 1 with whole permutations: backends in the order of their keys, one
 * turn each a round; a weight w of `heaviest` has turns in rounds floor(k * heaviest / w).
 */
function slowTable(list: readonly Weighted[], size: number): number[] {
  const live = list
    .map((backend, ordinal) => ({ ...backend, ordinal, key: Buffer.from(backend.key) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => Buffer.compare(a.key, b.key));
  const heaviest = Math.max(...live.map(({ weight }) => weight));
  const walks = live.map(({ key }) => {
    const offset = murmur3(key, OFFSET_SEED) % size;
    const skip = (murmur3(key, SKIP_SEED) % (size - 1)) + 1;
    return Array.from({ length: size }, (_, k) => (offset + k * skip) % size);
  });
  const entry = Array<number>(size).fill(-1);
  const turns = live.map(() => 0);
  for (let round = 0; entry.includes(-1); round++)
    live.forEach(({ weight, ordinal }, i) => {
      if (Math.floor((turns[i]! * heaviest) / weight) !== round) return;
      turns[i]!++;
      const free = walks[i]!.find(slot => entry[slot] === -1);
      if (free !== undefined) entry[free] = ordinal;
    });
  return entry;
}

test('a table is that of the paper, with weights or without', () => {
  const below = seededRandom('maglev by the paper');
  for (let round = 0; round < 60; round++) {
    const isEqual = round % 2 === 0;
    const list = backends(1 + below(30), () => (isEqual ? 1 : below(12)), below(250));
    if (list.every(({ weight }) => weight === 0)) continue;
    const size = [7, 13, 251, 509][below(4)]!;
    if (list.length > size) continue;
    assert.equal([...maglevTable(list, size)], slowTable(list, size), JSON.stringify(list));
  }
});

test('no backend, or none with a weight: no slot has one', () => {
  for (const list of [[], backends(3, () => 0)])
    assert.ok(maglevTable(list, DEFAULT_TABLE_SLOTS).every(slot => slot === NO_BACKEND));
});

test('a backend without weight has no slot, and the others have what they have without it', () => {
  const list = backends(5, i => (i === 2 ? 0 : 1));
  const without = list.filter((_, i) => i !== 2);
  const table = maglevTable(list, 1021);
  assert.not.ok(table.includes(2));
  assert.equal(keysOf(table, list), keysOf(maglevTable(without, 1021), without));
});

test('weights count by their ratio: 10, 20 and 30 make the table of 1, 2 and 3', () => {
  const ratio = (by: number) =>
    maglevTable(
      backends(3, i => by * (i + 1)),
      1021,
    );
  assert.equal(ratio(10), ratio(1));
});

test('all sizes of IPVS, for a backend of each weight up to the largest', () => {
  for (const size of IPVS_TABLE_SLOTS)
    for (const weights of [[65535, 1], [65535, 65535], [1]]) {
      const slots = slotsOf(
        maglevTable(
          backends(weights.length, i => weights[i]!),
          size,
        ),
        weights.length,
      );
      assert.ok(
        slots.every(count => count >= 1),
        `${size}: ${slots.join(', ')}`,
      );
    }
});

test('a key is a text or bytes, address and port of a backend', () => {
  const backend = { address: Uint8Array.of(10, 0, 0, 2), port: 8080, weight: 3 };
  const whole = { ...backend, forwarding: 'nat', upper: 0, lower: 0 } as const;
  assert.equal(weightedOf(whole), { key: Uint8Array.of(10, 0, 0, 2, 0x1f, 0x90), weight: 3 });
  const texts = ['one', 'two', 'three'].map(key => ({ key, weight: 1 }));
  const bytes = texts.map(({ key }) => ({ key: Buffer.from(key), weight: 1 }));
  assert.equal(maglevTable(texts, 251), maglevTable(bytes, 251));
});

test('what no table can be made of is refused', () => {
  const two = backends(2);
  assert.throws(() => maglevTable(two, 1000), /prime number of slots, got 1000/);
  assert.throws(() => maglevTable(two, 1), /prime/);
  assert.throws(() => maglevTable(backends(8), 7), /expected up to 7 backends, got 8/);
  assert.throws(() => maglevTable([two[0]!, two[0]!], 7), /the same key/);
  assert.throws(
    () =>
      maglevTable(
        backends(1, () => -1),
        7,
      ),
    /expected a weight/,
  );
  assert.throws(
    () =>
      maglevTable(
        backends(1, () => 1.5),
        7,
      ),
    /expected a weight/,
  );
});

test('65537 slots of 100 backends are laid out within 10 ms', () => {
  const list = backends(100);
  const times = Array.from({ length: 60 }, () => {
    const start = performance.now();
    maglevTable(list, 65537);
    return performance.now() - start;
  });
  console.log(`maglev: 65537 slots, 100 backends: ${Math.min(...times).toFixed(2)} ms at best`);
  // The best of them: others run on this machine too.
  assert.ok(Math.min(...times) <= REBUILD_MS);
});

test.run();
