/**
 * Segmentation in software: every segment of an offloaded frame is the frame that a sender
 * without offload would have made. The builder makes those; the core's are compared whole.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CoreCounter, TxFlag, BATCH_SEGMENTS } from '../../../assembly/abi.js';
import { expectDropped } from '../../support/expect.js';
import { Frame, eth, hex } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { TestSwitch } from '../../support/test-switch.js';
import { GSO_TCP4, GSO_TCP6, GSO_UDP, offloadOf, readVirtio } from '../../support/virtio.js';

const random = seededRandom('segment');
const FIN = 0x01;
const PSH = 0x08;
const ACK = 0x10;
const CWR = 0x80;
const V4 = ['10.0.0.1', '10.0.0.2'] as const;
const V6 = ['2001:db8::1', '2001:db8::2'] as const;

interface Shape {
  isV6: boolean;
  isUdp: boolean;
  vids: number[];
  payload: number;
  each: number;
  id: number;
  sequence: number;
  flags: number;
  ipOptions: number;
  tcpOptions: number;
}

const PLAIN: Shape = {
  isV6: false,
  isUdp: false,
  vids: [],
  payload: 5000,
  each: 1448,
  id: 100,
  sequence: 1000,
  flags: ACK,
  ipOptions: 0,
  tcpOptions: 12,
};

/** The frame, or segment `index` of it, with the bytes of the payload from `from` on. */
function frameOf(
  shape: Shape,
  from = 0,
  to = shape.payload,
  index = 0,
  flags = shape.flags,
): Frame {
  const frame = eth(1);
  for (const vid of shape.vids) frame.vlan(vid);
  const id = (shape.id + index) & 0xffff;
  if (shape.isV6) frame.ipv6(...V6);
  else frame.ipv4(...V4, { id, options: new Uint8Array(shape.ipOptions).fill(1) });
  const sequence = (shape.sequence + from) >>> 0;
  const options = new Uint8Array(shape.tcpOptions).fill(1);
  if (shape.isUdp) frame.udp(5000, 6000);
  else frame.tcp(5000, 6000, { sequence, flags, options });
  return frame.payload(Uint8Array.from({ length: to - from }, (_, i) => ((from + i) * 31) >> 3));
}

function gsoTypeOf({ isUdp, isV6 }: Shape): number {
  return isUdp ? GSO_UDP : isV6 ? GSO_TCP6 : GSO_TCP4;
}

/** What a sender without offload sends: RFC 9293 for TCP, a datagram each for UDP. */
function segmentsOf(shape: Shape): string[] {
  const count = Math.max(1, Math.ceil(shape.payload / shape.each));
  return Array.from({ length: count }, (_, index) => {
    const from = index * shape.each;
    const to = Math.min(from + shape.each, shape.payload);
    let flags = shape.flags;
    if (index > 0) flags &= ~CWR;
    if (index < count - 1) flags &= ~(FIN | PSH);
    return hex(frameOf(shape, from, to, index, flags).bytes());
  });
}

function inject(bridge: TestSwitch, shape: Shape, gsoType = gsoTypeOf(shape)) {
  const frame = frameOf(shape).partial();
  return bridge.inject(1, frame, { offload: offloadOf(frame, shape.isUdp, gsoType, shape.each) });
}

function expectSegments(shape: Shape): void {
  const outcome = inject(TestSwitch.create({ ports: 2 }), shape);
  assert.equal(outcome.dropped, []);
  const sent = outcome.sent.map(({ bytes }) => hex(bytes));
  assert.equal(sent, segmentsOf(shape));
  for (const { port, txFlags } of outcome.sent) assert.equal([port, txFlags], [2, 0]);
}

for (const isV6 of [false, true]) {
  for (const isUdp of [false, true]) {
    const name = `${isUdp ? 'UDP' : 'TCP'} over ${isV6 ? 'IPv6' : 'IPv4'}`;
    test(`segment: ${name} is cut into what a sender would send`, () => {
      expectSegments({ ...PLAIN, isV6, isUdp });
      expectSegments({ ...PLAIN, isV6, isUdp, vids: [10] });
      expectSegments({ ...PLAIN, isV6, isUdp, vids: [10, 20] });
    });
  }
}

test('segment: flags go where they belong, and numbers wrap', () => {
  const flags = FIN | PSH | ACK | CWR;
  expectSegments({ ...PLAIN, flags });
  expectSegments({ ...PLAIN, flags, payload: 1448 });
  expectSegments({ ...PLAIN, flags, payload: 1449 });
  expectSegments({ ...PLAIN, flags, payload: 0 });
  expectSegments({ ...PLAIN, sequence: 0xfffffff0, id: 0xffff });
});

test('segment: random frames are cut as a sender would', () => {
  for (let i = 0; i < 400; i++) {
    expectSegments({
      isV6: random(2) === 0,
      isUdp: random(2) === 0,
      vids: Array.from({ length: random(3) }, () => 1 + random(4094)),
      payload: random(i % 20 === 0 ? 60000 : 6000),
      each: 100 + random(1500),
      id: random(65536),
      sequence: random(2 ** 32),
      flags: random(256),
      ipOptions: 4 * random(11),
      tcpOptions: 4 * random(11),
    });
  }
});

test('segment: a port with the offload gets the frame whole', () => {
  const outcome = inject(
    TestSwitch.create({ ports: 2 }).port(2, { Offload: 1, MtuBytes: 1500 }),
    PLAIN,
  );
  const [sent] = outcome.sent;
  assert.is(hex(sent!.bytes), hex(frameOf(PLAIN).partial().bytes()));
  assert.is(sent!.txFlags, TxFlag.Offload);
  assert.is(readVirtio(sent!.virtio!).gsoBytes, 1448);
});

