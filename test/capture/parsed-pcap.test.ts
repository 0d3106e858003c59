import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCaptures } from '../../src/capture/index.js';
import { captureCore, SPAN_BYTES } from '../support/capture-core.js';
import { frame, pcap } from '../support/capture-bytes.js';

const RECORDS = Array.from({ length: 500 }, (_, i) => {
  return { seconds: i, fraction: 0, data: frame(1400, i) };
});
const HEAD = pcap([]);
const PIECE = pcap(RECORDS).subarray(HEAD.length);

test('stream: no more is read than fits into the span', async () => {
  let pulled = 0;
  let isDestroyed = false;
  const stream = {
    async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
      yield HEAD;
      for (;;) {
        pulled += PIECE.length;
        yield PIECE;
      }
    },
    destroy: () => (isDestroyed = true),
  };
  const core = captureCore();
  const captures = await openCaptures([{ name: 'endless', port: 0, stream }], core);
  for (let round = 0, packets = 0; round < 100; round++) {
    for (let n = captures.fill(); n > 0; n = captures.fill()) packets += n;
    assert.ok(pulled <= packets * 1416 + SPAN_BYTES + PIECE.length, `${pulled} of ${packets}`);
    await captures.refill();
  }
  assert.ok(pulled > SPAN_BYTES, 'the stream goes on');
  captures.close();
  assert.ok(isDestroyed);
});

test('stream: packets are there before the stream ends', async () => {
  let release = (): void => {};
  const pieces = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.concat([HEAD, PIECE]);
    await new Promise<void>(resolve => (release = resolve));
  };
  const captures = await openCaptures([{ name: 'live', port: 0, stream: pieces() }], captureCore());
  let packets = 0;
  while (packets < RECORDS.length) {
    for (let n = captures.fill(); n > 0; n = captures.fill()) packets += n;
    if (packets < RECORDS.length) await captures.refill();
  }
  const ending = captures.refill();
  release();
  assert.is(await ending, false);
  captures.close();
});

test.run();
