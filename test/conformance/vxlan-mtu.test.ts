/**
 * Conformance cases VX-A27 and VX-A34: what is too long for the underlay is answered, never
 * fragmented and never sent (RFC 7348 §4.3, RFC 1191 §4, RFC 4443 §3.2).
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BROADCAST, type Frame, eth, hex } from '../support/frame.js';
import {
  LOCAL,
  type NamedOutcome,
  OverlaySwitch,
  PEER,
  REMOTE,
  REMOTE_6,
  TUNNEL,
  UNDERLAY,
  expectAllClean,
  overlayYaml,
  sentTunnel,
  withHost,
} from '../support/overlay-switch.js';
import { ipOf, openTunnel } from '../support/outer.js';
import { captureFrames } from '../support/pcap.js';
import { GSO_TCP4, NEEDS_CHECKSUM, virtio } from '../support/virtio.js';
import { testWithShared } from '../support/with-shared.js';

const UNDERLAY_MTU = 1500;
const ETHERNET = 14;
/** Longest inner IP packet over each family. */
const MOST_OVER_4 = 1450;
const MOST_OVER_6 = 1430;
const UDP4_BYTES = 28;
const UDP6_BYTES = 48;

/** Its network has IPv4 tunnel ends alone: the shortest path of all counts. */
const ONLY_4 = overlayYaml({ peers: [PEER] });
const BOTH = overlayYaml();

/** An inner IP packet of that length, don't-fragment set. */
function innerOf(ipBytes: number, to = REMOTE, isIpv6 = false): Frame {
  const frame = eth(LOCAL, to);
  if (isIpv6) frame.ipv6('fd00::2', 'fd00::3');
  else frame.ipv4('10.0.0.2', '10.0.0.3', { isDf: true });
  return frame.udp(1000, 2000).payload(ipBytes - (isIpv6 ? UDP6_BYTES : UDP4_BYTES));
}

/** The frame is dropped as TooBig; the one that left is an answer by p1. */
function answerIn(outcome: NamedOutcome): Buffer {
  assert.equal(
    outcome.dropped.map(({ port, reason }) => ({ port, reason })),
    [{ port: TUNNEL, reason: 'TooBig' }],
  );
  assert.equal(
    outcome.sent.map(({ port }) => port),
    ['p1'],
  );
  return Buffer.from(outcome.sent[0]!.bytes);
}

/** ICMP "fragmentation needed" about `inner`, to who sent it. */
function expectFragmentationNeeded(answer: Buffer, inner: Uint8Array, mtuBytes: number): void {
  const ip = ipOf(answer);
  assert.is(hex(answer.subarray(0, 6)), hex(inner.subarray(6, 12)), 'to the sender');
  assert.equal([ip.protocol, ip.destination], [1, '10.0.0.2']);
  const icmp = answer.subarray(ETHERNET + ip.ipHeaderBytes);
  assert.equal([icmp[0], icmp[1]], [3, 4]);
  assert.is(icmp.readUInt16BE(6), mtuBytes, 'MTU of the next hop');
  const quoted = icmp.subarray(8);
  assert.ok(quoted.length >= UDP4_BYTES, 'IP header and 8 bytes');
  assert.is(hex(quoted), hex(inner.subarray(ETHERNET, ETHERNET + quoted.length)));
}

/** ICMPv6 "packet too big" about `inner`, to who sent it. */
function expectPacketTooBig(answer: Buffer, inner: Uint8Array, mtuBytes: number): void {
  const ip = ipOf(answer);
  assert.is(hex(answer.subarray(0, 6)), hex(inner.subarray(6, 12)), 'to the sender');
  assert.equal([ip.protocol, ip.destination], [58, 'fd00::2']);
  const icmp = answer.subarray(ETHERNET + ip.ipHeaderBytes);
  assert.equal([icmp[0], icmp[1]], [2, 0]);
  assert.is(icmp.readUInt32BE(4), mtuBytes);
  assert.ok(answer.length <= ETHERNET + 1280, 'no longer than any link takes');
  const quoted = icmp.subarray(8);
  assert.is(hex(quoted), hex(inner.subarray(ETHERNET, ETHERNET + quoted.length)));
}

