/** A zone routes, tracks and translates: the first packets of each kind. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { summarize } from '../../src/frame/dissect.js';
import { type Frame, eth } from '../support/frame.js';
import { INSIDE, OUTSIDE, ZoneRig, saveText } from '../support/zone-rig.js';

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

/** Two ports of the outside that lead to one of a host. */
const TWO_TO_ONE = saveText('nat', [
  '-A PREROUTING -d 203.0.113.1 -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.1.2:53',
  '-A PREROUTING -d 203.0.113.1 -p udp -m udp --dport 5353 -j DNAT --to-destination 10.0.1.2:53',
]);

test('zone: a flow that no rule translates gets a source port where answers would be mixed up', () => {
  const rig = settled(TWO_TO_ONE);
  const ask = (port: number): Uint8Array => {
    const call = eth(SERVER, OUTSIDE.mac).ipv4('203.0.113.2', '203.0.113.1').udp(4000, port);
    const out = rig.send(2, call);
    assert.equal(out.dropped, []);
    return out.sent[0]!.bytes;
  };
  const answered = (source: number): Uint8Array => {
    const answer = eth(HOST, INSIDE.mac).ipv4('10.0.1.2', '203.0.113.2').udp(53, source);
    const out = rig.send(1, answer);
    assert.equal(out.dropped, []);
    return out.sent[0]!.bytes;
  };
  const to = eth(INSIDE.mac, HOST).ipv4('203.0.113.2', '10.0.1.2', { ttl: 63 });
  const back = (): Frame =>
    eth(OUTSIDE.mac, SERVER).ipv4('203.0.113.1', '203.0.113.2', { ttl: 63 });
  assert.equal(ask(53), to.udp(4000, 53).bytes());
  const second = ask(5353);
  const source = Buffer.from(second).readUInt16BE(34);
  assert.ok(source !== 4000 && source >= 32768 && source <= 60999, `source port ${source}`);
  assert.equal(ask(5353), second, 'and keeps it');
  assert.equal(answered(4000), back().udp(53, 4000).bytes());
  assert.equal(answered(source), back().udp(5353, 4000).bytes());
});

test('zone: of a protocol without ports the second of two such flows is refused', () => {
  const rules = '-A PREROUTING -d 203.0.113.1 -p 89 -j DNAT --to-destination 10.0.1.2';
  const rig = settled(saveText('nat', [rules]));
  const call = (to: string): Frame =>
    eth(SERVER, OUTSIDE.mac).ipv4('203.0.113.2', to).carrying(89).payload(8);
  assert.equal(rig.send(2, call('203.0.113.1')).dropped, []);
  assert.equal(
    rig.send(2, call('10.0.1.2')).dropped.map(({ reason }) => reason),
    ['PortsExhausted'],
  );
});

test.run();
