import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LinkCounts } from '../../src/simulate/index.js';
import { eth } from '../support/frame.js';
import { type Rig, expectBalance, lostOf, rig } from '../support/link-rig.js';
import { expectBinomial, MS } from '../support/simulation.js';

const FRAMES = 10000;
const SPACING_NS = 10_000;
const FRAME = eth(1, 2).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).payload(100).bytes();

/** Sends FRAMES numbered frames from the first end and lets all of them arrive. */
function flood({ link, ends, events, lost }: Rig, spacingNs = SPACING_NS): LinkCounts {
  for (let i = 0; i < FRAMES; i++) {
    const bytes = Buffer.alloc(60);
    bytes.writeUInt32BE(i);
    events.push(i * spacingNs, () => link.transmit(ends[0]!, { bytes }));
  }
  while (events.step());
  const { counts } = link;
  expectBalance(counts);
  assert.is(lost.length, lostOf(counts));
  assert.is(
    ends.reduce((sum, end) => sum + end.got.length, 0),
    counts.delivered,
  );
  return counts;
}

test('link: with no impairment every frame arrives, in order, after the delay', () => {
  const wire = rig({ delayNs: 5 * MS });
  const counts = flood(wire);
  assert.equal(
    wire.ends[1]!.got.map(({ atNs }) => atNs),
    Array.from({ length: FRAMES }, (_, i) => i * SPACING_NS + 5 * MS),
  );
  assert.is(counts.delivered, FRAMES);
  assert.is(counts.reordered + counts.duplicated + counts.heldBack, 0);
});

test('link: loss of 10 % loses so many of 10 000', () => {
  const counts = flood(rig({ lossPercent: 10 }));
  expectBinomial(counts.lost.loss, FRAMES, 0.1, 'lost');
  assert.is(counts.delivered, FRAMES - counts.lost.loss);
});

test('link: losses do not come in runs or pairs', () => {
  const { ends, ...rest } = rig({ lossPercent: 10 });
  flood({ ends, ...rest });
  const arrived = new Set(ends[1]!.numbers);
  let pairs = 0;
  for (let i = 1; i < FRAMES; i++) if (!arrived.has(i) && !arrived.has(i - 1)) pairs++;
  expectBinomial(pairs, FRAMES, 0.01, 'pairs');
});

test('link: duplication of 5 % delivers so many twice, byte for byte', () => {
  const wire = rig({ duplicatePercent: 5 });
  const counts = flood(wire);
  expectBinomial(counts.duplicated, FRAMES, 0.05, 'duplicated');
  assert.is(counts.delivered, FRAMES + counts.duplicated);
  assert.is(new Set(wire.ends[1]!.numbers).size, FRAMES);
});

test('link: reordering of 2 % holds so many back, and later ones overtake them', () => {
  const wire = rig({ reorderPercent: 2, reorderNs: MS });
  const counts = flood(wire);
  expectBinomial(counts.heldBack, FRAMES, 0.02, 'held back');
  const { numbers } = wire.ends[1]!;
  let highest = -1;
  let late = 0;
  for (const number of numbers) {
    if (number < highest) late++;
    highest = Math.max(highest, number);
  }
  assert.is(counts.reordered, late);
  // Only the last hundred, which a millisecond spans, may have nobody to overtake them.
  assert.ok(late <= counts.heldBack && late >= counts.heldBack - MS / SPACING_NS, `${late} late`);
});

test('link: jitter spreads arrivals evenly over its span, and reorders nothing', () => {
  const [delayNs, jitterNs] = [MS, 100_000];
  const spacingNs = 2 * jitterNs;
  const wire = rig({ delayNs, jitterNs });
  const counts = flood(wire, spacingNs);
  assert.is(counts.reordered, 0);
  const extra = wire.ends[1]!.got.map(({ atNs }, i) => atNs - i * spacingNs - delayNs);
  assert.ok(Math.min(...extra) >= 0 && Math.max(...extra) <= jitterNs);
  const low = extra.filter(ns => ns < jitterNs / 4).length;
  expectBinomial(low, FRAMES, 0.25, 'in the first quarter');
});