for (const [remote, most, yaml] of [
  [REMOTE, MOST_OVER_4, ONLY_4],
  [REMOTE_6, MOST_OVER_6, BOTH],
] as const) {
  test(`VX-A27: ${most} bytes fill the underlay's MTU to ${remote}`, () => {
    for (const isIpv6 of [false, true]) {
      const to = withHost(yaml);
      const outcome = to.inject('p1', innerOf(most, remote, isIpv6));
      assert.is(hex(sentTunnel(outcome).inner), hex(innerOf(most, remote, isIpv6).bytes()));
      assert.is(outcome.sent[0]!.bytes.length, ETHERNET + UNDERLAY_MTU);
    }
  });

  for (const bytes of [most + 1, 1492]) {
    test(`VX-A27: ${bytes} bytes to ${remote} are answered, not sent`, () => {
      const four = innerOf(bytes, remote);
      expectFragmentationNeeded(answerIn(withHost(yaml).inject('p1', four)), four.bytes(), most);
      const six = innerOf(bytes, remote, true);
      expectPacketTooBig(answerIn(withHost(yaml).inject('p1', six)), six.bytes(), most);
    });
  }
}

test('VX-A27: a path that is known to take less is what counts', () => {
  const to = withHost(overlayYaml({ underlay: `vteps: [{ address: ${PEER}, mtuBytes: 1400 }]` }));
  assert.is(to.inject('p1', innerOf(1350)).sent[0]!.bytes.length, ETHERNET + 1400);
  const inner = innerOf(1351);
  expectFragmentationNeeded(answerIn(to.inject('p1', inner)), inner.bytes(), 1350);
  assert.is(to.inject('p1', innerOf(MOST_OVER_6, REMOTE_6)).sent.length, 1);
});

test('VX-A27: too long and no IP, or to a group: dropped in silence', () => {
  const to = withHost(overlayYaml({ overlay: 'bum: replicate', peers: [PEER] }));
  to.bridge.port(to.index('p2'), { Up: 0 });
  const frames = [
    eth(LOCAL, REMOTE).payload(1500),
    eth(LOCAL, BROADCAST).ipv4('10.0.0.2', '10.0.0.255', { isDf: true }).udp(1, 2).payload(1500),
    eth(LOCAL, '33:33:00:00:00:05').ipv6('fd00::2', 'ff02::5').udp(1, 2).payload(1500),
  ];
  for (const frame of frames) {
    const { sent, dropped } = to.inject('p1', frame);
    assert.equal(sent, []);
    assert.equal(
      dropped.map(({ reason }) => reason),
      ['TooBig'],
    );
  }
});

test('VX-A27: an IPv4 packet that may be cut travels in fragments of its own', () => {
  const inner = eth(LOCAL, REMOTE).ipv4('10.0.0.2', '10.0.0.3').udp(1, 2).payload(3000);
  const { sent, dropped } = withHost().inject('p1', inner);
  assert.equal(dropped, []);
  const parts = sent.map(frame => Buffer.from(openTunnel(frame.bytes).inner));
  assert.equal(
    parts.map(part => part.readUInt16BE(20)),
    [0x2000, 0x2000 | (1408 / 8), 2816 / 8], // behind 1430 bytes, what IPv6 leaves
  );
  const payload = Buffer.concat(parts.map(part => part.subarray(34)));
  assert.is(hex(payload), hex(inner.bytes().subarray(34)));
  for (const { bytes } of sent) assert.ok(bytes.length <= ETHERNET + UNDERLAY_MTU);
});

test('VX-A27: answers are limited, drops are not', () => {
  const to = withHost();
  let answers = 0;
  for (let i = 0; i < 1000; i++) {
    const { sent, dropped } = to.inject('p1', innerOf(1492));
    answers += sent.length;
    assert.is(dropped.length, 1);
  }
  assert.ok(answers >= 1 && answers < 500, `${answers} answers to 1000 frames in no time`);
});

test('VX-A27: an ICMP message about one of our packets lowers what the path takes', () => {
  const to = withHost(overlayYaml({ overlay: 'df: set', peers: [PEER] }));
  const { sent } = to.inject('p1', innerOf(MOST_OVER_4));
  const quoted = sent[0]!.bytes.slice(ETHERNET, ETHERNET + 128);
  const router = eth('02:99:0a:09:00:fe', '02:42:0a:09:00:01').ipv4('10.9.0.254', '10.9.0.1');
  to.inject(UNDERLAY, router.icmp(3, 4, 1300).payload(quoted));
  const inner = innerOf(1251);
  expectFragmentationNeeded(answerIn(to.inject('p1', inner)), inner.bytes(), 1250);
  assert.is(to.inject('p1', innerOf(1250)).sent[0]!.bytes.length, ETHERNET + 1300);
});

