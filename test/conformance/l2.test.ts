/**
 * Conformance cases of area A1, L2 and FDB: learning, forwarding, ageing. Each test has
 * the id of its case; l2-policy.test.ts has the cases of flags, limits and static entries.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SegmentCounter } from '../../assembly/abi.js';
import { expectDropped, expectSent, portsOf } from '../support/expect.js';
import { BROADCAST, eth, macNumber } from '../support/frame.js';
import { NO_FORWARDING_FRAMES } from '../support/no-forwarding.js';
import { TestSwitch } from '../support/test-switch.js';

const A = '50:54:00:00:00:05';
const B = '50:54:00:00:00:06';
/** A sweep looks at the whole table within this time. */
const SWEEP_MS = 10000;

/** Learned and configured entries as `port address`, sorted. */
function fdb(to: TestSwitch): string[] {
  return [...to.core.fdbEntries()]
    .map(({ port, mac }) => `${port} ${mac.toString(16).padStart(12, '0')}`)
    .sort();
}

test('L2-A01: a broadcast leaves by every other port and its source is learned', () => {
  const bridge = TestSwitch.create();
  const frame = eth(A, BROADCAST).type(0x0806).payload(46);
  expectSent(bridge.inject(3, frame), [1, 2], frame);
  assert.equal(fdb(bridge), ['3 505400000005']);
});

test('L2-A02: a unicast to a learned address leaves by its port alone', () => {
  const bridge = TestSwitch.create();
  bridge.inject(3, eth(A));
  const frame = eth(B, A).payload(46);
  expectSent(bridge.inject(1, frame), [3], frame);
  assert.equal(fdb(bridge), ['1 505400000006', '3 505400000005']);
});

test('L2-A03: a station that moved has one entry, at its new port', () => {
  const bridge = TestSwitch.create();
  bridge.inject(3, eth(A));
  bridge.inject(1, eth(B, A));
  expectSent(bridge.inject(2, eth(A)), [1, 3], eth(A));
  assert.equal(fdb(bridge), ['1 505400000006', '2 505400000005']);
  expectSent(bridge.inject(1, eth(B, A)), [2], eth(B, A));
});

/** Ports 1 and 2 in one bridge, 4 and 5 in another. */
function twoBridges(): TestSwitch {
  const two = TestSwitch.create({ ports: 2, segments: 2 });
  return two.port(4, { Segment: 2, Up: 1 }).port(5, { Segment: 2, Up: 1 });
}

test('L2-A04: two bridges learn the same address apart and no frame crosses', () => {
  const two = twoBridges();
  expectSent(two.inject(1, eth(B)), [2], eth(B));
  expectSent(two.inject(4, eth(B)), [5], eth(B));
  assert.equal(fdb(two), ['1 505400000006', '4 505400000006']);
  expectSent(two.inject(2, eth(A, B)), [1], eth(A, B));
  expectSent(two.inject(5, eth(A, B)), [4], eth(A, B));
});

test('L2-A05: entries of a port that is taken away vanish, others stay', () => {
  const two = twoBridges();
  two.inject(1, eth(B));
  two.inject(2, eth(A));
  two.inject(4, eth(B));
  two.core.resetPort(1);
  assert.equal(fdb(two), ['2 505400000005', '4 505400000006']);
  assert.is(two.core.segmentCounter(0, SegmentCounter.Entries), 1n);
});

test('L2-A05: entries of a port that changes its bridge stay behind', () => {
  const two = twoBridges();
  two.inject(1, eth(B));
  two.port(1, { Segment: 2 });
  assert.equal(fdb(two), []);
  expectDropped(two.inject(2, eth(A, B)), 'NoTarget', 2);
});

test('L2-A06: a frame never goes back out of the port it came from', () => {
  const bridge = TestSwitch.create();
  bridge.inject(1, eth(A));
  expectDropped(bridge.inject(1, eth(B, A)), 'SamePort', 1);
  expectDropped(bridge.inject(1, eth(A, A)), 'SamePort', 1);
});

test('L2-A07: a group or zero source is dropped and not learned', () => {
  const bridge = TestSwitch.create();
  for (const source of ['03:00:00:00:00:01', '00:00:00:00:00:00', BROADCAST]) {
    expectDropped(bridge.inject(1, eth(source)), 'BadSource', 1);
  }
  assert.equal(fdb(bridge), []);
});

test('L2-A08: unknown, group and zero destinations leave ten times by every other port', () => {
  const bridge = TestSwitch.create();
  const destinations = [
    '02:00:00:00:00:99',
    '01:00:5e:01:01:01',
    '33:33:00:00:00:01',
    BROADCAST,
    '00:00:00:00:00:00',
  ];
  for (const destination of destinations) {
    const frame = eth(A, destination).payload(50);
    for (let i = 0; i < 10; i++) expectSent(bridge.inject(2, frame), [1, 3], frame);
  }
});

test('L2-A09: reserved group addresses are not forwarded', () => {
  const bridge = TestSwitch.create();
  for (const last of ['01', '02', '03', '04', '08', '0d', '0e', '0f', '00']) {
    expectDropped(bridge.inject(1, eth(A, `01:80:c2:00:00:${last}`)), 'ReservedGroup', 1);
  }
});

test('L2-A10: group addresses right behind the reserved ones are flooded', () => {
  const bridge = TestSwitch.create();
  for (const last of ['10', '20', '21']) {
    const frame = eth(A, `01:80:c2:00:00:${last}`);
    expectSent(bridge.inject(1, frame), [2, 3], frame);
  }
});

test('L2-A11: short, 802.3 and full-size frames pass with every byte', () => {
  const bridge = TestSwitch.create({ ports: 2 });
  const frames = [
    eth(A),
    eth(A).type(0x0004).payload('HELO'),
    eth(A).payload(46),
    eth(A).payload(1500),
  ];
  for (const frame of frames) expectSent(bridge.inject(1, frame), [2], frame);
});

