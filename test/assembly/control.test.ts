/** Control calls: what they refuse changes nothing, what they take holds. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FdbKind, PortOption, SegmentCounter, SegmentOption, Status } from '../../assembly/abi.js';
import { expectDropped, expectSameBytes, expectSent, portsOf } from '../support/expect.js';
import { eth, macNumber } from '../support/frame.js';
import { TestSwitch } from '../support/test-switch.js';

/** Options with a highest value, and the first one that is too high. */
const PORT_LIMITS: [keyof typeof PortOption, number][] = [
  ['Segment', 5],
  ['Pvid', 4095],
  ['PriorityTags', 3],
  ['MatchTags', 3],
  ['PopTags', 3],
  ['PushTags', 3],
];
const SEGMENT_LIMITS: [keyof typeof SegmentOption, number][] = [
  ['VlanAware', 3],
  ['Domain', 65],
  ['LimitPolicy', 2],
  ['StaticMove', 2],
  ['Tpid', 0x9100],
  ['ArrivalStart', 65],
  ['ArrivalPlaces', 65],
];

for (const [option, tooHigh] of PORT_LIMITS) {
  test(`control: port option ${option} refuses values out of range and changes nothing`, () => {
    const bridge = TestSwitch.create();
    const before = bridge.core.snapshot();
    for (const value of [tooHigh, 0x10000, 0xffffffff]) {
      assert.throws(() => bridge.port(1, { [option]: value }), /OutOfRange/);
    }
    expectSameBytes(bridge.core.snapshot(), before);
  });
}

for (const [option, tooHigh] of SEGMENT_LIMITS) {
  test(`control: segment option ${option} refuses values out of range and changes nothing`, () => {
    const bridge = TestSwitch.create();
    const before = bridge.core.snapshot();
    for (const value of [tooHigh, 0x10000, 0xffffffff]) {
      assert.throws(() => bridge.segment(0, { [option]: value }), /OutOfRange/);
    }
    expectSameBytes(bridge.core.snapshot(), before);
  });
}

test('control: more tags than are matched cannot be taken off', () => {
  const bridge = TestSwitch.create();
  assert.throws(() => bridge.port(1, { PopTags: 1 }), /OutOfRange/);
  bridge.port(1, { MatchTags: 2, PopTags: 2 });
  assert.throws(() => bridge.port(1, { MatchTags: 1 }), /OutOfRange/);
  bridge.port(1, { PopTags: 0, MatchTags: 0 });
});

test('control: ports, segments, VLANs and options that do not exist are refused', () => {
  const { core, capacities } = TestSwitch.create().vlans(0, [10]);
  assert.throws(() => core.configurePort(capacities.Ports, PortOption.Up, 1), /OutOfRange/);
  assert.throws(() => core.configurePort(1, 99 as PortOption, 1), /OutOfRange/);
  assert.throws(() => core.resetPort(capacities.Ports), /OutOfRange/);
  assert.throws(() => core.configureSegment(4, SegmentOption.AgeMs, 1), /OutOfRange/);
  assert.throws(() => core.configureSegment(0, 99 as SegmentOption, 1), /OutOfRange/);
  for (const vid of [0, 4095, 5000]) {
    assert.throws(() => core.configureVlan(1, vid, 1), /OutOfRange/);
  }
  for (const vid of [4095, 5000]) {
    assert.throws(() => core.configureVlanDomain(0, vid, 1), /OutOfRange/);
  }
  assert.throws(() => core.configureVlanDomain(0, 10, 65), /OutOfRange/);
  assert.throws(() => core.configureVlanDomain(1, 10, 1), /OutOfRange/);
});

const static1 = { mac: macNumber(9), domain: 1, port: 1, kind: FdbKind.Static };

test('control: an entry of a domain, port or kind that does not exist is refused', () => {
  const { core, capacities } = TestSwitch.create();
  const before = core.snapshot();
  const scratch = { from: core.region(10), to: core.region(10) + 64 };
  for (const change of [
    { domain: 0 },
    { domain: 2 },
    { domain: 65 },
    { domain: 0xffff },
    { port: capacities.Ports + 1 },
    { port: 0xffff },
    { kind: 3 as FdbKind },
    { mac: 0n },
  ]) {
    assert.is(
      core.fdbInsert({ ...static1, ...change }),
      Status.OutOfRange,
      JSON.stringify({ ...change, mac: '' }),
    );
  }
  const after = core.snapshot();
  after.set(before.subarray(scratch.from, scratch.to), scratch.from);
  expectSameBytes(after, before);
});

