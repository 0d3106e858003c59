/**
 * Conformance cases of area A3, VXLAN, the way out: VX-A12 to VX-A18, VX-A20, VX-A29, VX-A32
 * and VX-A35.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/load.js';
import { BROADCAST, type Frame, eth, hex, mac } from '../support/frame.js';
import { reply } from '../support/neighbour.js';
import {
  LOCAL,
  OURS,
  OUR_MAC,
  OverlaySwitch,
  PEER,
  PEER_6,
  REMOTE,
  REMOTE_6,
  TUNNEL,
  UNDERLAY,
  VNI,
  expectAllClean,
  expectDrop,
  expectOut,
  hostMac,
  overlayYaml,
  sentTunnel,
  toUs,
  vxlanToUs,
} from '../support/overlay-switch.js';

const FIRST_PORT = 49152;

const out = (to = REMOTE): Frame =>
  eth(LOCAL, to).ipv4('10.0.0.2', '10.0.0.3').udp(1000, 2000).payload('hello');

test('VX-A12: all of the outer headers, DF set', () => {
  const to = OverlaySwitch.create(
    overlayYaml({ overlay: 'vni: 123, df: set' }).replace(`vni: ${VNI}, `, ''),
  );
  const outcome = to.inject('p1', out());
  const outer = sentTunnel(outcome);
  const inner = out().bytes();
  assert.is(outcome.sent[0]!.bytes.length, inner.length + 50);
  assert.is(hex(outer.inner), hex(inner));
  const { sourcePort, inner: _, options: __, ...rest } = outer;
  assert.ok(sourcePort >= FIRST_PORT);
  assert.equal(rest, {
    destinationMac: hostMac(PEER),
    sourceMac: OUR_MAC,
    source: OURS,
    destination: PEER,
    ipHeaderBytes: 20,
    tos: 0,
    ttl: 64,
    isDf: true,
    isFragment: false,
    protocol: 17,
    udpPort: 4789,
    udpChecksum: 0,
    header: '0800000000007b00',
    vni: 123,
  });
});

test('VX-A12: by default DF is clear; over IPv6 there is a checksum and 70 bytes more', () => {
  const to = OverlaySwitch.create(overlayYaml());
  assert.is(sentTunnel(to.inject('p1', out())).isDf, false);
  const outcome = to.inject('p1', out(REMOTE_6));
  const outer = sentTunnel(outcome);
  assert.is(outcome.sent[0]!.bytes.length, out().bytes().length + 70);
  assert.is(outer.destination, PEER_6);
  assert.is(outer.destinationMac, hostMac(PEER_6));
  assert.ok(outer.udpChecksum !== 0);
});

for (const [mode, over4, over6] of [
  ['auto', false, true],
  ['always', true, true],
  ['never', false, false],
] as const) {
  test(`VX-A12: udpChecksum ${mode}`, () => {
    const to = OverlaySwitch.create(overlayYaml({ overlay: `udpChecksum: ${mode}` }));
    assert.is(sentTunnel(to.inject('p1', out())).udpChecksum !== 0, over4);
    assert.is(sentTunnel(to.inject('p1', out(REMOTE_6))).udpChecksum !== 0, over6);
  });
}

test('VX-A12: a peer behind a gateway gets frames by way of its address', () => {
  const far = '198.51.100.9';
  const yaml = overlayYaml({
    peers: [PEER, far],
    underlay: 'gateways: [10.9.0.254]',
    fdb: [`{ mac: '02:00:00:00:00:30', dst: ${far} }`],
  });
  const outer = sentTunnel(OverlaySwitch.create(yaml).inject('p1', out('02:00:00:00:00:30')));
  assert.is(outer.destination, far);
  assert.is(outer.destinationMac, hostMac('10.9.0.254'));
});

test('VX-A13: VNI 0x12345, the frame of VPP', () => {
  const yaml = overlayYaml({ fdb: [`{ mac: '00:00:00:00:00:01', dst: ${PEER} }`] });
  const to = OverlaySwitch.create(yaml.replace(`vni: ${VNI}`, `vni: ${0x12345}`));
  const inner = eth('00:00:00:00:00:02', '00:00:00:00:00:01')
    .ipv4('4.3.2.1', '1.2.3.4')
    .udp(20000, 10000)
    .payload(new Uint8Array(100).fill(0xa5));
  const outer = sentTunnel(to.inject('p1', inner));
  assert.is(outer.udpPort, 4789);
  assert.is(outer.header, '0800000001234500');
  assert.is(hex(outer.inner), hex(inner.bytes()));
});

test('VX-A20: TTL 100 leaves as 100, and a router makes 99 of it that we take', () => {
  const to = OverlaySwitch.create(overlayYaml({ overlay: 'ttl: 100' }));
  for (let i = 0; i < 10; i++) {
    assert.is(sentTunnel(to.inject('p1', out())).ttl, 100);
    assert.is(sentTunnel(to.inject('p1', out(REMOTE_6))).ttl, 100);
  }
  to.inject('p1', eth(LOCAL, LOCAL));
  const inner = eth(REMOTE, LOCAL).payload('x');
  expectOut(to.inject(UNDERLAY, vxlanToUs(inner, { ttl: 99 })), ['p1'], inner);
});

test('VX-A20: an inherited TTL and DF are those of the inner packet', () => {
  const to = OverlaySwitch.create(overlayYaml({ overlay: 'ttl: inherit, df: inherit' }));
  for (const [ttl, isDf] of [
    [1, true],
    [77, false],
    [255, true],
  ] as const) {
    const inner = eth(LOCAL, REMOTE).ipv4('10.0.0.2', '10.0.0.3', { ttl, isDf }).udp(1, 2);
    const outer = sentTunnel(to.inject('p1', inner.payload('x')));
    assert.equal([outer.ttl, outer.isDf], [ttl, isDf]);
  }
  const noIp = sentTunnel(to.inject('p1', eth(LOCAL, REMOTE).payload('x')));
  assert.equal([noIp.ttl, noIp.isDf], [64, false]);
});

const tagged = (from: string, to: string): Frame =>
  eth(from, to).vlan(100, { priority: 3 }).ipv4('10.0.0.2', '10.0.0.3').udp(1, 2).payload('tag');
const untagged = (from: string, to: string): Frame =>
  eth(from, to).ipv4('10.0.0.2', '10.0.0.3').udp(1, 2).payload('tag');

/** What DESIGN §9 decides: pass by default; strip and drop are options. */
const VLAN_OUT: Record<string, 'as it is' | 'stripped' | 'dropped'> = {
  '': 'as it is',
  'innerVlan: pass': 'as it is',
  'innerVlan: strip': 'stripped',
  'innerVlan: drop': 'dropped',
};
for (const [overlay, fate] of Object.entries(VLAN_OUT)) {
  test(`VX-A29: with '${overlay}' a tagged frame is ${fate} both ways`, () => {
    const to = OverlaySwitch.create(overlayYaml(overlay === '' ? {} : { overlay }));
    to.inject('p1', eth(LOCAL, LOCAL));
    const [ingoing, outgoing] = [
      to.inject(UNDERLAY, vxlanToUs(tagged(REMOTE, LOCAL))),
      to.inject('p1', tagged(LOCAL, REMOTE)),
    ];
    if (fate === 'dropped') {
      expectDrop(ingoing, 'InnerVlan', TUNNEL);
      expectDrop(outgoing, 'InnerVlan', TUNNEL);
      return;
    }
    const form = fate === 'stripped' ? untagged : tagged;
    expectOut(ingoing, ['p1'], form(REMOTE, LOCAL));
    assert.is(hex(sentTunnel(outgoing).inner), hex(form(LOCAL, REMOTE).bytes()));
  });
}