test('VX-A27: an offloaded frame is cut to fit, or answered when its segments do not', () => {
  const to = withHost(ONLY_4, { isClean: false }); // the quoted checksum is partial
  const frame = eth(LOCAL, REMOTE).ipv4('10.0.0.2', '10.0.0.3', { isDf: true }).tcp(1, 2);
  frame.payload(14000).partial();
  const offloadOf = (gsoBytes: number) =>
    virtio({
      flags: NEEDS_CHECKSUM,
      gsoType: GSO_TCP4,
      gsoBytes,
      headerBytes: frame.headerBytes,
      checksumStart: frame.l4At,
      checksumOffset: 16,
    });
  const { sent, dropped } = to.inject('p1', frame, { offload: offloadOf(1400) });
  assert.equal(dropped, []);
  assert.is(sent.length, 10);
  for (const { port, bytes } of sent) {
    assert.is(port, UNDERLAY);
    assert.ok(bytes.length <= ETHERNET + UNDERLAY_MTU);
  }
  const refused = to.inject('p1', frame, { offload: offloadOf(1460) });
  const answer = answerIn(refused);
  expectFragmentationNeeded(answer, frame.bytes(), MOST_OVER_4);
});

/** Frames that leave by the underlay, however they came in, are no longer than it takes. */
function expectShort(to: OverlaySwitch, port: string, frame: Uint8Array, checked = false): string {
  const { sent, dropped } = to.inject(port, frame, { checked });
  for (const { port, bytes } of sent) {
    if (port === UNDERLAY) assert.ok(bytes.length <= ETHERNET + UNDERLAY_MTU, 'too long');
    else assert.ok(bytes.length <= ETHERNET + 4 + UNDERLAY_MTU, `${bytes.length} to ${port}`);
  }
  return [...sent.map(one => `to ${one.port}`), ...dropped.map(one => one.reason)].join();
}

for (const name of ['gso-ipv4-vxlan-ipv4', 'gso-ipv6-vxlan-ipv6', 'bigtcp-ipv4-vxlan-ipv4']) {
  testWithShared(
    `pcaps/vxlan/tcpdump__${name}.pcap`,
    `VX-A34: ${name} is refused with a reason, never sent longer than the MTU`,
    path => {
      for (const frame of captureFrames(path)) {
        const isIpv6 = frame[12] === 0x86;
        const inner = frame.slice(isIpv6 ? 70 : 50);
        const to = OverlaySwitch.create(
          superYaml(frame, isIpv6).replace(/(p[12]): \{ /g, '$1: { mtuBytes: 1500, '),
          { isClean: false },
        );
        // Captured before a device cut it and finished its checksums: vouched for, we do that.
        const outside = [false, true].map(checked => expectShort(to, UNDERLAY, frame, checked));
        const fates = [...outside, expectShort(to, 'p1', inner)];
        console.log(`VX-A34: ${name}: ${frame.length} bytes: ${fates.join(', ')}`);
        assert.ok(
          fates.every(fate => /TooBig|Oversize|OuterMalformed|OuterChecksum|to p1/.test(fate)),
          fates.join(),
        );
      }
    },
  );
}

/** An underlay with the addresses of a captured frame. */
function superYaml(frame: Uint8Array, isIpv6: boolean): string {
  const ip = ipOf(Buffer.concat([frame.subarray(0, 14), fitted(frame, isIpv6)]));
  const { source, destination } = ip;
  return overlayYaml({ overlay: 'bum: replicate, learning: true', peers: [source] })
    .replace(/addresses: .*/, `addresses: ['${destination}/${isIpv6 ? 64 : 24}']`)
    .replace(/fdb: .*/, 'fdb: []')
    .replace('vni: 42', 'vni: 5001');
}

/** The IP packet with a length field that holds, for what is longer than one can say. */
function fitted(frame: Uint8Array, isIpv6: boolean): Buffer {
  const packet = Buffer.from(frame.slice(14, 14 + 60));
  if (isIpv6) packet.writeUInt16BE(20, 4);
  else packet.writeUInt16BE(60, 2);
  return packet;
}

test('all: tshark finds nothing wrong with what was sent', () => expectAllClean());

test.run();
