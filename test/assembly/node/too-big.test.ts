/**
 * Answers to packets that are too long: the whole message is compared with one built here,
 * and who is never told is tried one by one.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CoreCounter } from '../../../assembly/abi.js';
import { slowChecksum, slowSum } from '../../support/checksum.js';
import { OPTIONS, extended, fragmentOf } from '../../support/extension.js';
import { Frame, eth, hex } from '../../support/frame.js';
import { tshark } from '../../support/tshark.js';
import { UnitCore } from '../../support/unit-core.js';

const V4 = ['10.0.0.1', '10.0.0.2'] as const;
const V6 = ['2001:db8::1', '2001:db8::2'] as const;
const MTU = 1400;
const L4 = { ipv4: 34, ipv6: 54 };

const shared = UnitCore.create();

/** A core whose port has not heard of anything for a while. */
function rested(): UnitCore {
  shared.nowMs += 1000;
  return shared;
}

/** What leaves when `frame` is too long for `mtu`: nothing, or one message. */
function answer(
  frame: Frame | Uint8Array,
  { mtu = MTU, from, core = rested() }: Partial<Options> = {},
): Uint8Array | undefined {
  const bytes = frame instanceof Frame ? frame.bytes() : frame;
  const { unit } = core.open();
  unit.reset();
  const at = unit.place(bytes, 2);
  const speaker = from === undefined ? 0 : unit.place(from, 1);
  const copies = core.counter(CoreCounter.Copies);
  const isTold = unit.call('tellTooBig', core.address, at, bytes.length, mtu, speaker);
  const sent = core.sent();
  assert.is(sent.length, isTold);
  assert.is(core.counter(CoreCounter.Copies) - copies, isTold);
  assert.is(hex(unit.read(at, bytes.length)), hex(bytes), 'the packet was changed');
  if (isTold === 1) assert.is(sent[0]!.port, 0);
  return sent[0]?.bytes;
}

interface Options {
  mtu: number;
  from: Uint8Array;
  core: UnitCore;
}

/** The Ethernet header with its tags, turned round. */
function turned(bytes: Uint8Array, l3: number): Uint8Array {
  return Buffer.concat([bytes.subarray(6, 12), bytes.subarray(0, 6), bytes.subarray(12, l3)]);
}

/** RFC 1191 §4. */
function fragmentationNeeded(frame: Uint8Array, l3: number, mtu: number, from?: Uint8Array) {
  const ip = frame.subarray(l3);
  const quoted = ip.subarray(0, Math.min(548, Buffer.from(ip).readUInt16BE(2)));
  const icmp = Buffer.concat([Uint8Array.of(3, 4, 0, 0, 0, 0, mtu >> 8, mtu & 255), quoted]);
  icmp.writeUInt16BE(slowChecksum(icmp), 2);
  const head = Buffer.from('45c000000000400040010000', 'hex');
  head.writeUInt16BE(20 + icmp.length, 2);
  const header = Buffer.concat([head, from ?? ip.subarray(16, 20), ip.subarray(12, 16)]);
  header.writeUInt16BE(slowChecksum(header), 10);
  return Buffer.concat([turned(frame, l3), header, icmp]);
}

/** RFC 4443 §3.2. */
function packetTooBig(frame: Uint8Array, l3: number, mtu: number, from?: Uint8Array) {
  const ip = frame.subarray(l3);
  const quoted = ip.subarray(0, Math.min(1232, ip.length));
  const icmp = Buffer.concat([Uint8Array.of(2, 0, 0, 0, 0, 0, mtu >> 8, mtu & 255), quoted]);
  const addresses = Buffer.concat([from ?? ip.subarray(24, 40), ip.subarray(8, 24)]);
  const length = Uint8Array.of(0, 58, icmp.length >> 8, icmp.length & 255);
  icmp.writeUInt16BE(slowChecksum(icmp, slowSum(Buffer.concat([addresses, length]))), 2);
  const head = Uint8Array.of(0x60, 0, 0, 0, icmp.length >> 8, icmp.length & 255, 58, 64);
  return Buffer.concat([turned(frame, l3), head, addresses, icmp]);
}

const long4 = (): Frame =>
  eth(1, 2)
    .ipv4(...V4)
    .tcp(1000, 80)
    .payload(1460);
const long6 = (): Frame =>
  eth(1, 2)
    .ipv6(...V6)
    .tcp(1000, 80)
    .payload(1440);

