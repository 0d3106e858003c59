/**
 * IPv4, UDP, TCP and ICMP headers: known bytes are read right, the same bytes are written
 * into a dirty buffer, and each length short of a header is refused.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { slowChecksum } from '../../support/checksum.js';
import { eth, fromHex, hex } from '../../support/frame.js';
import { Unit } from '../../support/unit.js';

const SOURCE = 0xc0000201; // 192.0.2.1
const TARGET = 0xc6336407; // 198.51.100.7
/** TOS 0xb9, 1500 bytes, id 0xbeef, DF, TTL 17, UDP. */
const IPV4 = '45b905dcbeef40001111' + 'b82c' + 'c0000201' + 'c6336407';

function readFields(name: string, bytes: Uint8Array, count: number, ...more: number[]): number[] {
  const unit = Unit.create();
  const out = unit.place(4 * count);
  unit.call(name, unit.place(bytes, 2), ...more, out);
  return unit.readWords(out, count);
}

function emitted(name: string, length: number, fields: number[], ...more: number[]): string {
  const unit = Unit.create();
  const at = unit.place(length, 2);
  unit.call(name, at, ...more, unit.placeWords(fields));
  assert.is(unit.bytes[at - 1], 0xa5, 'written before the header');
  assert.is(unit.bytes[at + length], 0xa5, 'written behind the header');
  return hex(unit.read(at, length));
}

test('ipv4: known bytes are read', () => {
  const fields = readFields('readIpv4', fromHex(IPV4), 11);
  assert.equal(fields, [20, 0xb9, 1500, 0xbeef, 0x4000, 17, 17, SOURCE, TARGET, 0, 1]);
});

test('ipv4: the same bytes are written', () => {
  const identity = (0xbeef * 65536 + 0x4000) >>> 0;
  const fields = [0xb9, 1500, identity, 17, 17, SOURCE, TARGET];
  assert.is(emitted('emitIpv4', 20, fields), IPV4);
});

test('ipv4: a fragment tells its place in bytes', () => {
  const bytes = fromHex(IPV4);
  bytes.set([0x20, 0xb9], 6);
  const fields = readFields('readIpv4', bytes, 11);
  assert.is(fields[4], 0x20b9);
  assert.is(fields[9], 0xb9 * 8);
});

test('ipv4: a header with any bit flipped does not add up', () => {
  const options = Uint8Array.from([7, 7, 4, 1, 2, 3, 4, 0]);
  const frame = eth(1).ipv4('192.0.2.1', '198.51.100.7', { options }).udp(1, 2).bytes();
  const header = frame.subarray(14, 42);
  assert.is(readFields('readIpv4', header, 11)[10], 1);
  for (let bit = 0; bit < header.length * 8; bit++) {
    const bad = Uint8Array.from(header);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    const isRight = slowChecksum(bad.subarray(0, Math.max(20, (bad[0]! & 15) * 4))) === 0;
    if (bit >= 4) assert.is(isRight, false); // the length decides what is summed
    if ((bad[0]! & 15) * 4 <= header.length)
      assert.is(readFields('readIpv4', bad, 11)[10], isRight ? 1 : 0, `bit ${bit}`);
  }
});

test('ipv4: each length short of the packet is refused, padding is not counted', () => {
  const unit = Unit.create();
  const packet = eth(1).ipv4('192.0.2.1', '198.51.100.7').udp(1, 2).payload(5).bytes().slice(14);
  const at = unit.place(Buffer.concat([packet, new Uint8Array(9)]));
  for (let length = 0; length <= packet.length + 9; length++) {
    const expected = length < packet.length ? 0 : packet.length;
    assert.is(unit.call('ipv4Bytes', at, length), expected, `length ${length}`);
  }
});

