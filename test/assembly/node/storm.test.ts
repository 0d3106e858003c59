/** Storm control: a rate for each kind of flooded frame, with a burst of one second. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop, STORM_MOST_PER_SEC } from '../../../assembly/abi.js';
import { portsOf } from '../../support/expect.js';
import { BROADCAST, eth } from '../../support/frame.js';
import { TestSwitch } from '../../support/test-switch.js';

const KINDS = [
  ['StormBroadcastPerSec', BROADCAST, 'StormBroadcast'],
  ['StormMulticastPerSec', '01:00:5e:00:00:01', 'StormMulticast'],
  ['StormUnicastPerSec', '02:00:00:00:00:99', 'StormUnicast'],
] as const;

/** Frames of `count` that passed, in batches of 50. */
function passed(bridge: TestSwitch, to: string, count: number): number {
  let sent = 0;
  for (let left = count; left > 0; left -= 50) {
    const batch = Array.from({ length: Math.min(50, left) }, () => ({
      port: 1,
      frame: eth(1, to),
    }));
    sent += bridge.batch(batch).sent.length;
  }
  return sent / 2;
}

for (const [option, to, reason] of KINDS) {
  test(`storm: ${option} lets one second's worth pass at once and refills by the rate`, () => {
    const bridge = TestSwitch.create().port(1, { [option]: 100 });
    assert.is(passed(bridge, to, 150), 100);
    assert.is(bridge.core.portDrops(1, Drop[reason]), 50n);
    bridge.nowMs += 10;
    assert.is(passed(bridge, to, 150), 1);
    bridge.nowMs += 250;
    assert.is(passed(bridge, to, 150), 25);
    bridge.nowMs += 5000;
    assert.is(passed(bridge, to, 150), 100, 'a bucket holds one second');
  });

  test(`storm: ${option} leaves the other kinds alone`, () => {
    const bridge = TestSwitch.create().port(1, { [option]: 1 });
    for (const [, other] of KINDS) {
      assert.is(passed(bridge, other, 50), other === to ? 1 : 50);
    }
  });

  test(`storm: ${option} over a second in steps of 1 ms passes the rate`, () => {
    const bridge = TestSwitch.create().port(1, { [option]: 300 });
    passed(bridge, to, 300);
    let sent = 0;
    for (let ms = 0; ms < 1000; ms++) {
      bridge.nowMs += 1;
      sent += passed(bridge, to, 2);
    }
    assert.is(sent, 300);
  });
}

test('storm: known unicast and other ports are not limited', () => {
  const bridge = TestSwitch.create().port(1, { StormUnicastPerSec: 1, StormBroadcastPerSec: 1 });
  bridge.inject(2, eth(2));
  for (let i = 0; i < 20; i++) assert.equal(portsOf(bridge.inject(1, eth(1, 2))), [2]);
  for (let i = 0; i < 20; i++) assert.equal(portsOf(bridge.inject(3, eth(3))), [1, 2]);
});

test('storm: a rate above the highest counts as the highest and does not wrap', () => {
  const bridge = TestSwitch.create().port(1, { StormBroadcastPerSec: 0xffffffff });
  for (const ms of [0, 1, 999, 1000, 100000]) {
    bridge.nowMs += ms;
    assert.is(passed(bridge, BROADCAST, 250), 250);
  }
  bridge.port(1, { StormBroadcastPerSec: STORM_MOST_PER_SEC });
  bridge.nowMs += 1000;
  assert.is(passed(bridge, BROADCAST, 250), 250);
});

test('storm: rate 0 is no limit', () => {
  const bridge = TestSwitch.create().port(1, { StormBroadcastPerSec: 1 });
  passed(bridge, BROADCAST, 50);
  bridge.port(1, { StormBroadcastPerSec: 0 });
  assert.is(passed(bridge, BROADCAST, 250), 250);
});

test('storm: the time may wrap', () => {
  const bridge = TestSwitch.create();
  bridge.nowMs = 0xffffff00;
  bridge.wait(0).port(1, { StormBroadcastPerSec: 100 });
  assert.is(passed(bridge, BROADCAST, 150), 100);
  bridge.nowMs = (0xffffff00 + 500) >>> 0;
  assert.is(passed(bridge, BROADCAST, 150), 50);
});

test.run();