const withVni = (vni: string): string => overlayYaml().replace(`vni: ${VNI}`, `vni: ${vni}`);

for (const vni of [0, 1, 16777215]) {
  test(`VX-A32: VNI ${vni} works both ways`, () => {
    const to = OverlaySwitch.create(withVni(String(vni)));
    to.inject('p1', eth(LOCAL, LOCAL));
    assert.is(sentTunnel(to.inject('p1', out())).vni, vni);
    const inner = eth(REMOTE, LOCAL).payload('x');
    expectOut(to.inject(UNDERLAY, toUs().vxlan(vni).frame(inner)), ['p1'], inner);
  });
}

for (const vni of ['16777216', '-1', '1.5', "'42'"]) {
  test(`VX-A32: VNI ${vni} is refused with the configuration`, () => {
    assert.throws(
      () => parseConfig(withVni(vni), 'test.yaml'),
      (error: Error) =>
        /segments\.web\.overlay\.vni: expected 0\.\.16777215, got/.test(error.message),
    );
  });
}

test('VX-A35: three frames to an unknown next hop make one ARP request', () => {
  const to = OverlaySwitch.create(overlayYaml({ peers: [PEER] }), { isConnected: false });
  const outcomes = [0, 400, 400].map(ms => {
    to.bridge.nowMs += ms;
    return to.inject('p1', out());
  });
  const sent = outcomes.flatMap(outcome => outcome.sent);
  const [own, ours, theirs] = [hex(mac(OUR_MAC)), '0a090001', '0a090002'];
  const asked = `ffffffffffff${own}0806` + `0001080006040001${own}${ours}000000000000${theirs}`;
  assert.equal(
    sent.map(({ port, bytes }) => ({ port, bytes: hex(bytes) })),
    [{ port: UNDERLAY, bytes: asked }],
  );
  assert.is(sent[0]!.bytes.length, 42);
  for (const { dropped } of outcomes) {
    assert.equal(
      dropped.map(({ reason }) => reason),
      ['NoNextHop'],
    );
  }
  to.inject(UNDERLAY, reply(hostMac(PEER), PEER, OUR_MAC, OURS));
  assert.is(sentTunnel(to.inject('p1', out())).destinationMac, hostMac(PEER));
});

test('VX-A35: a second later it asks again, and a broadcast answer to others is no answer', () => {
  const to = OverlaySwitch.create(overlayYaml({ peers: [PEER] }), { isConnected: false });
  to.inject('p1', out());
  to.inject(UNDERLAY, reply(hostMac(PEER), PEER, BROADCAST, '10.9.0.50'));
  to.bridge.nowMs += 1000;
  const { sent } = to.inject('p1', out());
  const asked = sent.filter(({ bytes }) => Buffer.from(bytes).readUInt16BE(12) === 0x0806);
  assert.is(asked.length, 1);
  assert.equal(
    sent.filter(({ bytes }) => Buffer.from(bytes).readUInt16BE(12) === 0x0800),
    [],
  );
});

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
