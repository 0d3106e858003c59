/**
 * Conformance cases of area A3, VXLAN, the way in: VX-A01 to VX-A11, VX-A31 and VX-A33.
 * Whole frames are compared; tshark looks at all that was sent.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Drop } from '../../assembly/abi.js';
import { type Frame, eth } from '../support/frame.js';
import {
  LOCAL,
  OverlaySwitch,
  PEER,
  PEER_6,
  REMOTE,
  TUNNEL,
  UNDERLAY,
  VNI,
  expectAllClean,
  expectDrop,
  expectOut,
  overlayYaml,
  stationAt,
  toUs,
  vxlanToUs,
  withHost,
} from '../support/overlay-switch.js';
import { captureFrames } from '../support/pcap.js';
import { testWithShared } from '../support/with-shared.js';

const udpInner = (payload: number | string = 'hello', from: string = PEER): Frame =>
  eth(stationAt(from), LOCAL).ipv4('10.0.0.3', '10.0.0.2').udp(1000, 2000).payload(payload);

for (const from of [PEER, PEER_6]) {
  test(`VX-A01: the inner frame comes out with every byte, from ${from}`, () => {
    const to = withHost(overlayYaml({ overlay: 'udpChecksum: never' }));
    const inner = udpInner('hello', from);
    const outer = vxlanToUs(inner, { from }).checksum(0);
    expectOut(to.inject(UNDERLAY, outer), ['p1'], inner);
  });

  test(`VX-A02: a right UDP checksum is accepted, from ${from}`, () => {
    const inner = udpInner('hello', from);
    expectOut(withHost().inject(UNDERLAY, vxlanToUs(inner, { from })), ['p1'], inner);
  });

  test(`VX-A03: a wrong UDP checksum is dropped and counted, from ${from}`, () => {
    const to = withHost();
    const outer = vxlanToUs(udpInner('hello', from), { from }).checksum(0xdead);
    expectDrop(to.inject(UNDERLAY, outer), 'OuterChecksum');
    assert.is(to.core.portDrops(to.index(UNDERLAY), Drop.OuterChecksum), 1n);
  });
}

test('VX-A01: over IPv6 a checksum of zero is accepted in RFC 6936 mode only', () => {
  const outer = vxlanToUs(udpInner('hello', PEER_6), { from: PEER_6 }).checksum(0);
  expectDrop(withHost().inject(UNDERLAY, outer), 'OuterChecksum', TUNNEL);
});

test('VX-A04: a wrong outer IPv4 header checksum is dropped', () => {
  const outer = vxlanToUs(udpInner()).bytes();
  outer[24]! ^= 1;
  expectDrop(withHost().inject(UNDERLAY, outer), 'OuterChecksum');
});

test('VX-A05: without the I flag it is dropped', () => {
  const outer = toUs().vxlan(VNI, { flags: 0 }).frame(udpInner());
  expectDrop(withHost().inject(UNDERLAY, outer), 'TunnelHeader');
});

/** The VXLAN header with one of its 39 reserved bits set. */
function reservedBits(): Frame[] {
  const flags = [0, 1, 2, 4, 5, 6, 7].map(bit => ({ flags: 8 | (1 << bit) }));
  const middle = Array.from({ length: 24 }, (_, bit) => [1 << bit, 0] as const);
  const last = Array.from({ length: 8 }, (_, bit) => [0, 1 << bit] as const);
  const options = [...flags, ...[...middle, ...last].map(reserved => ({ reserved }))];
  return options.map(option => toUs().vxlan(VNI, option).frame(udpInner()));
}

test('VX-A06: each of 39 reserved bits is ignored', () => {
  const to = withHost();
  const frames = reservedBits();
  assert.is(frames.length, 39);
  for (const outer of frames) expectOut(to.inject(UNDERLAY, outer), ['p1'], udpInner());
});

test('VX-A06: with strictFlags each of 39 reserved bits is dropped and counted', () => {
  const to = withHost(overlayYaml({ overlay: 'strictFlags: true' }));
  for (const outer of reservedBits()) {
    expectDrop(to.inject(UNDERLAY, outer), 'TunnelReserved', TUNNEL);
  }
  assert.is(to.core.portDrops(to.index(TUNNEL), Drop.TunnelReserved), 39n);
  expectOut(to.inject(UNDERLAY, vxlanToUs(udpInner())), ['p1'], udpInner());
});

test('VX-A07: another VNI, and ours with its bytes swapped, is dropped', () => {
  const to = withHost();
  for (const vni of [43, 0x002a00, 0x2a0000, 0, 0xffffff]) {
    expectDrop(to.inject(UNDERLAY, vxlanToUs(udpInner(), { vni })), 'UnknownVni');
  }
});

test('VX-A08: what is too short for a frame inside is dropped and counted', () => {
  const to = withHost();
  const inner13 = toUs().vxlan(VNI).frame(new Uint8Array(13));
  const inner0 = toUs().vxlan(VNI);
  const header4 = toUs().payload(Uint8Array.of(8, 0, 0, 0));
  const udp8 = toUs();
  expectDrop(to.inject(UNDERLAY, inner13), 'Runt', TUNNEL);
  expectDrop(to.inject(UNDERLAY, inner0), 'Runt', TUNNEL);
  expectDrop(to.inject(UNDERLAY, header4), 'TunnelHeader');
  expectDrop(to.inject(UNDERLAY, udp8), 'TunnelHeader');
  expectOut(to.inject(UNDERLAY, vxlanToUs(udpInner())), ['p1'], udpInner());
});

