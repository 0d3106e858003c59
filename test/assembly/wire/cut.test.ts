/** Fragments of IPv4 packets: put together again they are the packet, RFC 791 §3.2. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { slowChecksum } from '../../support/checksum.js';
import { Frame, eth, fromHex, hex } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { tshark } from '../../support/tshark.js';
import { Unit } from '../../support/unit.js';

const random = seededRandom('cut');
const V4 = ['10.0.0.1', '10.0.0.2'] as const;
const CUT_BYTES = 64;
const DIRTY_BYTES = 0xa5;
const unit = Unit.create();

/** All fragments, in order. None: refused. */
function cut(frame: Frame | Uint8Array, mtu: number): Uint8Array[] {
  const bytes = frame instanceof Frame ? frame.bytes() : frame;
  unit.reset();
  const at = unit.place(bytes, 2);
  const state = unit.place(CUT_BYTES);
  const count = unit.call('openCut', state, at, bytes.length, mtu);
  const parts = Array.from({ length: count }, (_, i) => {
    const to = unit.place(mtu + 22, 2);
    const length = unit.call('writeCut', state, i, to);
    assert.is(unit.bytes[to + length], DIRTY_BYTES, 'written behind a fragment');
    return unit.read(to, length);
  });
  assert.is(hex(unit.read(at, bytes.length)), hex(bytes), 'the packet was changed');
  return parts;
}

interface Part {
  l2: string;
  header: Buffer;
  offset: number;
  hasMore: boolean;
  payload: Uint8Array;
}

function read(bytes: Uint8Array, l3: number): Part {
  const ip = Buffer.from(bytes.subarray(l3));
  const headerBytes = (ip[0]! & 15) * 4;
  assert.is(ip.readUInt16BE(2), ip.length, 'total length');
  assert.is(slowChecksum(ip.subarray(0, headerBytes)), 0, 'header checksum');
  const word = ip.readUInt16BE(6);
  return {
    l2: hex(bytes.subarray(0, l3)),
    header: ip.subarray(0, headerBytes),
    offset: (word & 0x1fff) * 8,
    hasMore: (word & 0x2000) !== 0,
    payload: ip.subarray(headerBytes),
  };
}

/** Checks that fragments are those of `frame`, and no longer than the MTU. */
function expectParts(parts: Uint8Array[], frame: Uint8Array, l3: number, mtu: number): void {
  const whole = read(frame, l3);
  let offset = whole.offset;
  parts.forEach((bytes, i) => {
    assert.ok(bytes.length - 14 <= mtu, 'longer than the MTU');
    const part = read(bytes, l3);
    assert.is(part.l2, whole.l2);
    assert.is(part.offset, offset);
    assert.is(part.hasMore, i + 1 < parts.length || whole.hasMore);
    const same = [1, 4, 5, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19]; // TOS, id, TTL, protocol, IPs
    assert.equal(
      same.map(at => part.header[at]),
      same.map(at => whole.header[at]),
    );
    offset += part.payload.length;
  });
  const together = Buffer.concat(parts.map(bytes => read(bytes, l3).payload));
  assert.is(hex(together), hex(whole.payload));
}

test('cut: a datagram of 1500 bytes for a path of 1400', () => {
  const frame = eth(1, 2)
    .ipv4(...V4, { id: 0xbeef })
    .udp(1, 2)
    .payload(1472)
    .bytes();
  const parts = cut(frame, 1400);
  expectParts(parts, frame, 14, 1400);
  assert.equal(
    parts.map(part => part.length),
    [14 + 20 + 1376, 14 + 20 + 104],
  );
  assert.is(hex(parts[1]!.subarray(14, 24)), '4500007cbeef00ac4011');
});

test('cut: any packet, any MTU, with tags and options', () => {
  for (let i = 0; i < 400; i++) {
    const tags = random(3);
    const frame = eth(1, 2);
    for (let n = 0; n < tags; n++) frame.vlan(1 + random(4000));
    const options = new Uint8Array(4 * random(11)).fill(1);
    frame.ipv4(...V4, { id: random(65536), options }).udp(random(65536), random(65536));
    const bytes = frame.payload(random(3000)).bytes();
    // A header of 60 bytes and one unit of payload fit, RFC 791 §3.2, behind the tags.
    const mtu = 68 + 4 * tags + random(1500);
    const parts = cut(bytes, mtu);
    if (bytes.length - 14 <= mtu) assert.equal(parts, []);
    else expectParts(parts, bytes, frame.l3At, mtu);
  }
});