test('link: jitter longer than the gaps between frames reorders nothing either', () => {
  const wire = rig({ jitterNs: 50 * SPACING_NS });
  assert.is(flood(wire).reordered, 0);
  const { numbers } = wire.ends[1]!;
  assert.equal(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
});

test('link: a partition loses what is sent from its first moment to before its last', () => {
  const wire = rig({ partitions: [{ fromNs: 10 * MS, toNs: 20 * MS, ends: [] }] });
  const counts = flood(wire);
  assert.is(counts.lost.partition, (10 * MS) / SPACING_NS);
  const { numbers } = wire.ends[1]!;
  assert.ok(numbers.includes(999) && !numbers.includes(1000));
  assert.ok(!numbers.includes(1999) && numbers.includes(2000));
});

test('link: a partition of a LAN cuts only between its sides', () => {
  const ends = ['a', 'b', 'c', 'd'];
  const lan = rig({ partitions: [{ fromNs: 0, toNs: MS, ends: ['a', 'b'] }] }, ends);
  lan.link.transmit(lan.ends[0]!, { bytes: FRAME });
  while (lan.events.step());
  expectBalance(lan.link.counts);
  assert.equal(
    lan.ends.map(({ got }) => got.length),
    [0, 1, 0, 0],
  );
  assert.equal(lan.lost, ['wire a>c partition', 'wire a>d partition']);
});

test('link: a rate lets one frame through after the other, and its queue is bounded', () => {
  const takesNs = (FRAME.length * 8 * 1e9) / 1e6;
  const queueBytes = 10 * FRAME.length;
  const wire = rig({ rateBitsPerSec: 1e6, queueBytes, delayNs: 0 });
  for (let i = 0; i < 20; i++) wire.link.transmit(wire.ends[0]!, { bytes: FRAME });
  while (wire.events.step());
  const { counts } = wire.link;
  expectBalance(counts);
  assert.is(counts.lost.queue, 10);
  assert.equal(
    wire.ends[1]!.got.map(({ atNs }) => atNs),
    Array.from({ length: 10 }, (_, i) => (i + 1) * takesNs),
  );
});

test('link: on a LAN every frame reaches every other end', () => {
  const lan = rig({}, ['a', 'b', 'c', 'd']);
  const counts = flood(lan);
  assert.equal(
    lan.ends.map(({ got }) => got.length),
    [0, FRAMES, FRAMES, FRAMES],
  );
  assert.is(counts.copies, 2 * FRAMES);
});

test('link: on a LAN a datagram without MAC addresses goes to the end that has its address', () => {
  const lan = rig({}, ['a', 'b', 'c', 'd']);
  const datagram = (to: string): Uint8Array => {
    const bytes = eth(0, 0).ipv4('10.0.0.97', to).udp(1, 4789).payload(50).bytes();
    return Buffer.concat([Buffer.alloc(12), bytes.subarray(12)]);
  };
  for (const to of ['10.0.0.98', '10.0.0.98', '10.0.0.100', '10.0.0.1', '239.1.1.1']) {
    lan.link.transmit(lan.ends[0]!, { bytes: datagram(to) });
  }
  while (lan.events.step());
  expectBalance(lan.link.counts);
  assert.equal(
    lan.ends.map(({ got }) => got.length),
    [0, 3, 1, 2],
  );
  assert.is(lan.link.counts.unclaimed, 1);
});

test('link: the same seed draws the same, another seed does not', () => {
  const outcome = (seed: number): string => {
    const wire = rig({ lossPercent: 10, duplicatePercent: 3, reorderPercent: 3 }, ['a', 'b'], seed);
    flood(wire);
    const { got, numbers } = wire.ends[1]!;
    return got.map(({ atNs }, i) => `${atNs} ${numbers[i]}`).join();
  };
  assert.is(outcome(7), outcome(7));
  assert.is.not(outcome(7), outcome(8));
});

test('link: what one direction carries changes nothing in the other', () => {
  const losses = (back: number): string => {
    const wire = rig({ lossPercent: 50 });
    const [a, b] = wire.ends;
    for (let i = 0; i < 64; i++) {
      wire.link.transmit(a!, { bytes: FRAME });
      for (let n = 0; n < back; n++) wire.link.transmit(b!, { bytes: FRAME });
      wire.events.push(i, () => wire.lost.push(`${i}`));
      wire.events.step();
    }
    return wire.lost.filter(text => !text.includes('b>a')).join();
  };
  assert.is(losses(0), losses(3));
});

test.run();
