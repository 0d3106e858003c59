/** Segments that give up their oldest entry for a new one (LimitPolicy.EvictOldest). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LimitPolicy, SegmentCounter } from '../../../assembly/abi.js';
import { eth, macNumber } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { TestSwitch } from '../../support/test-switch.js';

const LIMIT = 10;
const random = seededRandom('arrivals');

function evicting(segment = 0, start = 0): TestSwitch {
  const bridge = TestSwitch.create({ segments: 2 });
  return bridge.segment(segment, {
    LearnLimit: LIMIT,
    LimitPolicy: LimitPolicy.EvictOldest,
    ArrivalStart: start,
    ArrivalPlaces: LIMIT,
  });
}

function hear(bridge: TestSwitch, ...hosts: number[]): void {
  for (const host of hosts) {
    bridge.nowMs += 1000;
    bridge.inject(1, eth(host));
  }
}

const hosts = (bridge: TestSwitch) =>
  [...bridge.core.fdbEntries()].map(({ mac }) => Number(mac & 0xffffn)).sort((a, b) => a - b);
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const evicted = (bridge: TestSwitch) =>
  Number(bridge.core.segmentCounter(0, SegmentCounter.Evicted));

test('arrivals: the first to arrive goes first', () => {
  const bridge = evicting();
  hear(bridge, ...range(1, 25));
  assert.equal(hosts(bridge), range(16, 25));
  assert.is(evicted(bridge), 15);
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Entries), 10n);
});

test('arrivals: one that was heard again outlives one that was not', () => {
  const bridge = evicting();
  hear(bridge, ...range(1, 10), 1, 3, 11, 12);
  assert.equal(hosts(bridge), [1, 3, ...range(5, 12)]);
});

test('arrivals: when all were heard again one goes all the same', () => {
  const bridge = evicting();
  hear(bridge, ...range(1, 10), ...range(1, 10), 11);
  assert.is(hosts(bridge).length, LIMIT);
  assert.ok(hosts(bridge).includes(11));
});

test('arrivals: removed entries leave places that are passed over', () => {
  const bridge = evicting();
  hear(bridge, ...range(1, 10));
  for (const host of range(1, 9)) bridge.core.fdbRemove(macNumber(host), 1);
  hear(bridge, ...range(11, 19));
  assert.equal(hosts(bridge), range(10, 19));
  hear(bridge, 20);
  assert.equal(hosts(bridge), range(11, 20));
});

test('arrivals: a removed entry does not cost a living one its place', () => {
  const bridge = evicting();
  hear(bridge, ...range(1, 10));
  bridge.core.fdbRemove(macNumber(2), 1);
  hear(bridge, 11);
  assert.equal(hosts(bridge), [1, ...range(3, 11)]);
  hear(bridge, 12);
  assert.equal(hosts(bridge), range(3, 12), '1 is the oldest');
});

test('arrivals: learning never stops whatever is removed in between', () => {
  const bridge = evicting();
  for (let i = 0; i < 3000; i++) {
    const host = 1 + random(40);
    hear(bridge, host);
    assert.ok(hosts(bridge).includes(host), `host ${host} at step ${i}`);
    assert.ok(hosts(bridge).length <= LIMIT);
    if (random(3) === 0) bridge.core.fdbRemove(macNumber(1 + random(40)), 1);
    if (random(200) === 0) bridge.core.fdbFlush();
  }
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Refused), 0n);
});

test('arrivals: a static entry in the place of a learned one is not evicted', () => {
  const bridge = evicting();
  hear(bridge, ...range(1, 10));
  bridge.core.fdbInsert({ mac: macNumber(1), domain: 1, port: 1, kind: 1 });
  hear(bridge, ...range(11, 30));
  assert.equal(hosts(bridge), [1, ...range(21, 30)]);
});

test('arrivals: without places the policy refuses instead', () => {
  const bridge = TestSwitch.create();
  bridge.segment(0, { LearnLimit: LIMIT, LimitPolicy: LimitPolicy.EvictOldest });
  hear(bridge, ...range(1, 12));
  assert.equal(hosts(bridge), range(1, 10));
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Refused), 2n);
});

test('arrivals: places outside the region are refused and change nothing', () => {
  const bridge = evicting();
  const places = bridge.capacities.EvictEntries;
  for (const value of [places + 1, 1 << 28, 0xffffffff]) {
    assert.throws(() => bridge.segment(0, { ArrivalPlaces: value }), /OutOfRange/);
  }
  assert.throws(() => bridge.segment(0, { ArrivalStart: 1 << 24 }), /OutOfRange/);
  hear(bridge, ...range(1, 25));
  assert.equal(hosts(bridge), range(16, 25));
});

test('arrivals: places without a start lie at the start of the region', () => {
  const bridge = TestSwitch.create();
  bridge.segment(0, {
    LearnLimit: LIMIT,
    LimitPolicy: LimitPolicy.EvictOldest,
    ArrivalPlaces: LIMIT,
  });
  const before = bridge.core.bytes.slice(0, 65536);
  hear(bridge, ...range(1, 25));
  assert.equal(hosts(bridge), range(16, 25));
  assert.equal(bridge.core.bytes.slice(0, 65536), before, 'nothing below the core is written');
});

test('arrivals: moving the start leaves no places behind the end', () => {
  const bridge = evicting();
  bridge.segment(0, { ArrivalStart: bridge.capacities.EvictEntries });
  hear(bridge, ...range(1, 12));
  assert.equal(hosts(bridge), range(1, 10), 'no places, so nothing is evicted');
});

test.run();
