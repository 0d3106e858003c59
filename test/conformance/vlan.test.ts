/**
 * Conformance cases of area A2, VLAN: the port-mode matrix, and VLANs apart from each
 * other. Each test has the id of its case; vlan-rewrite.test.ts has tag rewriting.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FdbKind } from '../../assembly/abi.js';
import { expectDropped, expectSent, formsOf, portsOf } from '../support/expect.js';
import { BROADCAST, Frame, eth, fromHex, macNumber } from '../support/frame.js';
import { NO_FORWARDING_FRAMES } from '../support/no-forwarding.js';
import { captureFrames } from '../support/pcap.js';
import { TestSwitch } from '../support/test-switch.js';
import { testWithShared } from '../support/with-shared.js';

/** The local port L: a trunk of all VLANs without a native one. */
const L = 8;

/**
 * p1 trunk 10,12; p2 access 10; p4 access 12; p5 native-tagged 10, all; p6 native-tagged
 * 10, trunks 10,12; p7 native-untagged 12, all; L trunk, all. All: 10, 11, 12.
 */
function matrix(): TestSwitch {
  const made = TestSwitch.create({ ports: 0 }).vlans(0, [10, 11, 12]);
  for (const port of [1, 2, 4, 5, 6, 7, L]) made.port(port, { Segment: 1, Up: 1 });
  made.tagged(1, 10, 12);
  made.untagged(2, 10).port(2, { Pvid: 10, AcceptTagged: 0 });
  made.untagged(4, 12).port(4, { Pvid: 12, AcceptTagged: 0 });
  made.tagged(5, 10, 11, 12).port(5, { Pvid: 10 });
  made.tagged(6, 10, 12).port(6, { Pvid: 10 });
  made.tagged(7, 10, 11).untagged(7, 12).port(7, { Pvid: 12 });
  return made.tagged(L, 10, 11, 12);
}

function frame(vid?: number, priority = 0): Frame {
  const made = eth(1, BROADCAST).type(0xabcd).payload(46);
  return vid === undefined ? made : made.vlan(vid, { priority });
}

function refuses(port: number, ...frames: Frame[]): void {
  const bridge = matrix();
  for (const each of frames) expectDropped(bridge.inject(port, each), 'VlanRefused', port);
}

/** `forms` says port and form of every copy; all else of the frame is as it went in. */
function leaves(port: number, input: Frame, forms: string[]): void {
  const outcome = matrix().inject(port, input);
  assert.equal(formsOf(outcome), forms);
  assert.equal(outcome.dropped, []);
  for (const { bytes } of outcome.sent) {
    assert.equal([...bytes.slice(-48)], [...input.bytes().slice(-48)], 'type and payload');
    assert.equal([...bytes.slice(0, 12)], [...input.bytes().slice(0, 12)], 'addresses');
  }
}

test('VL-A01: a trunk without a native VLAN refuses untagged and VID 0', () => {
  refuses(L, frame(), frame(0), frame(0, 5));
});

test('VL-A02: L, VID 10', () => {
  leaves(L, frame(10), ['1:t10', '2:u', '5:t10', '6:t10', '7:t10']);
});

test('VL-A03: L, VID 11', () => {
  leaves(L, frame(11), ['5:t11', '7:t11']);
});

test('VL-A04: L, VID 12', () => {
  leaves(L, frame(12), ['1:t12', '4:u', '5:t12', '6:t12', '7:u']);
});

test('VL-A05: a trunk refuses untagged, VID 0 and VLANs it is not in', () => {
  refuses(1, frame(), frame(0), frame(11));
});

test('VL-A06: p1, VID 10', () => {
  leaves(1, frame(10), ['2:u', '5:t10', '6:t10', '7:t10', '8:t10']);
});

test('VL-A07: p1, VID 12', () => {
  leaves(1, frame(12), ['4:u', '5:t12', '6:t12', '7:u', '8:t12']);
});

test('VL-A08: p2, untagged', () => {
  leaves(2, frame(), ['1:t10', '5:t10', '6:t10', '7:t10', '8:t10']);
});

test('VL-A09: p2, VID 0 is untagged, and its priority is kept', () => {
  leaves(2, frame(0), ['1:t10', '5:t10', '6:t10', '7:t10', '8:t10']);
  leaves(2, frame(0, 1), ['1:t10p1', '5:t10p1', '6:t10p1', '7:t10p1', '8:t10p1']);
});

test('VL-A10: an access port refuses every tag, its own VLAN too', () => {
  refuses(2, frame(10), frame(11), frame(12));
});

test('VL-A11: p4, untagged', () => {
  leaves(4, frame(), ['1:t12', '5:t12', '6:t12', '7:u', '8:t12']);
});

test('VL-A12: p5, untagged', () => {
  leaves(5, frame(), ['1:t10', '2:u', '6:t10', '7:t10', '8:t10']);
});

