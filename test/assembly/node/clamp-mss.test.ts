/** The MSS of a SYN: lowered where it is too large, and nothing else is changed. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LONG_OPTIONS, OPTIONS, extended, fragmentOf } from '../../support/extension.js';
import { Frame, eth, fromHex, hex } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { tshark } from '../../support/tshark.js';
import { Unit } from '../../support/unit.js';

const random = seededRandom('clamp-mss');
const V4 = ['10.0.0.1', '10.0.0.2'] as const;
const V6 = ['2001:db8::1', '2001:db8::2'] as const;
const SYN = 0x02;
const SYN_ACK = 0x12;
const MTU = 1400;

const unit = Unit.create();

/** The frame after; what the call returns must agree. */
function clamped(frame: Frame | Uint8Array, mtu = MTU, isPartial = false): Uint8Array {
  const bytes = frame instanceof Frame ? frame.bytes() : frame;
  unit.reset();
  const at = unit.place(bytes, 2);
  const isChanged = unit.call('clamp', at, bytes.length, mtu, +isPartial);
  const after = unit.read(at, bytes.length);
  assert.is(isChanged === 1, hex(after) !== hex(bytes), 'what it returns');
  return after;
}

function expectClamped(before: Frame | Uint8Array, after: Frame | Uint8Array, mtu = MTU): void {
  const bytes = after instanceof Frame ? after.bytes() : after;
  assert.is(hex(clamped(before, mtu)), hex(bytes));
}

const mss = (value: number): string => `0204${value.toString(16).padStart(4, '0')}`;
const syn4 = (options: string, flags = SYN): Frame =>
  eth(1, 2)
    .ipv4(...V4)
    .tcp(1000, 80, { flags, options: fromHex(options) });
const syn6 = (options: string, flags = SYN): Frame =>
  eth(1, 2)
    .ipv6(...V6)
    .tcp(1000, 80, { flags, options: fromHex(options) });

test('clamp-mss: a SYN and a SYN-ACK are lowered to the MTU less 40 or 60', () => {
  for (const flags of [SYN, SYN_ACK]) {
    expectClamped(syn4(mss(1460), flags), syn4(mss(1360), flags));
    expectClamped(syn6(mss(1440), flags), syn6(mss(1340), flags));
  }
});

test('clamp-mss: it is never raised', () => {
  for (const value of [0, 536, 1359, 1360]) expectClamped(syn4(mss(value)), syn4(mss(value)));
  expectClamped(syn4(mss(1361)), syn4(mss(1360)));
  expectClamped(syn6(mss(1340)), syn6(mss(1340)));
});

test('clamp-mss: a segment that opens nothing stays', () => {
  for (const flags of [0x10, 0x18, 0x04, 0x11]) {
    expectClamped(syn4(mss(1460), flags), syn4(mss(1460), flags));
  }
});

test('clamp-mss: a SYN without the option stays', () => {
  for (const options of ['', '01010101', '0402080a0000000100000000' + '01030307', '00000000']) {
    expectClamped(syn4(options), syn4(options));
  }
});

test('clamp-mss: the option is found anywhere, at odd places too', () => {
  const rests = [
    '',
    '01',
    '0101',
    '010101',
    '0402',
    '030307',
    '080a0000000100000000',
    '050a' + '00'.repeat(8),
  ];
  for (let i = 0; i < 300; i++) {
    const [before, behind] = [rests[random(8)]!, rests[random(8)]!];
    const optionsOf = (value: number): string => {
      const options = before + mss(value) + behind;
      return options + '01'.repeat((4 - ((options.length / 2) % 4)) % 4);
    };
    const value = random(65536);
    const expected = Math.min(value, 1360);
    expectClamped(syn4(optionsOf(value)), syn4(optionsOf(expected)));
    expectClamped(syn6(optionsOf(value)), syn6(optionsOf(Math.min(value, 1340))));
  }
});