function expectAnswer(got: Uint8Array | undefined, expected: Uint8Array): void {
  assert.is(hex(got ?? new Uint8Array()), hex(expected));
}

test('too-big: the sender of an IPv4 packet is told the MTU and quoted', () => {
  const frame = long4().bytes();
  expectAnswer(answer(frame), fragmentationNeeded(frame, 14, MTU));
});

test('too-big: so is the sender of an IPv6 packet', () => {
  const frame = long6().bytes();
  expectAnswer(answer(frame), packetTooBig(frame, 14, MTU));
});

test('too-big: a packet shorter than the quote is quoted whole, padding is not', () => {
  const short = eth(1, 2)
    .ipv4(...V4)
    .udp(1, 2)
    .payload(272)
    .bytes();
  const padded = Buffer.concat([short, new Uint8Array(50)]);
  expectAnswer(answer(padded, { mtu: 299 }), fragmentationNeeded(short, 14, 299));
});

test('too-big: tags stay on the answer, and take their part of the MTU', () => {
  const tagged = eth(1, 2)
    .vlan(7, { priority: 3 })
    .ipv4(...V4)
    .udp(1, 2)
    .payload(1472)
    .bytes();
  expectAnswer(answer(tagged), fragmentationNeeded(tagged, 18, MTU - 4));
  const twice = eth(1, 2)
    .vlan(9, { tpid: 0x88a8 })
    .vlan(7)
    .ipv6(...V6)
    .udp(1, 2);
  const bytes = twice.payload(1452).bytes();
  expectAnswer(answer(bytes), packetTooBig(bytes, 22, MTU - 8));
});

test('too-big: an address of ours speaks where there is one', () => {
  const from4 = Uint8Array.of(192, 0, 2, 1);
  const frame = long4().bytes();
  expectAnswer(answer(frame, { from: from4 }), fragmentationNeeded(frame, 14, MTU, from4));
  const from6 = Uint8Array.from({ length: 16 }, (_, i) => 0x20 + i);
  const frame6 = long6().bytes();
  expectAnswer(answer(frame6, { from: from6 }), packetTooBig(frame6, 14, MTU, from6));
});

test('too-big: no MTU below what hosts believe is told', () => {
  const frame = long4().bytes();
  expectAnswer(answer(frame, { mtu: 0 }), fragmentationNeeded(frame, 14, 68));
  const frame6 = long6().bytes();
  expectAnswer(answer(frame6, { mtu: 600 }), packetTooBig(frame6, 14, 1280));
});

test('too-big: nobody is told that a packet is too long which is not', () => {
  const frame = eth(1, 2)
    .ipv4(...V4)
    .udp(1, 2)
    .payload(1372); // 1400 bytes
  assert.is(answer(frame), undefined);
  assert.ok(answer(frame, { mtu: 1399 }));
  const frame6 = eth(1, 2)
    .ipv6(...V6)
    .udp(1, 2)
    .payload(1352);
  assert.is(answer(frame6), undefined);
  assert.ok(answer(frame6, { mtu: 1399 }));
});

/** `frame` with bytes written at `at`; an IPv4 header's checksum is put right. */
function patched(frame: Frame, at: number, ...bytes: number[]): Uint8Array {
  const changed = Buffer.from(frame.bytes());
  changed.set(bytes, at);
  if (changed.readUInt16BE(12) === 0x0800) {
    changed.writeUInt16BE(0, 24);
    changed.writeUInt16BE(slowChecksum(changed.subarray(14, 34)), 24);
  }
  return changed;
}

const ICMP = 1;
const ICMP6 = 58;
const icmp4 = (type: number): Uint8Array => {
  const bytes = patched(long4(), 23, ICMP);
  bytes[L4.ipv4] = type;
  return bytes;
};
const icmp6 = (type: number): Uint8Array => {
  const bytes = patched(long6(), 20, ICMP6);
  bytes[L4.ipv6] = type;
  return bytes;
};

test('too-big: nobody is told about frames and packets to groups', () => {
  assert.is(
    answer(
      eth(1)
        .ipv4(...V4)
        .udp(1, 2)
        .payload(1472),
    ),
    undefined,
  );
  assert.is(
    answer(
      eth(1, '01:00:5e:00:00:01')
        .ipv4(...V4)
        .udp(1, 2)
        .payload(1472),
    ),
    undefined,
  );
  for (const ip of ['224.0.0.1', '255.255.255.255', '240.0.0.1', '0.0.0.0']) {
    assert.is(answer(eth(1, 2).ipv4(V4[0], ip).udp(1, 2).payload(1472)), undefined);
  }
  assert.is(answer(eth(1, 2).ipv6(V6[0], 'ff02::1').udp(1, 2).payload(1472)), undefined);
});

