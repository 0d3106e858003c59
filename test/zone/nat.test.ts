/** A zone routes, tracks and translates: the first packets of each kind. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { summarize } from '../../src/frame/dissect.js';
import { eth } from '../support/frame.js';
import { INSIDE, OUTSIDE, ZoneRig } from '../support/zone-rig.js';

const HOST = '02:00:00:00:00:02';
const SERVER = '02:00:00:00:00:03';
const MASQUERADE = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.1.0/24 -o out -j MASQUERADE
COMMIT
`;

function settled(rules?: string): ZoneRig {
  const rig = ZoneRig.router(rules === undefined ? {} : { rules });
  return rig.settle(1, HOST, '10.0.1.2').settle(2, SERVER, '203.0.113.2');
}

test('zone: a packet is routed, one hop less, between MAC addresses of the way', () => {
  const rig = settled();
  const out = rig.send(1, eth(HOST, INSIDE.mac).ipv4('10.0.1.2', '203.0.113.2').udp(40000, 7777));
  assert.equal(out.dropped, []);
  assert.is(out.sent.length, 1);
  assert.is(out.sent[0]!.port, 2);
  const want = eth(OUTSIDE.mac, SERVER).ipv4('10.0.1.2', '203.0.113.2', { ttl: 63 });
  assert.equal(out.sent[0]!.bytes, want.udp(40000, 7777).bytes());
});

test('zone: NAT-A01, NAT-A02: masqueraded, and back', () => {
  const rig = settled(MASQUERADE);
  for (let i = 0; i < 5; i++) {
    const there = eth(HOST, INSIDE.mac).ipv4('10.0.1.2', '203.0.113.2', { id: 7 });
    const out = rig.send(1, there.udp(40000, 7777).payload('hello'));
    assert.equal(out.dropped, []);
    const want = eth(OUTSIDE.mac, SERVER).ipv4('203.0.113.1', '203.0.113.2', { ttl: 63, id: 7 });
    assert.is(
      summarize(out.sent[0]!.bytes),
      summarize(want.udp(40000, 7777).payload('hello').bytes()),
    );
    assert.equal(out.sent[0]!.bytes, want.udp(40000, 7777).payload('hello').bytes());
    const back = eth(SERVER, OUTSIDE.mac).ipv4('203.0.113.2', '203.0.113.1');
    const got = rig.send(2, back.udp(7777, 40000).payload('you'));
    assert.equal(got.dropped, []);
    const wanted = eth(INSIDE.mac, HOST).ipv4('203.0.113.2', '10.0.1.2', { ttl: 63 });
    assert.equal(got.sent[0]!.bytes, wanted.udp(7777, 40000).payload('you').bytes());
    rig.bridge.nowMs += 1000;
  }
  const [flow, ...others] = [...rig.core.zones.flows()];
  assert.equal(others, []);
  assert.is(flow!.original.packets, 5n);
});

test('zone: a flow whose neighbour was forgotten finds it again', () => {
  const rig = settled(MASQUERADE);
  const there = eth(HOST, INSIDE.mac).ipv4('10.0.1.2', '203.0.113.2').udp(40000, 7777);
  for (let i = 0; i < 3; i++) rig.send(1, there);
  const server = Uint8Array.of(203, 0, 113, 2);
  assert.is(rig.core.zones.removeNeighbour(rig.indexOf('out'), server), 0);
  assert.is(rig.send(1, there).sent.length, 1, 'asked for');
  rig.settle(2, SERVER, '203.0.113.2');
  assert.equal(rig.send(1, there).dropped, []);
});

test.run();
