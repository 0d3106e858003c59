/**
 * Ageing: entries live exactly as long as promised. `REFRESH_MS` of table/fdb.ts: the time
 * last seen is written once in 250 ms, so an entry outlives its age by that, never less.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SegmentCounter } from '../../../assembly/abi.js';
import { expectDropped, portsOf } from '../../support/expect.js';
import { eth, macNumber } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { TestSwitch } from '../../support/test-switch.js';

const REFRESH_MS = 250;
const SWEEP_MS = 10000;
const AGE_MS = 5000;
const random = seededRandom('age');

const aged = (ageMs = AGE_MS) => TestSwitch.create().segment(0, { AgeMs: ageMs });
const isKnown = (bridge: TestSwitch) => portsOf(bridge.inject(2, eth(2, 1))).length === 1;

test('age: an entry is there one tick before it dies and gone one tick after', () => {
  for (const ageMs of [0, 1, 250, 5000, 300000, 86400000]) {
    const bridge = aged(ageMs);
    bridge.inject(1, eth(1));
    bridge.nowMs += ageMs + REFRESH_MS - 1;
    assert.ok(isKnown(bridge), `alive at ${ageMs} + ${REFRESH_MS - 1}`);
    bridge.nowMs += 1;
    assert.not(isKnown(bridge), `dead at ${ageMs} + ${REFRESH_MS}`);
  }
});

test('age: the longest age does not wrap into a short one', () => {
  for (const ageMs of [0xffffffff, 0xffffff06, 0xffffff00, 0x80000000]) {
    const bridge = aged(ageMs);
    bridge.inject(1, eth(1));
    bridge.nowMs += 86400000;
    assert.ok(isKnown(bridge), `${ageMs}`);
  }
});

test('age: the clock may wrap while an entry lives', () => {
  const bridge = aged();
  bridge.nowMs = 0xfffffff0;
  bridge.inject(1, eth(1));
  bridge.nowMs = (0xfffffff0 + AGE_MS) >>> 0;
  assert.ok(isKnown(bridge));
  bridge.nowMs = (0xfffffff0 + AGE_MS + REFRESH_MS) >>> 0;
  assert.not(isKnown(bridge));
});

test('age: an entry never dies early however its station speaks', () => {
  for (let round = 0; round < 200; round++) {
    const bridge = aged();
    let heardMs = 0;
    for (let i = 0; i < 20; i++) {
      bridge.inject(1, eth(1));
      heardMs = bridge.nowMs;
      bridge.nowMs += random(400);
    }
    bridge.nowMs = heardMs + AGE_MS;
    assert.ok(isKnown(bridge), 'alive for all of its age');
    bridge.nowMs = heardMs + AGE_MS + REFRESH_MS;
    assert.not(isKnown(bridge), 'and gone one refresh later');
  }
});

test('age: a sweep gives the places back and counts each entry once', () => {
  const bridge = TestSwitch.create({ capacities: { FdbEntries: 4096 } });
  bridge.segment(0, { AgeMs: AGE_MS });
  for (let host = 1; host <= 3000; host++) bridge.inject(1, eth(host));
  bridge.nowMs += AGE_MS + REFRESH_MS;
  for (let ms = 0; ms <= SWEEP_MS; ms += 100) bridge.wait(100);
  assert.equal([...bridge.core.fdbEntries()], []);
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Expired), 3000n);
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Entries), 0n);
});

test('age: one batch sweeps a bounded part of the table', () => {
  const bridge = TestSwitch.create({ capacities: { FdbEntries: 65536 } });
  bridge.segment(0, { AgeMs: AGE_MS });
  const entry = { domain: 1, port: 1, kind: 0 };
  for (let host = 1; host <= 60000; host++)
    bridge.core.fdbInsert({ ...entry, mac: macNumber(host) });
  bridge.wait(0).wait(SWEEP_MS * 2);
  const expired = Number(bridge.core.segmentCounter(0, SegmentCounter.Expired));
  assert.ok(expired > 0 && expired <= 256 * 4, `${expired}`);
});

test('age: housekeeping sweeps while no batch comes', () => {
  const bridge = aged();
  for (let host = 1; host <= 100; host++) bridge.inject(1, eth(host));
  bridge.core.housekeep(bridge.nowMs + AGE_MS + REFRESH_MS - 1, 4096);
  assert.is([...bridge.core.fdbEntries()].length, 100);
  bridge.core.housekeep(bridge.nowMs + AGE_MS + REFRESH_MS, 4096);
  assert.is([...bridge.core.fdbEntries()].length, 0);
});

test('age: a dead entry not yet swept is learned anew and counted as expired', () => {
  const bridge = aged();
  bridge.inject(1, eth(1));
  bridge.nowMs += AGE_MS + REFRESH_MS;
  bridge.inject(3, eth(1));
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Expired), 1n);
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Learned), 2n);
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Moved), 0n);
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Entries), 1n);
  assert.equal(portsOf(bridge.inject(2, eth(2, 1))), [3]);
});

test('age: a locked port does not take a dead entry for a living one', () => {
  const bridge = aged();
  bridge.inject(1, eth(1));
  bridge.port(1, { Locked: 1 });
  bridge.nowMs += AGE_MS + REFRESH_MS;
  expectDropped(bridge.inject(1, eth(1)), 'Locked', 1);
});

test('age: the age of a segment can change under its entries', () => {
  const bridge = aged(300000);
  bridge.inject(1, eth(1));
  bridge.nowMs += AGE_MS + REFRESH_MS;
  assert.ok(isKnown(bridge));
  bridge.segment(0, { AgeMs: AGE_MS });
  assert.not(isKnown(bridge));
});

test.run();
