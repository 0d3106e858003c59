import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { CaptureError } from '../../src/capture/index.js';
import { CAPTURE_RECORD_BYTES } from '../../assembly/capture-abi.js';
import { readAll, type ReadResult } from '../support/capture-core.js';
import { frame, MAGIC_NS, pcap, temporaryFile, type PcapHead } from '../support/capture-bytes.js';

const RECORDS = [
  { seconds: 1_700_000_000, fraction: 1, data: frame(60, 0) },
  { seconds: 1_700_000_000, fraction: 1_500, data: frame(0, 1) },
  { seconds: 1_700_000_001, fraction: 999_999, data: frame(77, 2), original: 1500 },
];
const FILE_HEADER_BYTES = 24;

function readFile(bytes: Buffer): Promise<ReadResult> {
  return readAll([{ name: temporaryFile(bytes), port: 1 }]);
}

/** As a stream of pieces, which goes through pcap-parser. */
function readStream(bytes: Buffer, pieceBytes = bytes.length): Promise<ReadResult> {
  const pieces: Buffer[] = [];
  for (let i = 0; i < bytes.length; i += pieceBytes) pieces.push(bytes.subarray(i, i + pieceBytes));
  return readAll([{ name: 'input', port: 1, stream: Readable.from(pieces) }]);
}

function reasonOf(result: ReadResult): string {
  assert.instance(result.error, CaptureError);
  const { offset, reason } = result.error as CaptureError;
  return `${offset}: ${reason}`;
}

function checkRecords({ packets, error, truncated }: ReadResult, tickNs: bigint): void {
  assert.is(error, undefined);
  assert.is(truncated, 1);
  assert.is(packets.length, RECORDS.length);
  for (const [i, { seconds, fraction, data, original }] of RECORDS.entries()) {
    assert.is(packets[i].stampNs, BigInt(seconds) * 1_000_000_000n + BigInt(fraction) * tickNs);
    assert.ok(packets[i].data.equals(data));
    assert.is(packets[i].original, original ?? data.length);
    assert.is(packets[i].port, 1);
  }
}

for (const isBig of [false, true]) {
  const order = isBig ? 'big endian' : 'little endian';
  test(`pcap: ${order}, microseconds, from a file and from a stream`, async () => {
    checkRecords(await readFile(pcap(RECORDS, { isBig })), 1000n);
    checkRecords(await readStream(pcap(RECORDS, { isBig })), 1000n);
    checkRecords(await readStream(pcap(RECORDS, { isBig }), 1), 1000n);
  });

  test(`pcap: ${order}, nanoseconds, from a file and from a stream`, async () => {
    checkRecords(await readFile(pcap(RECORDS, { isBig, magic: MAGIC_NS })), 1n);
    checkRecords(await readStream(pcap(RECORDS, { isBig, magic: MAGIC_NS }), 3), 1n);
  });
}

test('pcap: a gzip file is read as what it holds', async () => {
  checkRecords(await readFile(gzipSync(pcap(RECORDS))), 1000n);
  checkRecords(await readFile(gzipSync(pcap(RECORDS, { magic: MAGIC_NS }))), 1n);
});

test('pcap: bits of the link type word above the link type are ignored', async () => {
  checkRecords(await readFile(pcap(RECORDS, { linkType: 0x30000001 })), 1000n);
});

test('pcap: cut at any byte gives the whole records and then the place of the cut', async () => {
  const whole = pcap(RECORDS);
  const starts = [FILE_HEADER_BYTES];
  for (const { data } of RECORDS) starts.push(starts[starts.length - 1] + 16 + data.length);
  for (let cut = 0; cut < whole.length; cut++) {
    const isClean = starts.includes(cut);
    const records = Math.max(0, starts.filter(start => start <= cut).length - 1);
    const bytes = whole.subarray(0, cut);
    for (const result of [await readFile(bytes), await readStream(bytes, 7)]) {
      assert.is(result.packets.length, cut === starts[0] ? 0 : records, `cut at ${cut}`);
      if (isClean) assert.is(result.error, undefined, `cut at ${cut}`);
      else {
        const offset = cut < FILE_HEADER_BYTES ? 0 : starts[records];
        assert.match(reasonOf(result), `${offset}: cut short: `);
        assert.match(reasonOf(result), ` ${cut - offset} left`);
      }
    }
  }
});