test('clamp-mss: what is behind the end of options is no option', () => {
  expectClamped(syn4('0101' + '00' + '01' + mss(1460)), syn4('0101' + '00' + '01' + mss(1460)));
});

test('clamp-mss: options that are not sound stay as they are', () => {
  for (const options of [
    mss(1460) + '08000101', // no length
    mss(1460) + '08010101', // less than kind and length
    mss(1460) + '01010108', // the length is cut off
    mss(1460) + '010108ff', // longer than the header
    '020605b401010101', // an MSS of 4 bytes
    '020305b4', // of one
  ]) {
    expectClamped(syn4(options), syn4(options));
  }
});

test('clamp-mss: tags, IP options and extension headers are passed over', () => {
  const tagged = (value: number): Frame => {
    const frame = eth(1, 2)
      .vlan(9, { tpid: 0x88a8 })
      .vlan(7)
      .ipv4(...V4);
    return frame.tcp(1, 2, { flags: SYN, options: fromHex(mss(value)) });
  };
  expectClamped(tagged(1460), tagged(1352)); // tags take 8 bytes
  const optioned = (value: number): Frame => {
    const frame = eth(1, 2).ipv4(...V4, { options: new Uint8Array(8).fill(1) });
    return frame.tcp(1, 2, { flags: SYN, options: fromHex(mss(value)) });
  };
  expectClamped(optioned(1460), optioned(1360));
  const chain = [OPTIONS, LONG_OPTIONS];
  const [before, after] = [syn6(mss(1440)), syn6(mss(1340))].map(frame => frame.bytes());
  expectClamped(extended(before!, chain), extended(after!, chain));
});

test('clamp-mss: of a partial checksum, which has no options in it, nothing is changed', () => {
  const after = clamped(syn4(mss(1460)).partial(), MTU, true);
  assert.is(hex(after), hex(syn4(mss(1360)).partial().bytes()));
});

test('clamp-mss: a later fragment, and what is no TCP, stays', () => {
  const fragment = Buffer.from(syn4(mss(1460)).bytes());
  fragment.set([0x00, 0xb9], 20);
  expectClamped(fragment, fragment);
  const later = extended(syn6(mss(1440)).bytes(), [fragmentOf(185, 0)]);
  expectClamped(later, later);
  const udp = eth(1, 2)
    .ipv4(...V4)
    .udp(1, 2)
    .payload(syn4(mss(1460)).bytes());
  expectClamped(udp, udp);
  const arp = eth(1, 2)
    .type(0x0806)
    .payload(syn4(mss(1460)).bytes().subarray(14));
  expectClamped(arp, arp);
});

test('clamp-mss: an MTU that headers fill clamps nothing', () => {
  for (const mtu of [0, 20, 40]) expectClamped(syn4(mss(1460)), syn4(mss(1460)), mtu);
  expectClamped(syn4(mss(1460)), syn4(mss(1)), 41);
});

test('clamp-mss: a frame cut anywhere stays, and nothing behind it is touched', () => {
  for (const frame of [
    syn4(mss(1460)),
    syn6(mss(1440)),
    extended(syn6(mss(1440)).bytes(), [OPTIONS]),
  ]) {
    const bytes = frame instanceof Frame ? frame.bytes() : frame;
    for (let length = 14; length < bytes.length; length++) {
      unit.reset();
      const at = unit.place(bytes, 2);
      assert.is(unit.call('clamp', at, length, MTU, 0), 0);
      assert.is(hex(unit.read(at, bytes.length)), hex(bytes));
    }
  }
});

test('clamp-mss: tshark finds the checksums right', () => {
  const frames = [syn4(mss(1460)), syn4('01' + mss(9000) + '010101'), syn6(mss(1440))].map(frame =>
    clamped(frame),
  );
  const faults = tshark(frames);
  if (faults === undefined) return;
  assert.equal(faults, []);
  const seen = tshark(frames, { filter: 'tcp', fields: ['tcp.options.mss_val'] });
  assert.equal(seen, ['1360', '1360', '1340']);
});

test.run();