test('ipv4: a wrong version, a short header and a header beyond the total are refused', () => {
  const unit = Unit.create();
  const bytesOf = (first: number, total: number): number => {
    const bytes = fromHex(IPV4 + '00'.repeat(60));
    bytes[0] = first;
    bytes.set([total >> 8, total & 0xff], 2);
    return unit.call('ipv4Bytes', unit.place(bytes), bytes.length);
  };
  assert.equal(
    [0x45, 0x46, 0x4f].map(first => bytesOf(first, 60)),
    [60, 60, 60],
  );
  assert.equal(
    [0x40, 0x44, 0x55, 0x65, 0x05].map(first => bytesOf(first, 60)),
    [0, 0, 0, 0, 0],
  );
  assert.equal(
    [19, 20, 80, 81].map(total => bytesOf(0x45, total)),
    [0, 20, 80, 0],
  );
  assert.equal(
    [23, 24].map(total => bytesOf(0x46, total)),
    [0, 24],
  );
});

test('udp: known bytes are read, the same are written', () => {
  const bytes = 'c00112b5003e8765';
  assert.equal(readFields('readUdp', fromHex(bytes), 4), [0xc001, 4789, 62, 0x8765]);
  assert.is(emitted('emitUdp', 8, [0xc001, 4789, 62]), 'c00112b5003e0000');
});

test('tcp: known bytes are read', () => {
  const bytes = fromHex('0050c0de' + '89abcdef' + '01234567' + '80d2' + 'fedc' + 'abcd' + '1234');
  const expected = [80, 0xc0de, 0x89abcdef, 0x01234567, 32, 0xd2, 0xfedc, 0xabcd, 0x1234];
  assert.equal(readFields('readTcp', bytes, 9), expected);
});

test('tcp: the same bytes are written', () => {
  const fields = [0x0050c0de, 0x89abcdef, 0x01234567, 0x12, 0xfedc];
  const expected = '0050c0de' + '89abcdef' + '01234567' + '5012' + 'fedc' + '0000' + '0000';
  assert.is(emitted('emitTcp', 20, fields), expected);
});

test('tcp: each length short of the header, and each short header, is refused', () => {
  const unit = Unit.create();
  const at = unit.place(fromHex('00'.repeat(60)));
  for (let words = 0; words < 16; words++) {
    unit.bytes[at + 12] = words << 4;
    for (let length = 0; length <= 60; length++) {
      const expected = words < 5 || 4 * words > length ? 0 : 4 * words;
      assert.is(unit.call('tcpHeaderBytes', at, length), expected, `${words} in ${length}`);
    }
  }
});

test('icmp: known bytes are read, and each bit counts in the sum', () => {
  const bytes = fromHex('0304' + '0000' + '00000578' + '4500002100');
  Buffer.from(bytes.buffer).writeUInt16BE(slowChecksum(bytes), 2);
  const checksum = (bytes[2]! << 8) | bytes[3]!;
  const read = (of: Uint8Array): number[] => readFields('readIcmp', of, 6, of.length);
  assert.equal(read(bytes), [3, 4, checksum, 1400, 1, 1]);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const bad = Uint8Array.from(bytes);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    assert.is(read(bad)[5], 0, `bit ${bit}`);
  }
});

test('icmp: the same bytes are written, the sum over all of the message', () => {
  const message = Buffer.from(fromHex('0304' + '0000' + '00000578' + 'a5a5a5a5a5'));
  message.writeUInt16BE(slowChecksum(message), 2);
  const unit = Unit.create();
  const at = unit.place(13, 2);
  unit.call('emitIcmp', at, 13, unit.placeWords([3, 4, 1400]));
  assert.is(hex(unit.read(at, 13)), hex(message));
});

test('icmp: errors are told from questions, RFC 1122 §3.2.2', () => {
  const errors = Array.from({ length: 256 }, (_, type) => type).filter(
    type => readFields('readIcmp', Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0), 6, 8)[4] === 1,
  );
  assert.equal(errors, [3, 4, 5, 11, 12]);
});

test.run();
