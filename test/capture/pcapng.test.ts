import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Readable } from 'node:stream';
import { CaptureError, type CaptureInput } from '../../src/capture/index.js';
import { readAll, type ReadResult } from '../support/capture-core.js';
import { Blocks, frame, temporaryFile } from '../support/capture-bytes.js';

const LITTLE = new Blocks();
const BIG = new Blocks(true);
const DATA = frame(61, 1);
const SECOND_NS = 1_000_000_000n;
const RESOLUTION = 9;
const OFFSET = 14;

function read(blocks: Buffer[], options: Partial<CaptureInput> = {}): Promise<ReadResult> {
  return readAll([{ name: temporaryFile(Buffer.concat(blocks)), port: 1, ...options }]);
}

function reasonOf({ error }: ReadResult): string {
  assert.instance(error, CaptureError);
  return `${(error as CaptureError).offset}: ${(error as CaptureError).reason}`;
}

/** Stamp of one packet with `ticks` on an interface with these options. */
async function stampOf(ticks: bigint, ...options: Buffer[]): Promise<bigint> {
  const blocks = [LITTLE.section(), LITTLE.interface(options), LITTLE.enhanced(0, ticks, DATA)];
  const { packets, error } = await read(blocks);
  assert.is(error, undefined);
  return packets[0].stampNs;
}

function resolution(value: number): Buffer {
  return LITTLE.option(RESOLUTION, Buffer.from([value]));
}

function offset(seconds: bigint, blocks = LITTLE): Buffer {
  const bytes = Buffer.alloc(8);
  if (blocks.isBig) bytes.writeBigInt64BE(seconds);
  else bytes.writeBigInt64LE(seconds);
  return blocks.option(OFFSET, bytes);
}

for (const blocks of [LITTLE, BIG]) {
  const order = blocks.isBig ? 'big endian' : 'little endian';
  test(`pcapng: enhanced, obsolete and simple packets, ${order}`, async () => {
    const { packets, error } = await read([
      blocks.section(),
      blocks.interface(),
      blocks.enhanced(0, 5_000_000n, DATA),
      blocks.obsolete(0, 6_000_000n, frame(60, 2)),
      blocks.simple(62, frame(62, 3)),
    ]);
    assert.is(error, undefined);
    assert.equal(
      packets.map(p => p.stampNs),
      [5n * SECOND_NS, 6n * SECOND_NS, 6n * SECOND_NS],
    );
    assert.equal(
      packets.map(p => p.data),
      [DATA, frame(60, 2), frame(62, 3)],
    );
  });

  test(`pcapng: if_tsoffset shifts the stamps, ${order}`, async () => {
    const { packets } = await read([
      blocks.section(),
      blocks.interface([offset(-2n, blocks)]),
      blocks.enhanced(0, 5_000_000n, DATA),
    ]);
    assert.is(packets[0].stampNs, 3n * SECOND_NS);
  });
}

test('pcapng: byte order may change from section to section', async () => {
  const { packets, error } = await read([
    ...[LITTLE.section(), LITTLE.interface(), LITTLE.enhanced(0, 1n, DATA)],
    ...[BIG.section(2), BIG.interface(), BIG.enhanced(0, 2n, DATA)],
    ...[LITTLE.section(), LITTLE.interface(), LITTLE.enhanced(0, 3n, DATA)],
  ]);
  assert.is(error, undefined);
  assert.equal(
    packets.map(p => p.stampNs),
    [1000n, 2000n, 3000n],
  );
});

test('pcapng: resolutions of powers of ten', async () => {
  assert.is(await stampOf(7n, resolution(0)), 7n * SECOND_NS);
  assert.is(await stampOf(7n, resolution(3)), 7_000_000n);
  assert.is(await stampOf(7n, resolution(9)), 7n);
  assert.is(await stampOf(7_999n, resolution(12)), 7n);
  assert.is(await stampOf(12345678901234567890n, resolution(19)), 1234567890n);
});

test('pcapng: resolutions of powers of two', async () => {
  assert.is(await stampOf(7n, resolution(0x80)), 7n * SECOND_NS);
  assert.is(await stampOf(3n, resolution(0x81)), 1_500_000_000n);
  assert.is(await stampOf((5n << 32n) + (1n << 31n), resolution(0x80 + 32)), 5_500_000_000n);
  assert.is(await stampOf((1n << 62n) + (1n << 61n), resolution(0x80 + 63)), 750_000_000n);
});