test('pcap: a gzip stream cut at any byte gives what it holds and then an error', async () => {
  const whole = gzipSync(pcap(RECORDS));
  let most = 0;
  for (let cut = 0; cut < whole.length; cut++) {
    const { packets, error } = await readStream(whole.subarray(0, cut), 5);
    assert.instance(error, CaptureError, `cut at ${cut}`);
    packets.forEach((packet, i) => assert.ok(packet.data.equals(RECORDS[i].data)));
    most = Math.max(most, packets.length);
  }
  assert.is(most, RECORDS.length, 'all records before the missing trailer');
});

test('pcap: a broken gzip stream ends with the reason', async () => {
  const bytes = gzipSync(pcap(RECORDS));
  bytes[bytes.length - 6] ^= 1; // checksum
  assert.match(reasonOf(await readFile(bytes)), 'read: gunzip: incorrect data check');
});

test('pcap: a stream that fails gives its records and then the reason', async () => {
  const bytes = pcap(RECORDS);
  const pieces = async function* (): AsyncGenerator<Buffer> {
    yield bytes;
    throw new Error('peer went away');
  };
  const result = await readAll([{ name: 'input', port: 1, stream: pieces() }]);
  assert.is(result.packets.length, RECORDS.length);
  assert.is(reasonOf(result), `${bytes.length}: read: peer went away`);
});

test('pcap: the longest record is read, a longer one refused before it is buffered', async () => {
  const longest = { seconds: 1, fraction: 0, data: frame(CAPTURE_RECORD_BYTES, 0) };
  const { packets, error } = await readFile(pcap([longest, longest]));
  assert.is(error, undefined);
  assert.is(packets[1].data.length, CAPTURE_RECORD_BYTES);
  assert.is((await readStream(pcap([longest, longest]), 65536)).packets.length, 2);

  const bytes = pcap([...RECORDS, RECORDS[0]]);
  bytes.writeUInt32LE(CAPTURE_RECORD_BYTES + 1, bytes.length - 60 - 8);
  const reason = `${bytes.length - 76}: record claims 262145 bytes, at most 262144 are read`;
  for (const result of [
    await readFile(bytes),
    await readStream(bytes),
    await readStream(bytes, 9),
  ]) {
    assert.is(result.packets.length, RECORDS.length);
    assert.is(reasonOf(result), reason);
  }
});

const REFUSED: [string, PcapHead, string][] = [
  ['link type RAW', { linkType: 101 }, '0: link type 101 (RAW) is not read, only 1 (ETHERNET)'],
  ['an unknown link type', { linkType: 4711 }, '0: link type 4711 is not read'],
  ['version 2.3', { version: [2, 3] }, '0: format version 2.3 is not read'],
  ['version 1.2', { version: [1, 2] }, '0: format version 1.2 is not read'],
  ['modified pcap', { magic: 0xa1b2cd34 }, '0: neither pcap nor pcapng, but modified pcap (Kuz'],
  ['Nokia pcap', { magic: 0xa1e2cb12 }, '0: neither pcap nor pcapng, but modified pcap (Nokia)'],
  ['zstd', { magic: 0xfd2fb528 }, '0: neither pcap nor pcapng, but compressed with zstd'],
  ['noise', { magic: 0x11223344 }, '0: neither pcap nor pcapng: first bytes 44332211'],
];

for (const [name, head, reason] of REFUSED) {
  test(`pcap: ${name} is refused`, async () => {
    const bytes = pcap(RECORDS, head);
    for (const result of [await readFile(bytes), await readStream(bytes, 10)]) {
      assert.is(result.packets.length, 0);
      assert.match(reasonOf(result), reason);
    }
  });
}

test('pcap: gzip in gzip is refused', async () => {
  const result = await readFile(gzipSync(gzipSync(pcap(RECORDS))));
  assert.match(reasonOf(result), 'compressed with gzip twice');
});

test('pcap: a path that cannot be opened is named', async () => {
  const { error } = await readAll([{ name: '/nonexistent/x.pcap', port: 0 }]);
  assert.is(error?.message, 'open /nonexistent/x.pcap: ENOENT');
});

test.run();
