/** Sums against one word at a time, RFC 1071 §4.1, at every length and alignment. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { slowChecksum, slowSum } from '../../support/checksum.js';
import { fromHex } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { Unit } from '../../support/unit.js';

const random = seededRandom('checksum');
const LONGEST = 65558;
const UDP = 17;

/** Random bytes, often all ones or all zeros: where carries and signs go wrong. */
function randomBytes(length: number): Uint8Array {
  const kind = random(4);
  if (kind === 0) return new Uint8Array(length).fill(0xff);
  if (kind === 1) return Uint8Array.from({ length }, () => (random(9) === 0 ? random(256) : 0));
  return Uint8Array.from({ length }, () => random(256));
}

test('checksum: the example of RFC 1071 §3', () => {
  const unit = Unit.create();
  const bytes = fromHex('0001f203f4f5f6f7');
  assert.is(unit.call('checksumAt', unit.place(bytes), 8), ~0xddf2 & 0xffff);
});

test('checksum: every length up to 300 at every alignment', () => {
  const unit = Unit.create();
  for (let length = 0; length <= 300; length++) {
    const bytes = randomBytes(length);
    const at = unit.place(bytes, length % 17);
    assert.is(unit.call('checksumAt', at, length), slowChecksum(bytes), `length ${length}`);
    unit.reset();
  }
});

test('checksum: long frames, and ones that make every sum as large as it gets', () => {
  const unit = Unit.create();
  const lengths = [1460, 1500, 65535, LONGEST, ...Array.from({ length: 40 }, () => random(65536))];
  for (const length of lengths) {
    for (const bytes of [randomBytes(length), new Uint8Array(length).fill(0xff)]) {
      const at = unit.place(bytes, random(64));
      assert.is(unit.call('checksumAt', at, length), slowChecksum(bytes), `length ${length}`);
      unit.reset();
    }
  }
});

test('checksum: more than one run of vectors does not run over', () => {
  const unit = Unit.create('test', 4 << 20);
  for (const fill of [0xff, 0x00, 0x7f, 0x80]) {
    const length = (3 << 19) + 77;
    const bytes = new Uint8Array(length).fill(fill);
    assert.is(unit.call('checksumAt', unit.place(bytes), length), slowChecksum(bytes));
    unit.reset();
  }
});

test('checksum: parts add up, wherever the cut is', () => {
  const unit = Unit.create();
  for (let i = 0; i < 300; i++) {
    const bytes = randomBytes(random(200));
    const cut = random(bytes.length + 1);
    const first = unit.place(bytes.subarray(0, cut), random(16));
    const second = unit.place(bytes.subarray(cut), random(16));
    const got = unit.call('checksumOfParts', first, cut, second, bytes.length - cut);
    assert.is(got, slowChecksum(bytes), `${bytes.length} bytes cut at ${cut}`);
    unit.reset();
  }
});

test('checksum: pseudo headers of both families are part of the sum', () => {
  const unit = Unit.create();
  for (let i = 0; i < 200; i++) {
    const isV6 = i % 2 === 0;
    const header = randomBytes(isV6 ? 40 : 20);
    const body = randomBytes(random(300));
    const pseudo = Buffer.concat([
      header.subarray(isV6 ? 8 : 12),
      Uint8Array.of(0, UDP, body.length >> 8, body.length & 0xff),
    ]);
    const expected = slowChecksum(body, slowSum(pseudo));
    const values = [unit.place(header), isV6 ? 1 : 0, unit.place(body), body.length, UDP];
    assert.is(unit.call('transportChecksum', ...values), expected);
    unit.reset();
  }
});

test('checksum: an update gives what computing anew gives', () => {
  const unit = Unit.create();
  for (let i = 0; i < 2000; i++) {
    const bytes = randomBytes(2 * (2 + random(20)));
    const width = random(2) === 0 ? 2 : 4;
    const at = 2 * random((bytes.length - width) / 2 + 1);
    const changed = Uint8Array.from(bytes);
    changed.set(randomBytes(width), at);
    if (changed.every(byte => byte === 0)) continue; // the one case that may differ
    const word = (of: Uint8Array): number => Buffer.from(of).readUIntLE(at, width);
    const little = (checksum: number): number => ((checksum & 0xff) << 8) | (checksum >> 8);
    const old = little(slowChecksum(bytes));
    const got = unit.call('updatedChecksum', old, word(bytes), word(changed));
    assert.is(got, little(slowChecksum(changed)));
  }
});

test('checksum: the update of RFC 1624 §4 that RFC 1141 gets wrong', () => {
  const little = (word: number): number => ((word & 0xff) << 8) | (word >> 8);
  const got = Unit.create().call('updatedChecksum', little(0xdd2f), little(0x5555), little(0x3285));
  assert.is(got, little(0x0000));
});

test('checksum: release and test build agree', () => {
  const [fast, slow] = [Unit.create('release'), Unit.create()];
  for (const length of [0, 1, 31, 32, 33, 1460, 65535]) {
    const bytes = randomBytes(length);
    const sums = [fast, slow].map(unit => unit.call('checksumAt', unit.place(bytes), length));
    assert.is(sums[0], sums[1]);
  }
});

test.run();