test('pcapng: stamps are cut to what 63 bits of nanoseconds hold', async () => {
  const last = (1n << 63n) - 1n;
  assert.is(await stampOf((1n << 64n) - 1n, resolution(6)), last);
  assert.is(await stampOf((1n << 64n) - 1n, resolution(9)), last);
  assert.is(await stampOf((1n << 64n) - 1n, resolution(0x80)), last);
  assert.is(await stampOf(1n, resolution(9), offset(1n << 60n)), last);
  assert.is(await stampOf(1n, resolution(9), offset(-(1n << 60n))), 0n);
});

test('pcapng: a simple packet is as long as the snapshot length of interface 0', async () => {
  const { packets, truncated } = await read([
    LITTLE.section(),
    LITTLE.interface([], 1, 40),
    LITTLE.simple(1500, frame(40, 1)),
  ]);
  assert.is(packets[0].data.length, 40);
  assert.is(packets[0].original, 1500);
  assert.is(truncated, 1);
});

test('pcapng: unknown blocks are passed over', async () => {
  const skipped = [0x0000000a, 0x00000bad, 4, 5, 0x40000bad, 0x80000001];
  const { packets, error } = await read([
    LITTLE.section(),
    LITTLE.block(0x0bad, frame(32, 0)),
    LITTLE.interface(),
    ...skipped.flatMap(type => [LITTLE.block(type, frame(16, type)), LITTLE.enhanced(0, 1n, DATA)]),
  ]);
  assert.is(error, undefined);
  assert.is(packets.length, skipped.length);
});

test('pcapng: interfaces get their ports by name', async () => {
  const named = (name: string): Buffer => LITTLE.interface([LITTLE.option(2, Buffer.from(name))]);
  const blocks = [
    ...[LITTLE.section(), named('web'), named('db'), LITTLE.interface()],
    ...[LITTLE.enhanced(1, 1n, DATA), LITTLE.enhanced(0, 2n, DATA), LITTLE.enhanced(2, 3n, DATA)],
    ...[LITTLE.section(), named('db'), LITTLE.enhanced(0, 4n, DATA)],
  ];
  const seen: string[] = [];
  const { packets } = await read(blocks, {
    portOf: ({ index, name, linkType }) => {
      seen.push(`${index} ${name} ${linkType}`);
      return ['db', 'web'].indexOf(name) + 10;
    },
  });
  assert.equal(
    packets.map(p => p.port),
    [10, 11, 9, 10],
  );
  assert.equal(seen, ['0 web 1', '1 db 1', '2  1', '0 db 1']);
});

test('pcapng: outbound packets are passed over if asked', async () => {
  for (const blocks of [LITTLE, BIG]) {
    const flags = (value: number): Buffer => blocks.option(2, blocks.bytes().u32(value).done());
    const comment = blocks.option(1, Buffer.from('why'));
    const file = [
      ...[blocks.section(), blocks.interface()],
      blocks.enhanced(0, 1n, DATA, [comment, flags(1)]),
      blocks.enhanced(0, 2n, DATA, [comment, flags(2)]),
      blocks.enhanced(0, 3n, DATA),
    ];
    assert.is((await read(file)).packets.length, 3);
    const { packets } = await read(file, { skipOutbound: true });
    assert.equal(
      packets.map(p => p.stampNs),
      [1000n, 3000n],
    );
  }
});

test('pcapng: a packet of an interface that is not Ethernet is refused when it comes', async () => {
  const start = [LITTLE.section(), LITTLE.interface(), LITTLE.interface([], 113)];
  const fine = LITTLE.enhanced(0, 1n, DATA);
  const whole = await read([...start, fine, fine]);
  assert.is(whole.error, undefined);
  const { packets, error } = await read([...start, fine, LITTLE.enhanced(1, 2n, DATA), fine]);
  assert.is(packets.length, 1);
  const at = Buffer.concat([...start, fine]).length;
  assert.match(error?.message ?? '', `offset ${at}: link type 113 (LINUX_SLL) of interface 1 is`);
});

const HEAD = [LITTLE.section(), LITTLE.interface()];
const AT = Buffer.concat(HEAD).length;

