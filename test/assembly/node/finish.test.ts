/**
 * Partial checksums: completed for ports without the offload, passed on with their header
 * to ports with it. What the builder computes is what the core must come to.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TxFlag } from '../../../assembly/abi.js';
import { expectDropped, expectSent } from '../../support/expect.js';
import { Frame, eth, hex } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { TestSwitch, type Outcome } from '../../support/test-switch.js';
import {
  DATA_VALID,
  GSO_TCP4,
  GSO_TCP6,
  GSO_UDP,
  NEEDS_CHECKSUM,
  offloadOf,
  readVirtio,
  virtio,
  type Virtio,
} from '../../support/virtio.js';

const random = seededRandom('finish');
const V4 = ['10.0.0.1', '10.0.0.2'] as const;
const V6 = ['2001:db8::1', '2001:db8::2'] as const;

/** The same frame twice: as a device with offload gets it, and as it must be on a wire. */
function pair(make: () => Frame, isUdp: boolean) {
  const partial = make().partial();
  return { partial, offload: offloadOf(partial, isUdp), whole: make() };
}

const randomBytes = (length: number) => Uint8Array.from({ length }, () => random(256));
const udp4 = (payload: Uint8Array | number = 100) =>
  eth(1)
    .ipv4(...V4)
    .udp(1, 2)
    .payload(payload);
const tcp6 = (payload: Uint8Array | number = 100) =>
  eth(1)
    .ipv6(...V6)
    .tcp(1, 2)
    .payload(payload);

test('finish: random partial checksums come out as a slow reference has them', () => {
  const bridge = TestSwitch.create({ ports: 2 });
  for (let i = 0; i < 2000; i++) {
    const payload = randomBytes(random(i % 10 === 0 ? 4000 : 200));
    const isUdp = random(2) === 0;
    const vids = Array.from({ length: random(3) }, () => random(4095));
    const isV6 = random(2) === 0;
    const make = () => {
      const frame = eth(1);
      for (const vid of vids) frame.vlan(vid);
      if (isV6) frame.ipv6(...V6);
      else frame.ipv4(...V4, { options: new Uint8Array(4 * random(1)) });
      return (isUdp ? frame.udp(7, 8) : frame.tcp(7, 8)).payload(payload);
    };
    const { partial, offload, whole } = pair(make, isUdp);
    const outcome = bridge.inject(1, partial, { offload });
    expectSent(outcome, [2], whole);
    assert.is(outcome.sent[0]!.txFlags, 0);
  }
});

test('finish: a UDP checksum that comes to zero is sent as 0xffff', () => {
  // A checksum of zero is that of a payload word which is what the sum lacks.
  const lacking = Buffer.from(udp4(Uint8Array.of(0, 0)).bytes()).readUInt16BE(14 + 20 + 6);
  const word = Uint8Array.of(lacking >> 8, lacking);
  const { partial, offload } = pair(() => udp4(word), true);
  const [sent] = TestSwitch.create({ ports: 2 }).inject(1, partial, { offload }).sent;
  assert.is(Buffer.from(sent!.bytes).readUInt16BE(14 + 20 + 6), 0xffff);
});

test('finish: a port with the offload gets frame and header as they came', () => {
  const { partial, offload } = pair(() => udp4(), true);
  const outcome = TestSwitch.create({ ports: 2 })
    .port(2, { Offload: 1 })
    .inject(1, partial, { offload });
  expectSent(outcome, [2], partial);
  assert.is(outcome.sent[0]!.txFlags, TxFlag.Offload);
  assert.is(hex(outcome.sent[0]!.virtio!), hex(offload));
});

test('finish: a header that asks for nothing leaves the frame alone', () => {
  const stray = { checksumStart: 60000, checksumOffset: 60000, gsoBytes: 9 };
  for (const header of [{}, { flags: DATA_VALID }, { flags: DATA_VALID, ...stray }, stray]) {
    const outcome = TestSwitch.create().inject(1, udp4(), { offload: virtio(header) });
    expectSent(outcome, [2, 3], udp4());
  }
});

