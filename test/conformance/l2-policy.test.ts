/**
 * Conformance cases of area A1, L2 and FDB: port flags, static entries, limits, groups.
 * Each test has the id of its case.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FdbKind, LimitPolicy, SegmentCounter, StaticMove, Status } from '../../assembly/abi.js';
import { expectDropped, expectSent, portsOf } from '../support/expect.js';
import { eth, macNumber } from '../support/frame.js';
import { TestSwitch } from '../support/test-switch.js';

const A = '50:54:00:00:00:05';
const B = '50:54:00:00:00:06';
const UNKNOWN = '02:00:00:00:00:99';

function place(bridge: TestSwitch, mac: string | number, port: number, kind: FdbKind): void {
  const entry = { mac: macNumber(mac), domain: 1, port, kind };
  assert.is(bridge.core.fdbInsert(entry), Status.Ok);
}

function entryOf(bridge: TestSwitch, mac: string | number): [number, string] | undefined {
  const found = [...bridge.core.fdbEntries()].filter(entry => entry.mac === macNumber(mac));
  assert.ok(found.length <= 1, 'one entry an address');
  return found[0] && [found[0].port, FdbKind[found[0].kind]!];
}

function counter(bridge: TestSwitch, column: SegmentCounter): number {
  return Number(bridge.core.segmentCounter(0, column));
}

test('L2-A16: flood off keeps unknown unicast from a port, not broadcast', () => {
  const bridge = TestSwitch.create().port(2, { Flood: 0 });
  expectSent(bridge.inject(1, eth(A, UNKNOWN)), [3], eth(A, UNKNOWN));
  expectSent(bridge.inject(1, eth(A)), [2, 3], eth(A));
});

test('L2-A17: unknown unicast with nobody to flood to is a counted drop', () => {
  const bridge = TestSwitch.create({ ports: 2 }).port(1, { Flood: 0 }).port(2, { Flood: 0 });
  expectDropped(bridge.inject(1, eth(A, UNKNOWN)), 'NoTarget', 1);
  bridge.port(2, { Flood: 1 });
  expectSent(bridge.inject(1, eth(A, UNKNOWN)), [2], eth(A, UNKNOWN));
});

test('L2-A18: isolated ports reach all but each other', () => {
  const bridge = TestSwitch.create().port(1, { Isolated: 1 }).port(2, { Isolated: 1 });
  bridge.inject(1, eth(1));
  bridge.inject(2, eth(2));
  bridge.inject(3, eth(3));
  expectDropped(bridge.inject(1, eth(1, 2)), 'Isolated', 1);
  assert.equal(portsOf(bridge.inject(1, eth(1))), [3]);
  assert.equal(portsOf(bridge.inject(3, eth(3, 1))), [1]);
  assert.equal(portsOf(bridge.inject(3, eth(3))), [1, 2]);
});

test('L2-A19: a hairpin port gets one copy of its own flooded frames', () => {
  const bridge = TestSwitch.create();
  assert.equal(portsOf(bridge.inject(1, eth(A, UNKNOWN))), [2, 3]);
  bridge.port(1, { Hairpin: 1 });
  expectSent(bridge.inject(1, eth(A, UNKNOWN)), [1, 2, 3], eth(A, UNKNOWN));
});

test('L2-A20: a locked port passes only stations in its FDB', () => {
  const bridge = TestSwitch.create({ ports: 2 }).port(1, { Locked: 1 });
  bridge.inject(2, eth(B));
  for (let i = 0; i < 3; i++) expectDropped(bridge.inject(1, eth(A, B)), 'Locked', 1);
  place(bridge, A, 1, FdbKind.Static);
  assert.equal(portsOf(bridge.inject(1, eth(A, B))), [2]);
  assert.equal(portsOf(bridge.inject(2, eth(B, A))), [1]);
  bridge.port(1, { Locked: 0 });
  bridge.core.fdbRemove(macNumber(A), 1);
  assert.equal(portsOf(bridge.inject(1, eth(A, B))), [2]);
});

test('L2-A21: a static entry replaces the dynamic one, and a second static moves it', () => {
  const bridge = TestSwitch.create();
  bridge.inject(1, eth(A));
  assert.equal(entryOf(bridge, A), [1, 'Dynamic']);
  place(bridge, A, 1, FdbKind.Static);
  assert.equal(entryOf(bridge, A), [1, 'Static']);
  assert.is(counter(bridge, SegmentCounter.Entries), 0);
  place(bridge, A, 2, FdbKind.Static);
  assert.equal(entryOf(bridge, A), [2, 'Static']);
});

test('L2-A22: by option a static address heard elsewhere is forwarded and stays', () => {
  const bridge = TestSwitch.create().segment(0, { StaticMove: StaticMove.Forward });
  place(bridge, A, 2, FdbKind.Static);
  expectSent(bridge.inject(1, eth(A)), [2, 3], eth(A));
  assert.equal(entryOf(bridge, A), [2, 'Static']);
  assert.equal(portsOf(bridge.inject(3, eth(B, A))), [2]);
});

test('L2-A22: by default a static address heard elsewhere is dropped as StaticMoved', () => {
  const bridge = TestSwitch.create();
  place(bridge, A, 2, FdbKind.Static);
  expectDropped(bridge.inject(1, eth(A)), 'StaticMoved', 1);
  assert.equal(entryOf(bridge, A), [2, 'Static']);
});

test('L2-A23: a static entry is sticky', () => {
  const bridge = TestSwitch.create();
  place(bridge, 'de:ad:be:ef:13:37', 1, FdbKind.Static);
  bridge.inject(2, eth('de:ad:be:ef:13:37'));
  assert.equal(entryOf(bridge, 'de:ad:be:ef:13:37'), [1, 'Static']);
});

test('L2-A24: dynamic entries expire and are counted, static ones stay', () => {
  const bridge = TestSwitch.create().segment(0, { AgeMs: 5000 });
  bridge.inject(1, eth(1));
  bridge.inject(2, eth(2));
  place(bridge, 3, 1, FdbKind.Static);
  place(bridge, 4, 2, FdbKind.Static);
  for (let second = 0; second < 20; second++) bridge.wait(1000);
  const left = [...bridge.core.fdbEntries()].map(entry => FdbKind[entry.kind]);
  assert.equal(left, ['Static', 'Static']);
  assert.is(counter(bridge, SegmentCounter.Expired), 2);
});

test('L2-A25: a flush takes 16 dynamic entries and leaves 17 static ones', () => {
  const bridge = TestSwitch.create();
  for (let host = 1; host <= 16; host++) bridge.inject(1, eth(host));
  for (let host = 17; host <= 33; host++) place(bridge, host, 2, FdbKind.Static);
  assert.is(bridge.core.fdbFlush(), 16);
  const left = [...bridge.core.fdbEntries()].map(entry => entry.kind);
  assert.equal(left, new Array(17).fill(FdbKind.Static));
});

test('L2-A26: over the limit the oldest entry goes for the new one', () => {
  const bridge = TestSwitch.create().segment(0, {
    LearnLimit: 10,
    LimitPolicy: LimitPolicy.EvictOldest,
    ArrivalStart: 0,
    ArrivalPlaces: 10,
  });
  for (let host = 0; host <= 10; host++) {
    bridge.inject(3, eth(0x100 + host));
    bridge.nowMs += 1000;
  }
  assert.is([...bridge.core.fdbEntries()].length, 10);
  assert.is(entryOf(bridge, 0x100), undefined);
  for (let host = 1; host <= 10; host++) assert.equal(entryOf(bridge, 0x100 + host)?.[0], 3);
  assert.is(counter(bridge, SegmentCounter.Evicted), 1);
});

test('L2-A27: stations over the limit are not learned and still talk', () => {
  const bridge = TestSwitch.create({ ports: 2 }).segment(0, { LearnLimit: 8 });
  place(bridge, B, 2, FdbKind.Static);
  for (let host = 1; host <= 16; host++) {
    assert.equal(portsOf(bridge.inject(1, eth(host, B))), [2]);
    assert.equal(portsOf(bridge.inject(2, eth(B, host))), [1]);
  }
  assert.is(counter(bridge, SegmentCounter.Entries), 8);
  assert.is(counter(bridge, SegmentCounter.Refused), 8);
});

test('L2-A28: the limit counts learned entries, not configured ones', () => {
  const bridge = TestSwitch.create().segment(0, { LearnLimit: 8 });
  for (let host = 1; host <= 9; host++) bridge.inject(1, eth(host));
  place(bridge, 100, 1, FdbKind.Static);
  place(bridge, 101, 2, FdbKind.Permanent);
  assert.is(counter(bridge, SegmentCounter.Entries), 8);
  assert.is([...bridge.core.fdbEntries()].length, 10);
});

test('L2-A29: split-horizon groups keep floods of a group from its own members', () => {
  const bridge = TestSwitch.create({ ports: 12 });
  for (let port = 5; port <= 8; port++) bridge.port(port, { Group: 1 });
  for (let port = 9; port <= 12; port++) bridge.port(port, { Group: 2 });
  for (let i = 0; i < 5; i++) {
    assert.equal(portsOf(bridge.inject(1, eth(1))), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert.equal(portsOf(bridge.inject(5, eth(5))), [1, 2, 3, 4, 9, 10, 11, 12]);
  }
});

test.run();