/** A block with four bytes of it replaced. */
function patched(block: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(block);
  copy.writeUInt32LE(value, at < 0 ? block.length + at : at);
  return copy;
}

const PACKET = LITTLE.enhanced(0, 1n, DATA);
const BAD: [string, Buffer, string][] = [
  ['a block length under 12', patched(PACKET, 4, 8), 'impossible length of 8 bytes'],
  ['a block length that is not padded', patched(PACKET, 4, 95), 'impossible length of 95 bytes'],
  ['two block lengths that differ', patched(PACKET, -4, 44), 'length 96 and ends with length 44'],
  ['an endless block', patched(PACKET, 4, 0xfffffff0), 'record of 4294967280 bytes is longer than'],
  ['a packet longer than its block', patched(PACKET, 20, 65), 'packet claims 65 bytes, its block'],
  [
    'an unknown interface',
    patched(PACKET, 8, 1),
    'packet of interface 1, the section has 1 so far',
  ],
  ['a packet block too short', LITTLE.block(6, frame(16, 0)), 'impossible length of 28 bytes'],
  ['a simple block too short', LITTLE.block(3, frame(0, 0)), 'impossible length of 12 bytes'],
  ['an interface block too short', LITTLE.block(1, frame(4, 0)), 'impossible length of 16 bytes'],
  [
    'a section block too short',
    LITTLE.block(0x0a0d0d0a, Buffer.from('4d3c2b1a', 'hex')),
    'length of 16',
  ],
  ['a byte-order magic', patched(LITTLE.section(), 8, 0x11223344), 'byte-order magic 0x11223344'],
  ['a version', patched(LITTLE.section(), 12, 2), 'format version 2.0 is not read'],
  [
    'an option beyond its block',
    patched(LITTLE.interface([resolution(6)]), 16, 0x00060002),
    'option 2',
  ],
  [
    'a resolution of two bytes',
    LITTLE.interface([LITTLE.option(9, frame(2, 0))]),
    'option 9 has a wrong',
  ],
  [
    'an offset of four bytes',
    LITTLE.interface([LITTLE.option(14, frame(4, 0))]),
    'option 14 has a wrong',
  ],
  ['a resolution of 10^-28', LITTLE.interface([resolution(28)]), 'if_tsresol 0x1c is out of range'],
  ['a resolution of 2^-64', LITTLE.interface([resolution(0x80 + 64)]), 'if_tsresol 0xc0 is out'],
];

for (const [name, block, reason] of BAD) {
  test(`pcapng: ${name} is refused`, async () => {
    const result = await read([...HEAD, PACKET, block, PACKET]);
    assert.is(result.packets.length, 1);
    assert.match(reasonOf(result), `${AT + PACKET.length}: `);
    assert.match(reasonOf(result), reason);
  });
}

test('pcapng: more interfaces than the table holds are refused', async () => {
  const interfaces = Array.from({ length: 5 }, () => LITTLE.interface());
  const result = await read([LITTLE.section(), ...interfaces], { interfaceLimit: 4 });
  assert.is(reasonOf(result), '108: more than 4 interfaces in one section');
});

test('pcapng: cut at any byte gives the whole packets and then the place of the cut', async () => {
  const blocks = [...HEAD, PACKET, BIG.section(), BIG.interface(), BIG.simple(9, frame(9, 1))];
  const whole = Buffer.concat(blocks);
  const starts = blocks.map((_, i) => Buffer.concat(blocks.slice(0, i)).length);
  for (let cut = 0; cut < whole.length; cut++) {
    const bytes = whole.subarray(0, cut);
    const stream = Readable.from(cut === 0 ? [] : [bytes]);
    const fromFile = await read([bytes]);
    const fromStream = await readAll([{ name: 'input', port: 1, stream }]);
    assert.is(fromFile.packets.length, cut < starts[3] ? 0 : 1);
    assert.is(fromStream.packets.length, fromFile.packets.length);
    if (cut > 0 && starts.includes(cut)) {
      assert.is(fromFile.error, undefined, `cut at ${cut}`);
      continue;
    }
    const at = Math.max(...starts.filter(start => start <= cut));
    assert.match(reasonOf(fromFile), `${at}: cut short: `);
    assert.is(reasonOf(fromStream), reasonOf(fromFile));
  }
});

test.run();