/** What each port must have got: the finished frame, or the partial one with a header. */
function expectEach(outcome: Outcome, expected: Record<number, Frame>, start?: number): void {
  const sent = Object.fromEntries(outcome.sent.map(({ port, bytes }) => [port, hex(bytes)]));
  const frames = Object.entries(expected).map(([port, frame]) => [port, hex(frame.bytes())]);
  assert.equal(sent, Object.fromEntries(frames));
  for (const { virtio: header } of outcome.sent) {
    if (header && start !== undefined) assert.is(readVirtio(header).checksumStart, start);
  }
}

test('finish: a flood gives each port the form it takes, whatever the order', () => {
  const { partial, offload, whole } = pair(() => udp4(), true);
  for (const capable of [[2], [3], [4], [2, 3], [2, 4], [3, 4], [2, 3, 4]]) {
    const bridge = TestSwitch.create({ ports: 4 });
    for (const port of capable) bridge.port(port, { Offload: 1 });
    const expected = [2, 3, 4].map(port => [port, capable.includes(port) ? partial : whole]);
    expectEach(bridge.inject(1, partial, { offload }), Object.fromEntries(expected), partial.l4At);
  }
});

/** Port 1 a trunk of VLAN 10; 2 to 5 untagged, of which `capable` have the offload. */
function accessPorts(capable: number[]): TestSwitch {
  const bridge = TestSwitch.create({ ports: 5 }).vlans(0, [10]).tagged(1, 10);
  for (const port of [2, 3, 4, 5]) {
    bridge.untagged(port, 10).port(port, { Pvid: 10, Offload: capable.includes(port) ? 1 : 0 });
  }
  return bridge;
}

test('finish: untagged copies of one flood each have a right checksum of their own', () => {
  const tagged = pair(
    () =>
      eth(1)
        .vlan(10)
        .ipv4(...V4)
        .udp(1, 2)
        .payload(99),
    true,
  );
  const bare = pair(
    () =>
      eth(1)
        .ipv4(...V4)
        .udp(1, 2)
        .payload(99),
    true,
  );
  for (const capable of [[], [2], [3], [4, 5], [2, 4], [3, 5], [2, 3, 4, 5]]) {
    const outcome = accessPorts(capable).inject(1, tagged.partial, { offload: tagged.offload });
    const form = (port: number) => (capable.includes(port) ? bare.partial : bare.whole);
    const expected = Object.fromEntries([2, 3, 4, 5].map(port => [port, form(port)]));
    expectEach(outcome, expected, bare.partial.l4At);
  }
});

test('finish: a tag put on moves the start of the checksum', () => {
  const bare = pair(() => tcp6(), false);
  const tagged = pair(
    () =>
      eth(1)
        .vlan(10)
        .ipv6(...V6)
        .tcp(1, 2)
        .payload(100),
    false,
  );
  const bridge = accessPorts([3]).port(1, { Offload: 1 });
  const outcome = bridge.inject(2, bare.partial, { offload: bare.offload });
  const [trunk] = outcome.sent;
  assert.is(hex(trunk!.bytes), hex(tagged.partial.bytes()));
  assert.equal(readVirtio(trunk!.virtio!), readVirtio(tagged.offload));
  assert.is(hex(outcome.sent[1]!.bytes), hex(bare.partial.bytes()));
  assert.is(hex(outcome.sent[2]!.bytes), hex(bare.whole.bytes()));
});

test('finish: a frame longer than the port takes is dropped as Oversize', () => {
  const { partial, offload } = pair(() => udp4(600), true);
  const bridge = TestSwitch.create({ ports: 2 }).port(2, { MtuBytes: 500 });
  expectDropped(bridge.inject(1, partial, { offload }), 'Oversize', 2);
  bridge.port(2, { Offload: 1 });
  expectDropped(bridge.inject(1, partial, { offload }), 'Oversize', 2);
});

