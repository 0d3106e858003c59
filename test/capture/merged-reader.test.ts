import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BATCH_PACKETS } from '../../assembly/abi.js';
import { CAPTURE_BYTES, CAPTURE_INTERFACE_BYTES } from '../../assembly/capture-abi.js';
import { openCaptures } from '../../src/capture/index.js';
import { captureCore, readAll } from '../support/capture-core.js';
import { Blocks, frame, MAGIC_NS, pcap, temporaryFile } from '../support/capture-bytes.js';
import { seededRandom } from '../support/random.js';

/** A nanosecond pcap with one packet at each of these times, ns since 1970. */
function captureAt(timesNs: number[], length = 60): string {
  const records = timesNs.map((ns, i) => ({
    seconds: Math.floor(ns / 1e9),
    fraction: ns % 1e9,
    data: frame(length, i),
  }));
  return temporaryFile(pcap(records, { magic: MAGIC_NS }));
}

/** `port@ns` in the order of the core's batches. */
async function orderOf(...times: number[][]): Promise<string[]> {
  const inputs = times.map((at, port) => ({ name: captureAt(at), port, interfaceLimit: 1 }));
  const { packets, error } = await readAll(inputs);
  assert.is(error, undefined);
  return packets.map(p => `${p.port}@${p.stampNs}`);
}

test('merge: packets come in time order', async () => {
  assert.equal(await orderOf([10, 30, 50], [20, 40], [5, 60]), [
    ...['2@5', '0@10', '1@20', '0@30', '1@40', '0@50', '2@60'],
  ]);
});

test('merge: of equal times the earlier input comes first', async () => {
  assert.equal(await orderOf([10, 10, 20], [10, 20], [10]), [
    ...['0@10', '0@10', '1@10', '2@10', '0@20', '1@20'],
  ]);
});

test('merge: a packet from the past is taken at once', async () => {
  assert.equal(await orderOf([30, 10, 40], [20, 35]), ['1@20', '0@30', '0@10', '1@35', '0@40']);
});

test('merge: agrees with a stable sort, any number of inputs', async () => {
  const random = seededRandom('merge');
  const times = Array.from({ length: 7 }, () => {
    let ns = 0;
    return Array.from({ length: random(600) }, () => (ns += random(900) * random(1000)));
  });
  const all = times.flatMap((at, port) => at.map(ns => ({ port, ns })));
  const expected = all.sort((a, b) => a.ns - b.ns).map(({ port, ns }) => `${port}@${ns}`);
  assert.equal(await orderOf(...times), expected);
});

test('merge: a batch lies in one millisecond, and its time never goes back', async () => {
  const input = { name: captureAt([999_999, 1_000_000, 1_999_999, 5_000_000, 4_000_000]), port: 0 };
  const core = captureCore();
  const captures = await openCaptures([input], core);
  const batches: string[] = [];
  do {
    for (let next = captures.nextMs, n = captures.fill(); n > 0; n = captures.fill()) {
      batches.push(`${n}@${captures.nowMs}`);
      if (batches.length === 1) assert.is(next, captures.nowMs);
      next = captures.nextMs;
    }
  } while (await captures.refill());
  captures.close();
  assert.equal(batches, ['1@0', '2@1', '2@5']);
});

test('merge: a batch holds at most BATCH_PACKETS', async () => {
  const times = Array.from({ length: 2 * BATCH_PACKETS + 1 }, () => 7);
  const captures = await openCaptures([{ name: captureAt(times), port: 0 }], captureCore());
  assert.equal(
    [captures.fill(), captures.fill(), captures.fill()],
    [BATCH_PACKETS, BATCH_PACKETS, 1],
  );
  captures.close();
});

test('merge: chunks of every length give the same packets', async () => {
  const times = Array.from({ length: 50 }, (_, i) => i * 300_000);
  const inputs = [
    { name: captureAt(times, 61), port: 0, interfaceLimit: 1 },
    { name: captureAt(times, 200), port: 1, interfaceLimit: 1 },
  ];
  const whole = (await readAll(inputs)).packets;
  const smallest = 64 + 2 * (CAPTURE_BYTES + CAPTURE_INTERFACE_BYTES + 216 + 128);
  for (let bytes = smallest; bytes < smallest + 1000; bytes += 64) {
    const { packets, error } = await readAll(inputs, captureCore(bytes));
    assert.is(error, undefined);
    assert.equal(packets, whole);
  }
});

test('merge: a record longer than the chunk is refused by name', async () => {
  const name = captureAt([1, 2], 2000);
  const { packets, error } = await readAll(
    [{ name, port: 0, interfaceLimit: 1 }],
    captureCore(2000),
  );
  assert.is(packets.length, 0);
  assert.match(error?.message ?? '', /: offset 24: record of 2016 bytes is longer than the \d+ of/);
});

test('merge: a span without room for a chunk is our mistake', async () => {
  const { error } = await readAll([{ name: captureAt([1]), port: 0 }], captureCore(4096));
  assert.match(error?.message ?? '', 'capture span too short for ');
});

test('merge: a cut input is reported after the last packet of all inputs', async () => {
  const cut = temporaryFile(
    pcap([{ seconds: 0, fraction: 1, data: frame(60, 0) }]).subarray(0, -1),
  );
  const { packets, error } = await readAll([
    { name: cut, port: 0 },
    { name: captureAt([5, 9_000_000]), port: 1 },
  ]);
  assert.equal(
    packets.map(p => p.stampNs),
    [5n, 9_000_000n],
  );
  assert.is(error?.message, `${cut}: offset 24: cut short: 76 bytes wanted, 75 left`);
});

test('merge: a refused record stops all inputs at once', async () => {
  const blocks = new Blocks();
  const bad = [blocks.section(), blocks.interface(), blocks.enhanced(0, 1n, frame(9, 9))];
  bad.push(blocks.enhanced(1, 2n, frame(9, 9)));
  const { packets, error } = await readAll([
    { name: temporaryFile(Buffer.concat(bad)), port: 0 },
    { name: captureAt([500, 9_000_000]), port: 1 },
  ]);
  assert.equal(
    packets.map(p => p.stampNs),
    [500n, 1000n],
  );
  assert.match(error?.message ?? '', 'packet of interface 1, the section has 1 so far');
});

test('merge: captures without packets end at once', async () => {
  const { packets, error } = await readAll([
    { name: captureAt([]), port: 0 },
    { name: captureAt([]), port: 1 },
  ]);
  assert.is(error, undefined);
  assert.is(packets.length, 0);
});

test.run();