test('VX-A08: the same with bytes behind the datagram, which are no part of it', () => {
  const to = withHost();
  const trailer = new Uint8Array(60);
  const padded = (frame: Frame) => Uint8Array.from(Buffer.concat([frame.bytes(), trailer]));
  expectDrop(to.inject(UNDERLAY, padded(toUs().vxlan(VNI))), 'Runt', TUNNEL);
  expectDrop(to.inject(UNDERLAY, padded(toUs())), 'TunnelHeader');
  expectOut(to.inject(UNDERLAY, padded(vxlanToUs(udpInner()))), ['p1'], udpInner());
});

test('VX-A09: UDP port 8472 is a tunnel where it is configured, and only there', () => {
  const outer = vxlanToUs(udpInner(), { udpPort: 8472 });
  expectDrop(withHost().inject(UNDERLAY, outer), 'NoTunnelPort');
  const other = withHost(overlayYaml({ overlay: 'udpPort: 8472' }));
  expectOut(other.inject(UNDERLAY, outer), ['p1'], udpInner());
  expectDrop(other.inject(UNDERLAY, vxlanToUs(udpInner())), 'NoTunnelPort');
});

test('VX-A10: any source port, TTL and DF bit is accepted', () => {
  const to = withHost();
  const routes = [
    ...[1, 1023, 65535].map(sourcePort => ({ sourcePort })),
    ...[1, 255].map(ttl => ({ ttl })),
    ...[true, false].map(isDf => ({ isDf })),
  ];
  for (const route of routes) {
    expectOut(to.inject(UNDERLAY, vxlanToUs(udpInner(), route)), ['p1'], udpInner());
  }
});

test('VX-A11: an inner source that is a group or zero is dropped and not learned', () => {
  const to = withHost(overlayYaml({ overlay: 'learning: true' }));
  const before = [...to.core.fdbEntries()].length;
  for (const source of ['03:00:00:00:00:01', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff']) {
    const outer = vxlanToUs(eth(source, LOCAL).payload(46));
    expectDrop(to.inject(UNDERLAY, outer), 'BadSource', TUNNEL);
  }
  assert.is([...to.core.fdbEntries()].length, before);
});

const TWO_VNIS = overlayYaml({
  ports: ['q1: { kind: memory, segment: db }'],
  segments: [
    `db:\n    overlay: { vni: 43, underlay: fabric, peers: [${PEER}] }\n    fdb: [{ mac: '${REMOTE}', dst: ${PEER} }]`,
  ],
});

test('VX-A31: two VNIs with the same addresses are apart in both directions', () => {
  const to = OverlaySwitch.create(TWO_VNIS);
  to.inject('p1', eth(LOCAL, LOCAL));
  to.inject('q1', eth(LOCAL, LOCAL));
  expectOut(to.inject(UNDERLAY, vxlanToUs(udpInner())), ['p1'], udpInner());
  expectOut(to.inject(UNDERLAY, vxlanToUs(udpInner(), { vni: 43 })), ['q1'], udpInner());
  const out = eth(LOCAL, REMOTE).ipv4('10.0.0.2', '10.0.0.3').udp(1, 2).payload('x');
  for (const [port, vni] of [
    ['p1', 42],
    ['q1', 43],
  ] as const) {
    const { sent } = to.inject(port, out);
    assert.equal(
      sent.map(({ bytes }) => Buffer.from(bytes).readUInt32BE(46) >>> 8),
      [vni],
    );
  }
  const domains = [...to.core.fdbEntries()].filter(({ mac }) => mac === 0x020000000001n);
  assert.is(new Set(domains.map(({ domain }) => domain)).size, 2);
});

testWithShared(
  'pcaps/vxlan/zeek__vxlan-triple-v2.pcap',
  'VX-A33: of nested VXLAN one layer is taken off, and what is inside stays as it is',
  path => {
    const frames = captureFrames(path);
    assert.ok(frames.length > 0);
    for (const frame of frames) {
      const nested = frame.slice();
      const inner = vxlanToUs(nested);
      const destination = [...nested.subarray(0, 6)].map(b => b.toString(16).padStart(2, '0'));
      const to = OverlaySwitch.create(overlayYaml({ overlay: 'learning: true' }), {
        isClean: false,
      });
      to.inject('p1', eth(destination.join(':'), destination.join(':')));
      expectOut(to.inject(UNDERLAY, inner), ['p1'], nested);
    }
  },
);

test('VX-A33: a wrong inner checksum is none of our business', () => {
  const to = OverlaySwitch.create(overlayYaml(), { isClean: false });
  to.inject('p1', eth(LOCAL, LOCAL));
  const inner = eth(REMOTE, LOCAL).ipv4('10.0.0.3', '10.0.0.2').tcp(1, 2).payload('x');
  const wrong = inner.checksum(0xbeef);
  expectOut(to.inject(UNDERLAY, vxlanToUs(wrong)), ['p1'], wrong);
});

test('VX-A01: a frame to another host of the underlay is not ours', () => {
  const outer = vxlanToUs(udpInner(), { to: '10.9.0.9' });
  expectDrop(withHost().inject(UNDERLAY, outer), 'NotOurAddress');
});

test('all: tshark finds nothing wrong with what was sent', () => {
  expectAllClean({ decodeAs: ['udp.port==8472,vxlan'] });
});

test.run();
