import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eth } from '../../support/frame.js';
import { OURS, PEER, UNDERLAY, VNI, open, overlayRig, vxlan } from '../../support/overlay-rig.js';

test('vxlan: strips the outer headers and keeps the inner frame', () => {
  const { bridge } = overlayRig();
  bridge.inject(1, eth(1));
  const inner = eth(0x20, 1).ipv4('10.0.0.3', '10.0.0.2').udp(1000, 2000).payload('hi');
  const { sent } = bridge.inject(UNDERLAY, vxlan(inner));
  assert.equal(
    sent.map(({ port, bytes }) => ({ port, bytes })),
    [{ port: 1, bytes: inner.bytes() }],
  );
});

test('vxlan: a frame to a MAC at a VTEP leaves in outer headers, itself unchanged', () => {
  const { bridge } = overlayRig();
  const inner = eth(1, 0x20).ipv4('10.0.0.2', '10.0.0.3').udp(1000, 2000).payload('hi');
  const { sent } = bridge.inject(1, inner);
  assert.is(sent.length, 1);
  const { sourcePort, bytes, ...outer } = open(sent[0]!);
  assert.equal(outer, {
    source: OURS,
    destination: PEER,
    ttl: 64,
    tos: 0,
    isDf: false,
    udpPort: 4789,
    udpChecksum: 0,
    vni: VNI,
    inner: inner.bytes(),
  });
  assert.ok(sourcePort >= 49152);
  assert.is(bytes.length, inner.bytes().length + 50);
});

test.run();
