/**
 * Conformance cases MF-A01 to MF-A04 as far as they concern layer 2: whatever comes in,
 * nothing traps, the sums hold (the harness checks them), and the next frame is served.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BATCH_PACKETS, MAX_FRAME_BYTES } from '../../assembly/abi.js';
import { expectSent } from '../support/expect.js';
import { eth, hex } from '../support/frame.js';
import { captureFrames } from '../support/pcap.js';
import { sharedCaptures } from '../support/shared.js';
import { TestSwitch, type Outcome } from '../support/test-switch.js';
import { testWithShared } from '../support/with-shared.js';

const MANIFEST = 'pcaps/MANIFEST.json';
const GROUPS = ['malformed', 'frag', 'format', 'l2'];
const AFTERWARDS = eth('02:aa:aa:aa:aa:01').payload(46);

const framesOf = (...groups: string[]) =>
  sharedCaptures()
    .filter(({ file }) => groups.includes(file.split('/')[0]!))
    .map(({ file, path }) => ({ file, frames: captureFrames(path) }));

/** Switches whose port 1 is of each kind; port 2 is plain or a trunk. */
const PORT_KINDS: Record<string, () => TestSwitch> = {
  bridge: () => TestSwitch.create(),
  'VLAN trunk': () => {
    const bridge = TestSwitch.create().vlans(0, [1, 10, 100]);
    for (const port of [1, 2, 3]) bridge.tagged(port, 10, 100).untagged(port, 1);
    return bridge.port(1, { Pvid: 1 }).port(2, { Pvid: 1, PriorityTags: 1 }).untagged(3, 10, 100);
  },
  '802.1Q tunnel': () => {
    const bridge = TestSwitch.create().vlans(0, [1]).segment(0, { Tpid: 0x88a8 });
    bridge.untagged(1, 1).tagged(2, 1).tagged(3, 1);
    return bridge.port(1, { Pvid: 1, TagsArePayload: 1 });
  },
  'tag rewriting': () =>
    TestSwitch.create().port(1, {
      MatchTags: 1,
      MatchOuter: 0x8100000a,
      PopTags: 1,
      PushTags: 2,
      PushOuter: 0x88a80014,
      PushInner: 0x8100001e,
    }),
};

/** Injects in batches; the outcome of each frame's batch goes to `look`. */
function injectAll(bridge: TestSwitch, frames: Uint8Array[], look?: (o: Outcome) => void): void {
  let batch: { port: number; frame: Uint8Array }[] = [];
  let bytes = 0;
  const flush = () => {
    const outcome = bridge.batch(batch);
    look?.(outcome);
    [batch, bytes] = [[], 0];
  };
  for (const frame of frames) {
    if (batch.length === BATCH_PACKETS || bytes + frame.length > 500000) flush();
    batch.push({ port: 1, frame });
    bytes += frame.length;
  }
  flush();
}

for (const [kind, create] of Object.entries(PORT_KINDS)) {
  testWithShared(MANIFEST, `MF-A01: every odd capture into a port of kind ${kind}`, () => {
    let files = 0;
    for (const { frames } of framesOf(...GROUPS)) {
      const bridge = create();
      injectAll(bridge, frames);
      const after = create().inject(2, AFTERWARDS);
      const again = bridge.inject(2, AFTERWARDS);
      assert.equal(again.sent.length, after.sent.length, 'the next frame is served');
      files++;
    }
    console.log(`MF-A01 ${kind}: ${files} files`);
  });

  testWithShared(
    MANIFEST,
    `MF-A02: the same cut at every length from 0 to 64 into a port of kind ${kind}`,
    () => {
      for (const { frames } of framesOf('malformed', 'l2')) {
        const cut = frames.slice(0, 20).flatMap(frame => everyCut(frame));
        injectAll(create(), cut);
      }
    },
  );
}

function everyCut(frame: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.min(65, frame.length + 1) }, (_, length) =>
    frame.slice(0, length),
  );
}

testWithShared(MANIFEST, 'MF-A01: a plain bridge passes what it passes with every byte', () => {
  for (const { file, frames } of framesOf(...GROUPS)) {
    const inputs = new Set(frames.map(hex));
    injectAll(TestSwitch.create(), frames, outcome => {
      for (const { bytes } of outcome.sent) assert.ok(inputs.has(hex(bytes)), file);
      for (const { origin, reason } of outcome.dropped) {
        const isLong = (frames[origin]?.length ?? 0) > MAX_FRAME_BYTES;
        assert.ok(reason !== 'Oversize' || isLong || frames.length > BATCH_PACKETS, file);
      }
    });
  }
});

test('MF-A03: each bit of the first 80 bytes flipped passes as it is or is dropped', () => {
  const good = eth(1).vlan(10).ipv4('10.0.0.1', '10.0.0.2').udp(49152, 4789).payload(60).bytes();
  for (const [kind, create] of Object.entries(PORT_KINDS)) {
    const bridge = create();
    for (let bit = 0; bit < 640; bit++) {
      const frame = good.slice();
      frame[bit >> 3]! ^= 1 << (bit & 7);
      const outcome = bridge.inject(1, frame);
      for (const { bytes } of outcome.sent) {
        if (kind === 'bridge') assert.is(hex(bytes), hex(frame));
        assert.is(hex(bytes.slice(-66)), hex(frame.slice(-66)), 'payload');
      }
    }
  }
});

testWithShared(
  MANIFEST,
  'MF-A04: a bridge passes right and wrong checksums with every byte',
  () => {
    for (const { frames } of framesOf('checksum')) {
      for (const frame of frames) {
        const outcome = TestSwitch.create().inject(1, frame);
        if (outcome.dropped.length === 0) expectSent(outcome, [2, 3], frame);
      }
    }
  },
);

test.run();