test('segment: a flood cuts for the ports that need it and for no other', () => {
  const bridge = TestSwitch.create({ ports: 4 }).port(3, { Offload: 1 });
  const outcome = inject(bridge, PLAIN);
  const to = (port: number) =>
    outcome.sent.filter(sent => sent.port === port).map(s => hex(s.bytes));
  assert.equal(to(2), segmentsOf(PLAIN));
  assert.equal(to(3), [hex(frameOf(PLAIN).partial().bytes())]);
  assert.equal(to(4), segmentsOf(PLAIN));
  assert.is(bridge.core.coreCounter(CoreCounter.Copies), 8n);
});

test('segment: tags put on or taken off are on every segment', () => {
  const bridge = TestSwitch.create({ ports: 4 }).vlans(0, [10]).tagged(1, 10).tagged(2, 10);
  bridge.untagged(3, 10).untagged(4, 10).port(3, { Pvid: 10 });
  const tagged = { ...PLAIN, vids: [10] };
  const outcome = inject(bridge, tagged);
  const to = (port: number) =>
    outcome.sent.filter(sent => sent.port === port).map(s => hex(s.bytes));
  assert.equal(to(2), segmentsOf(tagged));
  assert.equal(to(3), segmentsOf(PLAIN));
  assert.equal(to(4), segmentsOf(PLAIN));
});

test('segment: a segment longer than the port takes is dropped as Oversize', () => {
  const bridge = TestSwitch.create({ ports: 2 }).port(2, { MtuBytes: 1400 });
  expectDropped(inject(bridge, PLAIN), 'Oversize', 2);
});

test('segment: a last segment shorter than allowed for is measured as it is', () => {
  const bridge = TestSwitch.create({ ports: 2 }).port(2, { MtuBytes: 1400 });
  const short = { ...PLAIN, payload: 100 };
  assert.equal(
    inject(bridge, short).sent.map(({ bytes }) => hex(bytes)),
    segmentsOf(short),
  );
});

test('segment: a segment longer than an IP packet can be is dropped as BadOffload', () => {
  const long = { ...PLAIN, payload: 65492, each: 65535 };
  expectDropped(inject(TestSwitch.create({ ports: 2 }), long), 'BadOffload', 2);
  expectSegments({ ...long, payload: 65535 - 20 - 20 - 12 });
});

test('segment: what does not fit the copies is one drop, what did is sent', () => {
  const bridge = TestSwitch.create({ ports: 2, capacities: { CopyBytes: 4096 } });
  const outcome = inject(bridge, PLAIN);
  assert.equal(
    outcome.sent.map(({ bytes }) => hex(bytes)),
    segmentsOf(PLAIN).slice(0, 2),
  );
  assert.equal(outcome.dropped, [{ port: 2, reason: 'NoBuffer', origin: 0 }]);
});

test('segment: a batch makes a bounded number of segments', () => {
  const bridge = TestSwitch.create({ ports: 2, capacities: { CopyBytes: 1 << 22 } });
  const outcome = inject(bridge, { ...PLAIN, payload: 60000, each: 1 });
  assert.is(outcome.sent.length, BATCH_SEGMENTS);
  assert.equal(outcome.dropped, [{ port: 2, reason: 'NoBuffer', origin: 0 }]);
  assert.is(inject(bridge, PLAIN).sent.length, 4, 'the next batch starts anew');
});

/** Changes to a frame that contradict its virtio header. */
const CONTRADICTIONS: [string, (frame: Buffer) => void][] = [
  ['another IP version', frame => (frame[14] = 0x65)],
  ['no IP version', frame => (frame[14] = 0x05)],
  ['a shorter IPv4 header', frame => (frame[14] = 0x44)],
  ['a longer IPv4 header', frame => (frame[14] = 0x46)],
  ['another protocol', frame => (frame[23] = 17)],
  ['an IPv4 fragment', frame => (frame[20] = 0x20)],
  ['a TCP header of 4 words', frame => (frame[14 + 20 + 12] = 0x40)],
];

for (const [what, change] of CONTRADICTIONS) {
  test(`segment: a TCP frame with ${what} is dropped as BadOffload`, () => {
    const frame = frameOf({ ...PLAIN, tcpOptions: 0 }).partial();
    const offload = offloadOf(frame, false, GSO_TCP4, 1000);
    const bytes = Buffer.from(frame.bytes());
    change(bytes);
    const outcome = TestSwitch.create({ ports: 2 }).inject(1, Uint8Array.from(bytes), { offload });
    expectDropped(outcome, 'BadOffload', 2);
  });
}

test('segment: a header of the other kind is dropped as BadOffload', () => {
  for (const [shape, gsoType] of [
    [PLAIN, GSO_TCP6],
    [{ ...PLAIN, isV6: true }, GSO_TCP4],
    [PLAIN, GSO_UDP],
    [{ ...PLAIN, isUdp: true }, GSO_TCP4],
    [{ ...PLAIN, isUdp: true, isV6: true }, GSO_TCP6],
  ] as const) {
    expectDropped(inject(TestSwitch.create({ ports: 2 }), shape, gsoType), 'BadOffload', 2);
  }
});

test('segment: a frame cut at any length of its headers never traps', () => {
  const frame = frameOf({ ...PLAIN, vids: [10], payload: 30 }).partial();
  const offload = offloadOf(frame, false, GSO_TCP4, 10);
  for (let length = 0; length <= frame.bytes().length; length++) {
    TestSwitch.create({ ports: 2 }).inject(1, frame.bytes().slice(0, length), { offload });
  }
});

test.run();