test('cut: a fragment is cut again, in the middle and at the end', () => {
  const whole = eth(1, 2)
    .ipv4(...V4)
    .udp(1, 2)
    .payload(4000)
    .bytes();
  const parts = cut(whole, 1500).flatMap(part => {
    const again = cut(part, 576);
    if (again.length > 0) expectParts(again, part, 14, 576);
    return again.length > 0 ? again : [part];
  });
  expectParts(parts, whole, 14, 576);
});

test('cut: the longest packet there is', () => {
  const frame = eth(1, 2)
    .ipv4(...V4)
    .udp(1, 2)
    .payload(65507)
    .bytes();
  expectParts(cut(frame, 1500), frame, 14, 1500);
});

test('cut: later fragments have the options with the copied flag, padded', () => {
  // No operation, record route (not copied), security (copied, 11 bytes), end.
  const security = '820b' + '01'.repeat(9);
  const options = fromHex('01' + '070704' + '00000000' + security + '00');
  const frame = eth(1, 2)
    .ipv4(...V4, { options })
    .udp(1, 2)
    .payload(200)
    .bytes();
  const parts = cut(frame, 120);
  expectParts(parts, frame, 14, 120);
  const [first, ...later] = parts.map(part => hex(read(part, 14).header.subarray(20)));
  assert.is(first, hex(options));
  assert.ok(later.length > 0);
  for (const copied of later) assert.is(copied, `${security}00`);
});

test('cut: what forbids it, is short enough, or is not sound is refused', () => {
  const frame = (): Buffer =>
    Buffer.from(
      eth(1, 2)
        .ipv4(...V4)
        .udp(1, 2)
        .payload(400)
        .bytes(),
    );
  const patched = (at: number, ...bytes: number[]): Buffer => {
    const changed = frame();
    changed.set(bytes, at);
    changed.writeUInt16BE(0, 24);
    changed.writeUInt16BE(slowChecksum(changed.subarray(14, 34)), 24);
    return changed;
  };
  assert.is(cut(patched(20, 0, 0), 200).length, 3);
  assert.equal(cut(patched(20, 0x40, 0), 200), []); // DF
  assert.equal(cut(frame(), 428), []);
  assert.is(cut(frame(), 427).length, 2);
  assert.equal(cut(frame(), 27), []);
  assert.is(cut(frame(), 28).length, 51);
  assert.equal(cut(patched(20, 0x1f, 0xff), 200), []); // beyond 65535
  assert.equal(cut(eth(1, 2).ipv6('::1', '::2').udp(1, 2).payload(400), 200), []);
  const wrong = frame();
  wrong[24]! ^= 1;
  assert.equal(cut(wrong, 200), []);
  for (const options of ['0701', '82ff', '0100']) {
    const bad = eth(1, 2).ipv4(...V4, { options: fromHex(`0101${options}`) });
    const isSound = options === '0100';
    assert.is(cut(bad.udp(1, 2).payload(400), 200).length > 0, isSound, options);
  }
  for (let length = 14; length < 428; length++) {
    assert.equal(cut(frame().subarray(0, length), 28), [], `cut off at ${length}`);
  }
});

test('cut: tshark finds nothing wrong, and puts the datagrams together', () => {
  const frames = [
    eth(1, 2)
      .ipv4(...V4, { id: 1 })
      .udp(1, 2)
      .payload(1472),
    eth(1, 2)
      .ipv4(...V4, { id: 2 })
      .tcp(1, 2)
      .payload(3000),
  ].flatMap(frame => cut(frame, 600));
  const faults = tshark(frames);
  if (faults === undefined) return;
  assert.equal(faults, []);
  const lengths = tshark(frames, { filter: 'ip.fragments', fields: ['ip.reassembled.length'] });
  assert.equal(lengths, ['1480', '3020']);
});

test.run();
