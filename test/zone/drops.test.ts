/** Every drop reason of zones, provoked. The type of SCENARIOS makes a new one a scenario. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { ReversePath, RouteKind, ZoneOption } from '../../assembly/zone-abi.js';
import { parseIp } from '../../src/frame/address.js';
import { HOP_OPTIONS, OPTIONS, extended } from '../support/extension.js';
import { type Frame, type TcpOptions, eth } from '../support/frame.js';
import {
  HOST,
  HOST_IP,
  INSIDE,
  MASQUERADE,
  OUTSIDE,
  SERVER,
  SERVER_IP,
  ZONE_DROPS,
  ZoneRig,
  type ZoneDrop,
  natRules,
  saveText,
} from '../support/zone-rig.js';

/** Sets the rig up; the frame it returns is dropped for the reason, at the port it came by. */
type Scenario = (rig: ZoneRig) => { port: number; frame: Frame | Uint8Array };

const toServer = (): Frame => eth(HOST, INSIDE.mac).ipv4(HOST_IP, SERVER_IP);
const inside = (frame: Frame | Uint8Array): ReturnType<Scenario> => ({ port: 1, frame });
const outside = (frame: Frame | Uint8Array): ReturnType<Scenario> => ({ port: 2, frame });

function spoilt(frame: Frame, at: number, value: number): Uint8Array {
  const bytes = frame.bytes();
  bytes[at] = value;
  return bytes;
}

