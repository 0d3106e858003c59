/** Every drop reason, provoked. The type of SCENARIOS makes a new reason a new scenario. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop, FdbKind, MAX_FRAME_BYTES, PortCounter } from '../../assembly/abi.js';
import { BROADCAST, eth, fromHex, macNumber } from '../support/frame.js';
import { TestSwitch, type Input } from '../support/test-switch.js';
import { OVERLAY_DROPS, type OverlayDrop } from '../support/overlay-rig.js';
import { GSO_TCP4, virtio } from '../support/virtio.js';
import { ZONE_DROPS, type ZoneDrop } from '../support/zone-rig.js';

/** The others are in overlay-drops.test.ts and test/zone/drops.test.ts. */
type Reason = Exclude<keyof typeof Drop, 'None' | 'Count' | OverlayDrop | ZoneDrop>;
/** Sets a bridge up; the frame it returns is dropped for the reason, `port` blamed. */
type Scenario = (bridge: TestSwitch) => Input & { blames?: number };

const UNKNOWN = '02:00:00:00:00:99';
/** Makes 02:00:00:00:00:02 known behind port 2. */
const known = (bridge: TestSwitch): TestSwitch => {
  bridge.inject(2, eth(2));
  return bridge;
};
const place = (bridge: TestSwitch, port: number, kind: FdbKind): void => {
  assert.is(bridge.core.fdbInsert({ mac: macNumber(9), domain: 1, port, kind }), 0);
};
/** Uses up a bucket of one frame a second. */
const stormy = (bridge: TestSwitch, kind: object, to: string): Input => {
  bridge.port(1, kind);
  bridge.inject(1, eth(1, to));
  return { port: 1, frame: eth(1, to) };
};
const refuseAll = (bridge: TestSwitch, reason: Drop): void => {
  known(bridge).inject(1, eth(1, 2));
  const refused = bridge.refuse(() => true, reason === Drop.PortGone);
  assert.equal(refused, [{ port: 2, reason: Drop[reason], origin: 0 }]);
};

const SCENARIOS: Record<Exclude<Reason, 'TxQueueFull' | 'PortGone'>, Scenario> = {
  NoPort: bridge => {
    bridge.port(1, { Up: 0 });
    return { port: 1, frame: eth() };
  },
  Runt: () => ({ port: 1, frame: eth().bytes().slice(0, 13) }),
  Oversize: () => ({ port: 1, frame: eth().payload(MAX_FRAME_BYTES - 13) }),
  Truncated: () => ({ port: 1, frame: fromHex('ffffffffffff020000000001' + '88a80000') }),
  BadOffload: () => ({ port: 1, frame: eth(), offload: virtio({ gsoType: GSO_TCP4 }) }),
  BadSource: () => ({ port: 1, frame: eth(BROADCAST) }),
  NoSegment: bridge => {
    bridge.port(1, { Segment: 0 });
    return { port: 1, frame: eth() };
  },
  ReservedGroup: () => ({ port: 1, frame: eth(1, '01:80:c2:00:00:0e') }),
  TagMismatch: bridge => {
    bridge.port(1, { MatchTags: 1, MatchOuter: 0x8100000a });
    return { port: 1, frame: eth().vlan(11) };
  },
  VlanRefused: bridge => {
    bridge.vlans(0, [10]).tagged(1, 10);
    return { port: 1, frame: eth().vlan(11) };
  },
  Locked: bridge => {
    bridge.port(1, { Locked: 1 });
    return { port: 1, frame: eth() };
  },
  StaticMoved: bridge => {
    place(bridge, 2, FdbKind.Static);
    return { port: 1, frame: eth(9) };
  },
  StormBroadcast: bridge => stormy(bridge, { StormBroadcastPerSec: 1 }, BROADCAST),
  StormMulticast: bridge => stormy(bridge, { StormMulticastPerSec: 1 }, '01:00:5e:00:00:01'),
  StormUnicast: bridge => stormy(bridge, { StormUnicastPerSec: 1 }, UNKNOWN),
  SamePort: bridge => ({ port: 2, frame: (known(bridge), eth(3, 2)) }),
  LocalAddress: bridge => {
    place(bridge, bridge.capacities.Ports, FdbKind.Permanent);
    return { port: 1, frame: eth(1, 9) };
  },
  Isolated: bridge => {
    known(bridge).port(1, { Isolated: 1 }).port(2, { Isolated: 1 });
    return { port: 1, frame: eth(1, 2) };
  },
  VlanEgress: bridge => {
    bridge.vlans(0, [10]).tagged(1, 10).tagged(2, 10);
    bridge.inject(2, eth(2).vlan(10));
    bridge.core.configureVlan(2, 10, 0);
    return { port: 1, frame: eth(1, 2).vlan(10), blames: 2 };
  },
  NoTarget: bridge => {
    bridge.port(2, { Up: 0 }).port(3, { BroadcastFlood: 0 });
    return { port: 1, frame: eth() };
  },
  NoBuffer: bridge => {
    bridge.port(1, { MatchTags: 1, MatchOuter: 0x8100000a, PopTags: 1 });
    return { port: 1, frame: eth().vlan(10).payload(2000), tight: true };
  },
};