test('control: an entry cannot point to a port outside its segment', () => {
  const two = TestSwitch.create({ ports: 2, segments: 2 }).port(4, { Segment: 2, Up: 1 });
  assert.is(two.core.fdbInsert({ ...static1, port: 4 }), Status.OutOfRange);
  assert.is(two.core.fdbInsert({ ...static1, port: 5 }), Status.OutOfRange);
  assert.is(two.core.fdbInsert({ ...static1, domain: 2, port: 4 }), Status.Ok);
});

test('control: a permanent entry is never forwarded to, wherever it was put', () => {
  const bridge = TestSwitch.create();
  bridge.core.fdbInsert({ ...static1, kind: FdbKind.Permanent });
  expectDropped(bridge.inject(2, eth(2, 9)), 'LocalAddress', 2);
  expectDropped(bridge.inject(1, eth(1, 9)), 'LocalAddress', 1);
});

test('control: an entry that is not there cannot be removed', () => {
  const { core } = TestSwitch.create();
  assert.is(core.fdbRemove(macNumber(9), 1), Status.NotFound);
  assert.is(core.fdbInsert(static1), Status.Ok);
  assert.is(core.fdbRemove(macNumber(9), 2), Status.NotFound);
  assert.is(core.fdbRemove(macNumber(9), 1), Status.Ok);
  assert.is(core.fdbRemove(macNumber(9), 1), Status.NotFound);
});

test('control: a dynamic entry put by hand ages like a learned one', () => {
  const bridge = TestSwitch.create().segment(0, { AgeMs: 1000 });
  bridge.wait(0).core.fdbInsert({ ...static1, kind: FdbKind.Dynamic });
  assert.equal(portsOf(bridge.inject(2, eth(2, 9))), [1]);
  bridge.nowMs += 1250;
  assert.equal(portsOf(bridge.inject(2, eth(2, 9))), [1, 3]);
});

test('control: a walk of a table larger than scratch returns every entry once', () => {
  const { core } = TestSwitch.create({ capacities: { FdbEntries: 9000 } });
  const macs = new Set<bigint>();
  for (let host = 1; host <= 9000; host++) {
    core.fdbInsert({ ...static1, mac: macNumber(host) });
    macs.add(macNumber(host));
  }
  const walked = [...core.fdbEntries()].map(({ mac }) => mac);
  assert.is(walked.length, 9000);
  assert.equal(new Set(walked), macs);
});

test('control: an entry tells how long ago its address was heard', () => {
  const bridge = TestSwitch.create();
  bridge.inject(1, eth(1));
  bridge.wait(700);
  assert.equal(
    [...bridge.core.fdbEntries()],
    [{ mac: macNumber(1), domain: 1, port: 1, kind: FdbKind.Dynamic, ageMs: 700 }],
  );
});

test('control: a port that was reset is as new, but its counters stay', () => {
  const bridge = TestSwitch.create();
  bridge.port(1, { Learning: 0, MtuBytes: 100, MatchTags: 1, Pvid: 5, StormBroadcastPerSec: 1 });
  bridge.tagged(1, 10);
  expectDropped(bridge.inject(1, eth(1)), 'TagMismatch', 1);
  bridge.core.resetPort(1);
  expectDropped(bridge.inject(1, eth(1)), 'NoPort', 1);
  assert.equal(portsOf(bridge.inject(2, eth(2))), [3]);
  bridge.port(1, { Segment: 1, Up: 1 });
  expectSent(bridge.inject(1, eth(1).payload(1000)), [2, 3], eth(1).payload(1000));
  assert.is(bridge.core.segmentCounter(0, SegmentCounter.Entries), 2n);
  assert.is(bridge.core.portCounter(1, 0), 3n);
});

test('control: members flood in the order of their numbers however they joined', () => {
  const bridge = TestSwitch.create({ ports: 0 });
  for (const port of [5, 1, 9, 3, 7, 2]) bridge.port(port, { Segment: 1, Up: 1 });
  bridge.port(3, { Segment: 0 }).port(3, { Segment: 1 }).port(9, { Segment: 0 });
  assert.equal(portsOf(bridge.inject(1, eth(1))), [2, 3, 5, 7]);
  for (const port of [1, 2, 5, 7]) bridge.core.resetPort(port);
  expectDropped(bridge.inject(3, eth(1)), 'NoTarget', 3);
});

test.run();
