/** The 256 buckets of sh and dh. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  destinationHashTable,
  HASH_BUCKETS,
  sourceHashTable,
} from '../../src/service/source-hash.js';
import { NO_BACKEND, type Weighted } from '../../src/service/weighted.js';
import { seededRandom } from '../support/random.js';
import { backends, keysOf, shuffled, slotsOf } from './table-slots.js';

/** `ip_vs_sh_reassign`: through the list, again and again, until each weight is filled. */
function kernelTable(list: readonly Weighted[]): number[] {
  let place = 0;
  let filled = 0;
  return Array.from({ length: HASH_BUCKETS }, () => {
    const taken = place;
    if (++filled >= list[taken]!.weight) {
      place = (place + 1) % list.length;
      filled = 0;
    }
    return taken;
  });
}

test('sh: the buckets are those of the kernel for the same list', () => {
  const below = seededRandom('source hash');
  for (let round = 0; round < 100; round++) {
    const list = backends(1 + below(300), () => (below(3) === 0 ? 1 : below(40)));
    assert.equal([...sourceHashTable(list)], kernelTable(list));
  }
});

test('sh: a weight is so many buckets in a row', () => {
  const table = sourceHashTable(backends(2, i => [3, 1][i]!));
  assert.equal([...table.subarray(0, 8)], [0, 0, 0, 1, 0, 0, 0, 1]);
  assert.equal(slotsOf(table, 2), [192, 64]);
});

test('sh: a backend of weight 1 that is drained keeps its buckets, so that no other moves', () => {
  const before = sourceHashTable(backends(5));
  const after = sourceHashTable(backends(5, i => (i === 3 ? 0 : 1)));
  assert.equal(after, before);
});

test('dh: weights count for nothing', () => {
  const table = destinationHashTable(backends(3, i => 5 * i));
  assert.equal(
    [...table],
    Array.from({ length: HASH_BUCKETS }, (_, bucket) => bucket % 3),
  );
});

test('sh, dh: the table is the same in any order of the backends', () => {
  const below = seededRandom('source hash order');
  const list = backends(20, () => below(9));
  const other = shuffled(list, below);
  for (const table of [sourceHashTable, destinationHashTable])
    assert.equal(keysOf(table(other), other), keysOf(table(list), list));
});

test('sh, dh: without backends no bucket has one', () => {
  for (const table of [sourceHashTable, destinationHashTable])
    assert.ok(table([]).every(bucket => bucket === NO_BACKEND));
});

test.run();