test('VL-A13: p5, VID 11', () => {
  leaves(5, frame(11), ['7:t11', '8:t11']);
});

test('VL-A14: p5, VID 12', () => {
  leaves(5, frame(12), ['1:t12', '4:u', '6:t12', '7:u', '8:t12']);
});

test('VL-A15: p6, VID 11', () => {
  refuses(6, frame(11));
});

test('VL-A16: a priority stays on tagged copies, untagged ones have none', () => {
  leaves(L, frame(10, 1), ['1:t10p1', '2:u', '5:t10p1', '6:t10p1', '7:t10p1']);
  leaves(1, frame(12, 1), ['4:u', '5:t12p1', '6:t12p1', '7:u', '8:t12p1']);
  leaves(5, frame(12, 1), ['1:t12p1', '4:u', '6:t12p1', '7:u', '8:t12p1']);
  leaves(6, frame(10, 1), ['1:t10p1', '2:u', '5:t10p1', '7:t10p1', '8:t10p1']);
  leaves(7, frame(10, 1), ['1:t10p1', '2:u', '5:t10p1', '6:t10p1', '8:t10p1']);
});

test('VL-A17: one address in two VLANs is two entries, and nothing leaks', () => {
  const bridge = TestSwitch.create().vlans(0, [10, 20]);
  for (const port of [1, 2, 3]) bridge.tagged(port, 10, 20);
  bridge.inject(1, eth('02:00:00:00:00:0a').vlan(10));
  bridge.inject(2, eth('02:00:00:00:00:0a').vlan(20));
  assert.is([...bridge.core.fdbEntries()].length, 2);
  for (const [vid, port] of [
    [10, 1],
    [20, 2],
  ] as const) {
    const to = eth(3, '02:00:00:00:00:0a').vlan(vid);
    expectSent(bridge.inject(3, to), [port], to);
  }
});

test('VL-A18: two access VLANs of one bridge exchange nothing', () => {
  const bridge = TestSwitch.create({ ports: 2 }).vlans(0, [1, 2]);
  bridge.untagged(1, 1).port(1, { Pvid: 1 });
  bridge.untagged(2, 2).port(2, { Pvid: 2 });
  for (const each of NO_FORWARDING_FRAMES) {
    assert.equal(portsOf(bridge.inject(1, each)), []);
    assert.equal(portsOf(bridge.inject(2, each)), []);
  }
});

test('VL-A24: a bridge that is not VLAN aware passes any tags with every bit', () => {
  const bridge = TestSwitch.create();
  const tagged = eth(1).vlan(100, { priority: 5, dropEligible: true }).payload(46);
  const twice = eth(1).vlan(10, { tpid: 0x88a8 }).vlan(20).payload(46);
  const thrice = eth(1).vlan(1).vlan(2).vlan(3).payload(46);
  for (const each of [tagged, twice, thrice]) expectSent(bridge.inject(1, each), [2, 3], each);
});

const THREE_TAGS = 'pcaps/l2/zeek__vlan-qinqinq.pcap';

testWithShared(THREE_TAGS, 'VL-A24: captured frames of three tags pass with every bit', path => {
  const frames = captureFrames(path);
  assert.is(frames.length, 14);
  for (const each of frames) {
    const outcome = TestSwitch.create().inject(1, each);
    expectSent(outcome, [2, 3], each);
  }
});

test('VL-A25: a frame cut inside its tag is dropped as Truncated', () => {
  const cut = fromHex('ffffffffffff0200000000018100' + '0064');
  expectDropped(TestSwitch.create().inject(1, cut), 'Truncated', 1);
  expectDropped(matrix().inject(5, cut), 'Truncated', 5);
});

test('VL-A26: a locked port passes a station only in the VLAN of its entry', () => {
  const bridge = TestSwitch.create({ ports: 2 }).vlans(0, [100, 200], 10);
  bridge.tagged(1, 100, 200).tagged(2, 100, 200).port(1, { Locked: 1 });
  const station = { mac: macNumber(1), port: 1, kind: FdbKind.Static };
  expectDropped(bridge.inject(1, eth(1, 2).vlan(100)), 'Locked', 1);
  assert.is(bridge.core.fdbInsert({ ...station, domain: 11 }), 0);
  expectDropped(bridge.inject(1, eth(1, 2).vlan(100)), 'Locked', 1);
  assert.is(bridge.core.fdbInsert({ ...station, domain: 10 }), 0);
  assert.equal(formsOf(bridge.inject(1, eth(1, 2).vlan(100))), ['2:t100']);
});

test('VL-A27: a multicast in many VLANs leaves each trunk once', () => {
  const bridge = TestSwitch.create().vlans(0, [10, 20, 30]);
  for (const port of [1, 2, 3]) bridge.tagged(port, 10, 20, 30);
  const group = eth(1, '01:00:5e:01:02:03').vlan(20);
  expectSent(bridge.inject(1, group), [2, 3], group);
});

test.run();