for (const [reason, scenario] of Object.entries(SCENARIOS)) {
  test(`drop: a frame is dropped as ${reason}, once, and its port is blamed`, () => {
    const bridge = TestSwitch.create({ capacities: { CopyBytes: 1024 } });
    const { blames, ...input } = scenario(bridge);
    const blamed = blames ?? input.port;
    const outcome = bridge.batch([input]);
    assert.equal(outcome, { sent: [], dropped: [{ port: blamed, reason, origin: 0 }] });
    assert.is(bridge.core.portDrops(blamed, Drop[reason as Reason]), 1n);
  });
}

test('drop: a frame the sender could not place is booked as TxQueueFull', () => {
  const bridge = TestSwitch.create();
  refuseAll(bridge, Drop.TxQueueFull);
  assert.is(bridge.core.portDrops(2, Drop.TxQueueFull), 1n);
  assert.is(bridge.core.portCounter(2, PortCounter.TxPackets), 0n);
  assert.is(bridge.core.portCounter(2, PortCounter.TxBytes), 0n);
});

test('drop: a frame for a device that is gone is booked as PortGone', () => {
  const bridge = TestSwitch.create();
  refuseAll(bridge, Drop.PortGone);
  assert.is(bridge.core.portDrops(2, Drop.PortGone), 1n);
});

test('drop: a sender may book twice, and no frame is booked twice', () => {
  const bridge = TestSwitch.create();
  bridge.inject(1, eth());
  bridge.refuse(sent => sent === 0);
  bridge.refuse(sent => sent === 1, true);
  assert.is(bridge.core.portDrops(2, Drop.TxQueueFull), 1n);
  assert.is(bridge.core.portDrops(2, Drop.PortGone), 0n);
  assert.is(bridge.core.portDrops(3, Drop.PortGone), 1n);
});

test('drop: a frame from a port that does not exist is booked on the row behind the last', () => {
  const bridge = TestSwitch.create();
  const nobody = bridge.capacities.Ports;
  for (const port of [nobody, nobody + 1, 0xffff]) {
    assert.equal(bridge.inject(port, eth()).dropped[0], {
      port: nobody,
      reason: 'NoPort',
      origin: 0,
    });
  }
});

test('drop: every reason has a scenario', () => {
  const reasons = Object.keys(Drop).filter(name => Number.isNaN(Number(name)));
  const elsewhere = [...OVERLAY_DROPS, ...ZONE_DROPS, 'TxQueueFull', 'PortGone', 'None', 'Count'];
  const tested = [...Object.keys(SCENARIOS), ...elsewhere];
  assert.equal(reasons.sort(), tested.sort());
});

test.run();
