/** A pool of blocks: none is out twice, none is lost, none overlaps another. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../support/random.js';
import { Unit } from '../support/unit.js';

const random = seededRandom('pool');
const BLOCK_BYTES = 2048;

function create(blocks: number): { unit: Unit; pool: number } {
  const unit = Unit.create();
  const pool = unit.place(new Uint8Array(unit.call('poolBytes', blocks)));
  unit.call('createPool', pool, blocks);
  return { unit, pool };
}

test('pool: every block can be taken, and then none', () => {
  const { unit, pool } = create(5);
  const taken = Array.from({ length: 5 }, () => unit.call('takeBlock', pool));
  assert.equal(taken, [1, 2, 3, 4, 5]);
  assert.is(unit.call('takeBlock', pool), 0);
  assert.is(unit.call('blocksLeft', pool), 0);
  const end = pool + unit.call('poolBytes', 5);
  assert.is(unit.call('blockAddress', pool, 5) + BLOCK_BYTES, end);
});

test('pool: blocks keep what is in them, whatever is taken and given back', () => {
  const { unit, pool } = create(20);
  const held = new Map<number, number>();
  for (let i = 0; i < 2000; i++) {
    if (random(2) === 0) {
      const block = unit.call('takeBlock', pool);
      assert.is(block === 0, held.size === 20);
      if (block === 0) continue;
      assert.not.ok(held.has(block), `block ${block} is out twice`);
      const at = unit.call('blockAddress', pool, block);
      unit.bytes.fill(i & 0xff, at, at + BLOCK_BYTES);
      held.set(block, i & 0xff);
    } else {
      const block = [...held.keys()][random(held.size || 1)];
      if (block === undefined) continue;
      const at = unit.call('blockAddress', pool, block);
      const content = unit.read(at, BLOCK_BYTES);
      assert.ok(content.every(byte => byte === held.get(block)));
      held.delete(block);
      unit.call('giveBlock', pool, block);
    }
    assert.is(unit.call('blocksLeft', pool), 20 - held.size);
  }
});

test('pool: what was never needed is never touched', () => {
  const { unit, pool } = create(8);
  for (let i = 0; i < 50; i++) unit.call('giveBlock', pool, unit.call('takeBlock', pool));
  const second = unit.call('blockAddress', pool, 2);
  assert.ok(unit.read(second, 7 * BLOCK_BYTES).every(byte => byte === 0));
});

test.run();
