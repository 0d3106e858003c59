/** Broken files of every kind: read or refused, never a crash and never an endless loop. */
import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CaptureError } from '../../src/capture/index.js';
import { captureCore, readAll } from '../support/capture-core.js';
import { Blocks, frame, MAGIC_NS, pcap, temporaryPath } from '../support/capture-bytes.js';
import { seededRandom } from '../support/random.js';

const ROUNDS = Number(process.env['SLUICE_FUZZ_ROUNDS'] ?? 1500);
const HOT_VALUES = [0, 1, 3, 4, 0x7f, 0x80, 0xff];

function seeds(): Buffer[] {
  const records = Array.from({ length: 8 }, (_, i) => {
    return { seconds: i, fraction: i, data: frame(60 + i, i) };
  });
  const files = [pcap(records), pcap(records, { isBig: true }), pcap(records, { magic: MAGIC_NS })];
  for (const blocks of [new Blocks(), new Blocks(true)]) {
    const name = blocks.option(2, Buffer.from('eth0'));
    const body = [
      ...[blocks.section(), blocks.interface([name, blocks.option(9, Buffer.from([9]))])],
      ...[blocks.interface([blocks.option(14, Buffer.alloc(8))]), blocks.block(5, frame(24, 0))],
      ...[blocks.enhanced(0, 1n, frame(61, 0), [name]), blocks.enhanced(1, 2n, frame(60, 1))],
      ...[blocks.simple(33, frame(33, 2)), blocks.obsolete(1, 3n, frame(60, 3))],
    ];
    files.push(Buffer.concat([...body, ...body]));
  }
  return files;
}

/** Changes some bytes, and now and then the length. */
function mutate(file: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(file);
  for (let i = random(6); i >= 0; i--) {
    const at = random(bytes.length);
    if (random(2) === 0) bytes[at] = random(256);
    else bytes[at] = HOT_VALUES[random(HOT_VALUES.length)];
  }
  if (random(4) === 0) bytes = bytes.subarray(0, random(bytes.length));
  if (random(8) === 0) {
    const at = random(bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, at), frame(random(40), 3), bytes.subarray(at)]);
  }
  return bytes;
}

test('fuzz: a mutated file and the same stream are read or refused alike', async () => {
  const random = seededRandom('fuzz');
  const files = seeds();
  const core = captureCore();
  const name = temporaryPath();
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mutate(files[round % files.length], random);
    const input = { port: 1, interfaceLimit: 8, skipOutbound: random(2) === 1 };
    writeFileSync(name, bytes);
    const stream = Readable.from(bytes.length === 0 ? [] : [bytes]);
    const fromFile = await readAll([{ ...input, name }], core);
    const fromStream = await readAll([{ ...input, name, stream }], core);
    assert.is(fromStream.error?.message, fromFile.error?.message, `round ${round}`);
    assert.is(fromStream.packets.length, fromFile.packets.length, `round ${round}`);
    if (fromFile.error === undefined) continue;
    assert.instance(fromFile.error, CaptureError, `round ${round}: ${fromFile.error.stack}`);
    refused++;
  }
  console.log(`fuzz: ${refused} of ${ROUNDS} files refused`);
});

test.run();