test('finish: without room for a copy the port that needs one goes without', () => {
  const { partial, offload, whole } = pair(() => udp4(2000), true);
  const bridge = TestSwitch.create({ ports: 3, capacities: { CopyBytes: 0 } });
  const outcome = bridge.inject(1, partial, { offload });
  assert.equal(outcome.sent, []);
  assert.equal(
    outcome.dropped.map(({ port, reason }) => [port, reason]),
    [
      [2, 'NoBuffer'],
      [3, 'NoBuffer'],
    ],
  );
  bridge.inject(2, eth(2));
  expectSent(
    bridge.inject(
      1,
      pair(
        () =>
          eth(1, 2)
            .ipv4(...V4)
            .udp(1, 2),
        true,
      ).partial,
      { offload },
    ),
    [2],
    eth(1, 2)
      .ipv4(...V4)
      .udp(1, 2),
  );
  assert.ok(whole);
});

/** Headers that contradict a frame of 142 bytes, whose layer 3 is at 14 or, tagged, at 18. */
const BAD: [string, Virtio, Virtio?][] = [
  ['a checksum field behind the end', { checksumStart: 34, checksumOffset: 107 }],
  ['a checksum start behind the end', { checksumStart: 1000 }],
  ['the last possible start', { checksumStart: 65535, checksumOffset: 65535 }],
  ['a start in the addresses', { checksumStart: 0 }],
  ['a start in the type', { checksumStart: 13 }],
  ['an unknown segmentation', { gsoType: 2, gsoBytes: 10, checksumStart: 34 }],
  ['old UDP fragmentation', { gsoType: 3, gsoBytes: 10, checksumStart: 34 }],
  ['segments of no bytes', { gsoType: GSO_UDP, checksumStart: 34, checksumOffset: 6 }],
  ['segments without a checksum', { flags: 0, gsoType: GSO_TCP4, gsoBytes: 10 }],
  [
    'headers behind the end',
    { gsoType: GSO_TCP6, gsoBytes: 10, checksumStart: 34, headerBytes: 143 },
  ],
  [
    'headers before layer 4',
    { gsoType: GSO_TCP4, gsoBytes: 10, checksumStart: 34, headerBytes: 20 },
  ],
];

for (const [what, header] of BAD) {
  test(`finish: a virtio header with ${what} is dropped as BadOffload`, () => {
    const offload = virtio({ flags: NEEDS_CHECKSUM, ...header });
    expectDropped(TestSwitch.create().inject(1, udp4(), { offload }), 'BadOffload', 1);
  });
}

test('finish: a checksum start inside the tags is dropped as BadOffload', () => {
  const tagged = () =>
    eth(1)
      .vlan(10)
      .ipv4(...V4)
      .udp(1, 2)
      .payload(100);
  for (let checksumStart = 0; checksumStart < 18; checksumStart++) {
    const offload = virtio({ flags: NEEDS_CHECKSUM, checksumStart });
    expectDropped(accessPorts([]).inject(1, tagged(), { offload }), 'BadOffload', 1);
  }
});

test('finish: a start so late that a tag would wrap it is dropped as BadOffload', () => {
  const long = eth(1).payload(65530);
  for (const checksumStart of [65535, 65530, 65472]) {
    const offload = virtio({ flags: NEEDS_CHECKSUM, checksumStart });
    expectDropped(accessPorts([]).inject(2, long, { offload }), 'BadOffload', 2);
  }
});

test('finish: a TCP checksum of zero leaves as zero', () => {
  const frame = eth(1)
    .ipv4('10.0.0.1', '10.0.0.2')
    .tcp(1000, 2000, { sequence: 11449 })
    .payload('ab')
    .partial();
  const offload = virtio({ flags: NEEDS_CHECKSUM, checksumStart: 34, checksumOffset: 16 });
  const { sent } = TestSwitch.create({ ports: 2 }).batch([{ port: 1, frame, offload }]);
  assert.is(Buffer.from(sent[0]!.bytes).readUInt16BE(50), 0);
});

test.run();