test('L2-A12: an address not heard for the ageing time is flooded to again', () => {
  const bridge = TestSwitch.create().segment(0, { AgeMs: 10000 });
  bridge.inject(1, eth(A));
  assert.equal(portsOf(bridge.inject(2, eth(B, A))), [1]);
  for (let i = 0; i < 21; i++) bridge.wait((10000 + SWEEP_MS) / 20);
  assert.equal(portsOf(bridge.inject(2, eth(B, A))), [1, 3]);
  assert.equal(fdb(bridge), ['2 505400000006']);
});

test('L2-A13: frames towards an address do not keep it alive', () => {
  const bridge = TestSwitch.create().segment(0, { AgeMs: 30000 });
  bridge.inject(1, eth(A));
  for (let second = 1; second <= 50; second++) {
    bridge.nowMs += 1000;
    const out = portsOf(bridge.inject(2, eth(B, A)));
    if (second < 30) assert.equal(out, [1]);
    if (second > 30) assert.equal(out, [1, 3]);
  }
  for (let second = 0; second < 10; second++) bridge.wait(1000);
  assert.equal(portsOf(bridge.inject(2, eth(B, A))), [1, 3]);
  assert.equal(fdb(bridge), ['2 505400000006']);
});

test('L2-A14: an address that speaks every 10 s lives for ever', () => {
  const bridge = TestSwitch.create();
  for (let ms = 0; ms <= 600000; ms += 10000) {
    bridge.inject(1, eth(A));
    assert.equal(portsOf(bridge.inject(2, eth(B, A))), [1]);
    bridge.nowMs += 10000;
  }
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Expired), 0n);
});

test('L2-A15: a port that does not learn forwards, and its stations stay unknown', () => {
  const bridge = TestSwitch.create().port(1, { Learning: 0 });
  expectSent(bridge.inject(1, eth(A)), [2, 3], eth(A));
  assert.equal(fdb(bridge), []);
  expectSent(bridge.inject(2, eth(B, A)), [1, 3], eth(B, A));
});

test('L2-A30: each of 100 programmed addresses gets its frames once, at its port', () => {
  const bridge = TestSwitch.create({ ports: 4 });
  programmed(bridge);
  for (let from = 1; from <= 4; from++) {
    for (let host = 0; host < 100; host++) {
      const to = (host % 4) + 1;
      const outcome = bridge.inject(from, eth(5000 + from, 100 + host));
      if (to === from) expectDropped(outcome, 'SamePort', from);
      else assert.equal(portsOf(outcome), [to]);
    }
  }
});

test('L2-A31: after 12 of 100 are deleted those are flooded and 88 stay', () => {
  const bridge = TestSwitch.create({ ports: 4 });
  programmed(bridge);
  for (let host = 0; host < 12; host++) bridge.core.fdbRemove(macNumber(100 + host), 1);
  for (let host = 0; host < 100; host++) {
    const from = ((host + 1) % 4) + 1;
    const out = portsOf(bridge.inject(from, eth(5000 + from, 100 + host)));
    const others = [1, 2, 3, 4].filter(port => port !== from);
    assert.equal(out, host < 12 ? others : [(host % 4) + 1]);
  }
});

/** Static entries of 100 hosts over ports 1 to 4. */
function programmed(bridge: TestSwitch): void {
  for (let host = 0; host < 100; host++) {
    const entry = { mac: macNumber(100 + host), domain: 1, port: (host % 4) + 1, kind: 1 };
    assert.is(bridge.core.fdbInsert(entry), 0);
  }
}

test('L2-A32: 20 hosts behind the only port of a bridge are 20 entries', () => {
  const bridge = TestSwitch.create({ ports: 1 });
  for (let host = 0; host < 20; host++) {
    const source = `00:00:01:ff:${(host >> 4).toString(16)}:${(host & 15).toString(16)}`;
    expectDropped(bridge.inject(1, eth(source)), 'NoTarget', 1);
  }
  assert.is([...bridge.core.fdbEntries()].length, 20);
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Entries), 20n);
});

test('L2-A33: nothing passes between ports of no bridge or of two', () => {
  const apart = TestSwitch.create({ ports: 0, segments: 2 });
  apart.port(1, { Up: 1 }).port(2, { Up: 1 });
  for (const frame of NO_FORWARDING_FRAMES) {
    expectDropped(apart.inject(1, frame), 'NoSegment', 1);
  }
  apart.port(1, { Segment: 1 }).port(2, { Segment: 2 });
  for (const frame of NO_FORWARDING_FRAMES) {
    assert.equal(portsOf(apart.inject(1, frame)), []);
  }
});

test('L2-A38: a storm of ten times the table loses nothing to a wrong port', () => {
  const two = TestSwitch.create({ ports: 2, segments: 2, capacities: { FdbEntries: 200 } });
  two.port(4, { Segment: 2, Up: 1 }).port(5, { Segment: 2, Up: 1 });
  const bytes = two.core.bytes.length;
  for (let i = 0; i < 2000; i++) {
    const [from, other] = i % 2 === 0 ? [1, 2] : [4, 5];
    const host = 1 + ((i * 7919) % 1000);
    assert.equal(portsOf(two.inject(from, eth(host, 100000 + (i % 1000)))), [other]);
  }
  const learned = [...two.core.fdbEntries()].length;
  assert.is(learned, 200);
  assert.is(two.core.bytes.length, bytes);
  const refused = [0, 1].map(i => two.core.segmentCounter(i, SegmentCounter.Refused));
  assert.ok(refused[0]! > 0n && refused[1]! > 0n, 'a full table is counted');
});

test.run();
