/** Tags as bytes: known ones are read right, written ones hold no trace of what was there. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PriorityTags } from '../../../assembly/abi.js';
import { expectDropped, expectSent, formsOf } from '../../support/expect.js';
import { eth, fromHex, hex } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { TestSwitch } from '../../support/test-switch.js';

const random = seededRandom('vlan');
const MACS = 'ffffffffffff' + '020000000001';

/** Port 1 a trunk of VLANs 1 to 4094; port 2 takes them untagged, port 3 tagged. */
function wide(tpid = 0x8100): TestSwitch {
  const bridge = TestSwitch.create().vlans(0, []).segment(0, { Tpid: tpid });
  for (let vid = 1; vid <= 4094; vid++) {
    bridge.core.configureVlanDomain(0, vid, 1 + (vid % 60));
    bridge.tagged(1, vid).untagged(2, vid).tagged(3, vid);
  }
  return bridge;
}

test('vlan: known bytes lose their tag, and get it back', () => {
  const tagged = fromHex(`${MACS}8100a06488b50102`);
  const bare = fromHex(`${MACS}88b50102`);
  const outcome = wide().inject(1, tagged);
  assert.equal(
    outcome.sent.map(({ bytes }) => hex(bytes)),
    [hex(bare), hex(tagged)],
  );
  const back = wide().port(2, { Pvid: 100 }).inject(2, bare);
  const expected = `${MACS}8100006488b50102`;
  assert.equal(
    back.sent.map(({ bytes }) => hex(bytes)),
    [expected, expected],
  );
});

test('vlan: every VID, priority and drop-eligible bit is carried', () => {
  const bridge = wide();
  for (let vid = 1; vid <= 4094; vid += 1 + random(30)) {
    const options = { priority: random(8), dropEligible: random(2) === 0 };
    const frame = eth(1).vlan(vid, options).payload(random(60));
    const [untagged, tagged] = bridge.inject(1, frame).sent;
    assert.is(hex(tagged!.bytes), hex(frame.bytes()));
    assert.is(hex(untagged!.bytes).slice(24), hex(frame.bytes()).slice(32));
  }
});

test('vlan: VID 4095 is refused', () => {
  expectDropped(wide().inject(1, eth(1).vlan(4095)), 'VlanRefused', 1);
});

test('vlan: each length short of a whole tag is Truncated, or Runt', () => {
  const frame = fromHex(`${MACS}8100006488b5`);
  for (let length = 0; length < 18; length++) {
    expectDropped(wide().inject(1, frame.slice(0, length)), length < 14 ? 'Runt' : 'Truncated', 1);
  }
  assert.equal(formsOf(wide().inject(1, frame)), ['2:u', '3:t100']);
});

test('vlan: service tags are payload to a customer bridge, and the reverse', () => {
  const service = eth(1).vlan(100, { tpid: 0x88a8 }).payload(40);
  const customer = eth(1).vlan(100).payload(40);
  expectDropped(wide().inject(1, service), 'VlanRefused', 1);
  expectDropped(wide(0x88a8).inject(1, customer), 'VlanRefused', 1);
  const outcome = wide(0x88a8).inject(1, service);
  assert.equal(
    outcome.sent.map(({ bytes }) => bytes.length),
    [54, 58],
  );
});

/** Port 1 is the 802.1Q tunnel of VLAN 7, port 2 a trunk, port 3 another tunnel. */
function tunnel(): TestSwitch {
  const bridge = TestSwitch.create().vlans(0, [7]).segment(0, { Tpid: 0x88a8 });
  for (const port of [1, 3]) bridge.untagged(port, 7).port(port, { Pvid: 7, TagsArePayload: 1 });
  return bridge.tagged(2, 7);
}

test('vlan: a tunnel port carries any tags as payload under its own', () => {
  for (const inner of [eth(1), eth(1).vlan(9), eth(1).vlan(9, { tpid: 0x88a8 }).vlan(8)]) {
    const { sent } = tunnel().inject(1, inner);
    const bytes = hex(inner.bytes());
    assert.is(hex(sent[0]!.bytes), `${bytes.slice(0, 24)}88a80007${bytes.slice(24)}`);
    assert.is(hex(sent[1]!.bytes), bytes);
  }
});

test('vlan: priority tags on the way out are as the port wants them', () => {
  const forms = (mode: PriorityTags, priority: number) => {
    const bridge = TestSwitch.create().vlans(0, [10]).tagged(1, 10).untagged(2, 10);
    bridge.untagged(3, 10).port(2, { PriorityTags: mode });
    const fromTrunk = formsOf(bridge.inject(1, eth(1).vlan(10, { priority })));
    bridge.port(3, { Pvid: 10 });
    const fromAccess = formsOf(bridge.inject(3, eth(3).vlan(0, { priority })));
    return [fromTrunk[0], fromAccess[1]];
  };
  assert.equal(forms(PriorityTags.Never, 5), ['2:u', '2:u']);
  assert.equal(forms(PriorityTags.NonZero, 5), ['2:t0p5', '2:t0p5']);
  assert.equal(forms(PriorityTags.NonZero, 0), ['2:u', '2:u']);
  assert.equal(forms(PriorityTags.Always, 0), ['2:t0', '2:t0']);
});

test('vlan: a port that joins or leaves a VLAN does so at once', () => {
  const bridge = wide();
  const frame = eth(1).vlan(10).payload(9);
  expectSent(bridge.port(2, { Up: 0 }).inject(1, frame), [3], frame);
  bridge.core.configureVlan(3, 10, 0);
  expectDropped(bridge.inject(1, frame), 'NoTarget', 1);
  bridge.core.configureVlanDomain(0, 10, 0);
  expectDropped(bridge.inject(1, frame), 'VlanRefused', 1);
});

test('vlan: frames without headroom are copied before they are changed', () => {
  const bridge = wide().port(2, { Pvid: 10 });
  const frame = eth(2).payload(50);
  const outcome = bridge.batch([
    { port: 2, frame, tight: true },
    { port: 2, frame, tight: true },
  ]);
  const tagged = hex(eth(2).vlan(10).payload(50).bytes());
  assert.equal(
    outcome.sent.map(({ bytes }) => hex(bytes)),
    [tagged, tagged, tagged, tagged],
  );
});

test.run();
