import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BATCH_PACKETS, CoreCounter, Drop, PortCounter } from '../../assembly/abi.js';
import { applyPlan } from '../../src/config/apply.js';
import { parseConfig } from '../../src/config/load.js';
import { planOf } from '../../src/config/plan.js';
import { Core } from '../../src/core.js';
import { type FrameTap, Loop } from '../../src/loop.js';
import { MemoryIo } from '../../src/port/memory.js';

const LAN = `
segments: { lan: }
ports:
  p0: { kind: memory, segment: lan }
  p1: { kind: memory, segment: lan }
  p2: { kind: memory, segment: lan }`;
const BROADCAST = 'ffffffffffff020000000001abcd';
const FRAME_BYTES = 60;
const EBADFD = 77;

function frame(head = BROADCAST): Uint8Array {
  const bytes = Buffer.alloc(FRAME_BYTES);
  bytes.write(head, 'hex');
  return bytes;
}

class Rig {
  readonly core: Core;
  readonly io: MemoryIo;
  readonly loop: Loop;
  readonly gone: [port: number, errno: number][] = [];
  nowMs = 1000;

  constructor(sentFrames = 1 << 20, text = LAN) {
    const plan = planOf(parseConfig(text, 'net.yaml'));
    this.core = Core.create(plan.capacities, 7n, 'test');
    this.io = new MemoryIo({ sentFrames });
    this.loop = new Loop({
      core: this.core,
      io: this.io,
      spinUs: 0,
      nowMs: () => this.nowMs,
      onGone: (port, errno) => this.gone.push([port, errno]),
    });
    for (const { index } of plan.ports) this.io.bindPort(index);
    applyPlan(this.core, plan);
  }
}

test('loop: a broadcast leaves every other port unchanged', () => {
  const { io, loop } = new Rig();
  io.inject(0, frame());
  assert.is(loop.turn(0), 1);
  assert.equal(io.take(0), []);
  for (const port of [1, 2]) assert.is(Buffer.compare(io.take(port)[0]!, frame()), 0);
});

test('loop: more frames than a batch holds all pass, in order', () => {
  const { io, loop } = new Rig();
  const count = 3 * BATCH_PACKETS + 1;
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.from(frame());
    bytes.writeUInt16BE(i, 20);
    io.inject(0, bytes);
  }
  while (loop.turn(0) > 0);
  const seen = io.take(1).map(bytes => Buffer.from(bytes).readUInt16BE(20));
  assert.equal(
    seen,
    Array.from({ length: count }, (_, i) => i),
  );
});

test('loop: large frames are decided on when the arena is full', () => {
  const { core, io, loop } = new Rig(1 << 20, `capacities: { arenaBytes: 131072 }${LAN}`);
  for (let i = 0; i < 5; i++) io.inject(0, Buffer.concat([frame(), Buffer.alloc(60000)]));
  while (loop.turn(0) > 0);
  assert.is(io.take(1).length, 5);
  assert.is(core.coreCounter(CoreCounter.Dropped), 0n);
});

test('loop: one busy port does not starve another', () => {
  const { io, loop } = new Rig();
  for (let i = 0; i < 10 * BATCH_PACKETS; i++) io.inject(0, frame());
  io.inject(1, frame('ffffffffffff020000000002abcd'));
  loop.turn(0);
  assert.is(io.take(0).length, 1);
});

test('loop: a frame that the egress refuses is a drop of that port, and the sums hold', () => {
  const { core, io, loop } = new Rig(1);
  for (let i = 0; i < 3; i++) io.inject(0, frame());
  loop.turn(0);
  assert.is(core.portDrops(1, Drop.TxQueueFull), 2n);
  assert.is(core.portCounter(1, PortCounter.TxPackets), 1n);
  const total = (column: CoreCounter): bigint => core.coreCounter(column);
  const out = total(CoreCounter.Sent) + total(CoreCounter.Dropped) + total(CoreCounter.Consumed);
  assert.is(total(CoreCounter.Received) + total(CoreCounter.Copies), out);
});

test('loop: a port whose device vanishes goes down and the others go on', () => {
  const { core, io, loop, gone } = new Rig();
  const rxBurst = io.rxBurst.bind(io);
  io.rxBurst = (port, ...rest) => (port === 2 ? -EBADFD : rxBurst(port, ...rest));
  io.inject(2, frame());
  io.inject(0, frame());
  loop.turn(0);
  loop.turn(0);
  assert.equal(gone, [[2, EBADFD]]);
  assert.is(io.has(2), false);
  io.inject(0, frame());
  loop.turn(0);
  assert.is(io.take(1).length, 2);
  assert.is(core.portDrops(2, Drop.TxQueueFull), 0n);
});

test('loop: addresses age while no frame comes', () => {
  const rig = new Rig(16, LAN.replace('lan: }', 'lan: { ageSec: 5 } }'));
  rig.io.inject(0, frame());
  rig.loop.turn(0);
  assert.is([...rig.core.fdbEntries()].length, 1);
  for (let i = 0; i < 20; i++) {
    rig.nowMs += 1000;
    rig.loop.turn(0);
  }
  assert.is([...rig.core.fdbEntries()].length, 0);
});

test('loop: a tap sees what came, what was sent and what was dropped', () => {
  const { io, loop } = new Rig();
  const seen: unknown[] = [];
  const tap: FrameTap = {
    onReceived: count => seen.push(['received', count]),
    onDecided: (sent, dropped) => seen.push(['decided', sent, dropped]),
  };
  loop.tap = tap;
  io.inject(0, frame());
  io.inject(0, new Uint8Array(5));
  loop.turn(0);
  assert.equal(seen, [
    ['received', 2],
    ['decided', 2, 1],
  ]);
});

test.run();