test('too-big: nor anybody that is no one station', () => {
  for (const ip of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255']) {
    assert.is(answer(eth(1, 2).ipv4(ip, V4[1]).udp(1, 2).payload(1472)), undefined);
  }
  for (const ip of ['::', 'ff02::1']) {
    assert.is(answer(eth(1, 2).ipv6(ip, V6[1]).udp(1, 2).payload(1472)), undefined);
  }
  assert.is(
    answer(
      eth('01:00:00:00:00:01', 2)
        .ipv4(...V4)
        .udp(1, 2)
        .payload(1472),
    ),
    undefined,
  );
});

test('too-big: errors are not answered by errors, questions are', () => {
  for (const type of [3, 4, 5, 11, 12]) assert.is(answer(icmp4(type)), undefined, `${type}`);
  for (const type of [0, 8, 13]) assert.ok(answer(icmp4(type)), `${type}`);
  for (const type of [1, 2, 3, 4, 127, 137]) assert.is(answer(icmp6(type)), undefined, `${type}`);
  for (const type of [128, 129, 135]) assert.ok(answer(icmp6(type)), `${type}`);
  const behind = extended(icmp6(1), [OPTIONS]);
  assert.is(answer(behind), undefined);
});

test('too-big: only the first fragment is answered', () => {
  assert.ok(answer(patched(long4(), 20, 0x20, 0x00)));
  assert.is(answer(patched(long4(), 20, 0x20, 0x01)), undefined);
  assert.is(answer(patched(long4(), 20, 0x00, 0xb9)), undefined);
  assert.ok(answer(extended(long6().bytes(), [fragmentOf(0, 1)])));
  assert.is(answer(extended(long6().bytes(), [fragmentOf(1, 1)])), undefined);
});

test('too-big: a header that does not add up, or is cut, is answered by nobody', () => {
  const wrong = long4().bytes();
  wrong[24]! ^= 1;
  assert.is(answer(wrong), undefined);
  const [frame, frame6] = [long4().bytes(), long6().bytes()];
  for (let length = 14; length < 120; length++) {
    assert.is(answer(frame.subarray(0, length), { mtu: 20 }), undefined);
    assert.is(answer(frame6.subarray(0, length), { mtu: 20 }), undefined);
  }
  assert.is(answer(eth(1, 2).type(0x0806).payload(1500)), undefined);
});

test('too-big: a port hears fifty at once, then a hundred a second', () => {
  const core = UnitCore.create();
  const told = (): number => {
    let count = 0;
    for (let i = 0; i < 200; i++) if (answer(long4(), { core })) count++;
    return count;
  };
  assert.is(told(), 50);
  core.nowMs += 100;
  assert.is(told(), 10);
  core.nowMs += 9;
  assert.is(told(), 0);
  core.nowMs += 1;
  assert.is(told(), 1);
  core.nowMs = (core.nowMs + 1e9) >>> 0;
  assert.is(told(), 50);
});

test('too-big: without room for the answer there is none', () => {
  const core = UnitCore.create('test', { CopyBytes: 256 });
  assert.is(answer(long4(), { core }), undefined);
});

test('too-big: tshark finds every answer sound', () => {
  const frames = [
    long4(),
    long6(),
    eth(1, 2)
      .vlan(7)
      .ipv4(...V4)
      .udp(1, 2)
      .payload(1472),
    eth(1, 2)
      .vlan(7)
      .ipv6(...V6)
      .udp(1, 2)
      .payload(1472),
  ].map(frame => answer(frame)!);
  // tshark sums quoted segments as if they were whole, so those are left out.
  const wrong = ['ip', 'icmp', 'icmpv6'].map(name => `${name}.checksum.status==0`);
  const faults = tshark(frames, { filter: [...wrong, '_ws.malformed'].join('||') });
  if (faults === undefined) return;
  assert.equal(faults, []);
  const fields = ['icmp.type', 'icmp.code', 'icmp.mtu', 'icmpv6.type', 'icmpv6.mtu'];
  const seen = tshark(frames, { filter: 'icmp || icmpv6', fields });
  assert.equal(seen, ['3\t4\t1400\t\t', '\t\t\t2\t1400', '3\t4\t1396\t\t', '\t\t\t2\t1396']);
});

test.run();