const SCENARIOS: Record<Exclude<ZoneDrop, 'NeighbourQueueFull' | 'Untranslatable'>, Scenario> = {
  NotIp: () => inside(eth(HOST, INSIDE.mac).type(0x88b5).payload(46)),
  IpMalformed: () => inside(spoilt(toServer().udp(1, 2), 14, 0x44)),
  IpChecksum: () => inside(spoilt(toServer().udp(1, 2), 24, 0x44)),
  HeaderChain: () => {
    const frame = eth(HOST, INSIDE.mac).ipv6('2001:db8::2', '2001:db8:1::2').udp(1, 2);
    return inside(extended(frame.bytes(), [OPTIONS, HOP_OPTIONS]));
  },
  Martian: () => inside(eth(HOST, INSIDE.mac).ipv4('127.0.0.1', SERVER_IP).udp(1, 2)),
  ReversePath: rig => {
    rig.core.zones.configure(0, ZoneOption.ReversePath, ReversePath.Strict);
    return outside(eth(SERVER, OUTSIDE.mac).ipv4('10.0.1.77', HOST_IP).udp(1, 2));
  },
  Invalid: rig => {
    rig.rules(MASQUERADE);
    return inside(toServer().tcp(40000, 80, { flags: 0x03 }));
  },
  OutOfWindow: rig => {
    rig.rules(MASQUERADE);
    rig.core.zones.configure(0, ZoneOption.Liberal, 0);
    rig.send(1, toServer().tcp(40000, 80, { sequence: 1, flags: 0x02 }));
    const server = (options: TcpOptions): Frame =>
      eth(SERVER, OUTSIDE.mac).ipv4(SERVER_IP, '203.0.113.1').tcp(80, 40000, options);
    rig.send(2, server({ sequence: 1, acknowledged: 2, flags: 0x12 }));
    return outside(server({ sequence: 1 << 20, acknowledged: 2, flags: 0x10 }));
  },
  RuleDrop: rig => {
    rig.rules(saveText('filter', ['-A FORWARD -p udp -j DROP']));
    return inside(toServer().udp(1, 2));
  },
  RuleReject: rig => {
    rig.rules(saveText('filter', ['-A FORWARD -p udp -j REJECT']));
    return inside(toServer().udp(1, 2));
  },
  NoRoute: rig => {
    rig.route('198.51.100.0/24', { kind: RouteKind.Blackhole });
    return inside(eth(HOST, INSIDE.mac).ipv4(HOST_IP, '198.51.100.7').udp(1, 2));
  },
  NotForwarded: rig => {
    rig.core.zones.configure(0, ZoneOption.Forwarding, 0);
    return inside(toServer().udp(1, 2));
  },
  TtlExceeded: () => inside(eth(HOST, INSIDE.mac).ipv4(HOST_IP, SERVER_IP, { ttl: 1 }).udp(1, 2)),
  NeighbourMalformed: () => inside(eth(HOST, INSIDE.mac).type(0x0806).payload(20)),
  NeighbourFailed: rig => {
    const frame = eth(HOST, INSIDE.mac).ipv4(HOST_IP, '203.0.113.77').udp(1, 2);
    rig.send(1, frame);
    for (let i = 0; i < 3; i++) rig.bridge.wait(1000);
    return inside(frame);
  },
  FlowsFull: rig => {
    rig.core.zones.configure(0, ZoneOption.MostFlows, 1);
    rig.send(1, toServer().udp(1, 2));
    return inside(toServer().udp(2, 2));
  },
  PortsExhausted: rig => {
    rig.rules(natRules('-A POSTROUTING -p udp -o out -j SNAT --to-source 203.0.113.1:1025'));
    rig.send(1, toServer().udp(1, 2));
    return inside(toServer().udp(2, 2));
  },
  NoBackend: rig => {
    const key = {
      address: parseIp('203.0.113.1')!,
      protocol: 17,
      port: 53,
      iface: rig.indexOf('out'),
    };
    rig.core.services.set(0, { zone: 0, scheduler: 0, flags: 0, persistenceMs: 0, maskBits: 0 });
    assert.is(rig.core.services.addKey(0, key), 0);
    return inside(eth(HOST, INSIDE.mac).ipv4(HOST_IP, '203.0.113.1').udp(1, 53));
  },
  TooManyZones: rig => {
    // Two zones, each of which sends everything to the other.
    rig.interface('ring0', { ...RING, mac: '02:42:0a:00:09:01', address: '10.9.0.1/24' });
    const other = { ...RING, mac: '02:42:0a:00:09:02', address: '10.9.0.2/24', zone: 1 };
    rig.interface('ring1', other);
    rig.route('198.51.100.0/24', { by: 'ring0', gateway: '10.9.0.2' });
    rig.route('198.51.100.0/24', { by: 'ring1', gateway: '10.9.0.1', zone: 1 });
    const frame = eth(HOST, INSIDE.mac).ipv4(HOST_IP, '198.51.100.7', { ttl: 255 }).udp(1, 2);
    rig.send(1, frame);
    return inside(frame);
  },
};
const RING = { port: 3, segment: 2 };

for (const [reason, scenario] of Object.entries(SCENARIOS)) {
  test(`zone drops: ${reason}`, () => {
    const rig = ZoneRig.settled();
    const { port, frame } = scenario(rig);
    const { dropped } = rig.send(port, frame);
    assert.equal(
      dropped.map(({ reason }) => reason),
      [reason],
    );
    const counted = ZONE_DROPS.map(name => [name, rig.core.dropTotals().get(Drop[name])] as const);
    const total = counted.find(([name]) => name === reason)![1];
    assert.ok(total !== undefined && total >= 1n, `${reason} is counted`);
  });
}

test('zone drops: NeighbourQueueFull: the oldest packet that waits is given up', () => {
  const rig = ZoneRig.settled();
  const frame = (i: number): Frame =>
    eth(HOST, INSIDE.mac)
      .ipv4(HOST_IP, '203.0.113.77')
      .udp(1000 + i, 2);
  let full = 0;
  for (let i = 0; i < 110; i++) {
    const { dropped } = rig.send(1, frame(i));
    full += dropped.filter(({ reason }) => reason === 'NeighbourQueueFull').length;
  }
  assert.is(full, 110 - 101);
});

test.run();
