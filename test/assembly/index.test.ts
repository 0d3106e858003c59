/** The module as a whole: batches of every length, snapshots, what release imports. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BATCH_PACKETS, CoreCounter } from '../../assembly/abi.js';
import { Core } from '../../src/core.js';
import { packagePath } from '../../src/package-path.js';
import { expectSameBytes } from '../support/expect.js';
import { eth, hex } from '../support/frame.js';
import { seededRandom } from '../support/random.js';
import { TestSwitch, type Input } from '../support/test-switch.js';

const random = seededRandom('index');

function randomBatch(length: number): Input[] {
  return Array.from({ length }, () => {
    const frame = eth(1 + random(20), random(4) === 0 ? undefined : 1 + random(20));
    return { port: 1 + random(3), frame: frame.payload(random(100)) };
  });
}

test('index: a batch of any length does what its frames do one by one', () => {
  const many = TestSwitch.create();
  const single = TestSwitch.create();
  for (let length = 1; length <= BATCH_PACKETS; length += 1 + random(4)) {
    const batch = randomBatch(length);
    const outcome = many.batch(batch);
    const one = batch.map(({ port, frame }) => single.inject(port, frame));
    const text = ({ port, bytes }: { port: number; bytes: Uint8Array }) => `${port} ${hex(bytes)}`;
    assert.equal(
      outcome.sent.map(text),
      one.flatMap(({ sent }) => sent.map(text)),
    );
    const reasons = one.flatMap(({ dropped }) => dropped.map(({ port, reason }) => [port, reason]));
    assert.equal(
      outcome.dropped.map(({ port, reason }) => [port, reason]),
      reasons,
    );
  }
  const full = many.batch(randomBatch(BATCH_PACKETS));
  assert.ok(full.sent.length > 0);
});

test('index: an empty batch does nothing', () => {
  const bridge = TestSwitch.create();
  assert.equal(bridge.batch([]), { sent: [], dropped: [] });
  assert.is(bridge.core.coreCounter(CoreCounter.Received), 0n);
});

test('index: the most descriptors a batch can make fit their region', () => {
  const bridge = TestSwitch.create({ ports: 15 });
  const outcome = bridge.batch(
    Array.from({ length: BATCH_PACKETS }, (_, i) => ({ port: 1, frame: eth(1 + i) })),
  );
  assert.is(outcome.sent.length, BATCH_PACKETS * 14);
});

test('index: the same input gives the same bytes', () => {
  const batches = Array.from({ length: 50 }, () => randomBatch(1 + random(60)));
  const run = () => {
    const bridge = TestSwitch.create({ seed: 99n });
    for (const batch of batches) {
      bridge.nowMs += 50;
      bridge.batch(batch);
    }
    return bridge.core.snapshot();
  };
  expectSameBytes(run(), run());
});

test('index: a fork and a restored snapshot go on as the original does', () => {
  const bridge = TestSwitch.create();
  for (let i = 0; i < 20; i++) bridge.batch(randomBatch(50));
  const before = bridge.core.snapshot();
  const fork = new TestSwitch(bridge.core.fork(), bridge.capacities);
  const batch = randomBatch(100);
  const expected = bridge.batch(batch);
  assert.equal(fork.batch(batch), expected);
  expectSameBytes(fork.core.snapshot(), bridge.core.snapshot());
  const restored = new TestSwitch(Core.restore(before, 'test'), bridge.capacities);
  assert.equal(restored.batch(batch), expected);
  expectSameBytes(restored.core.snapshot(), bridge.core.snapshot());
});

test('index: what happens to a fork does not happen to the original', () => {
  const bridge = TestSwitch.create();
  const before = bridge.core.snapshot();
  new TestSwitch(bridge.core.fork(), bridge.capacities).batch(randomBatch(50));
  expectSameBytes(bridge.core.snapshot(), before);
});

test('index: release and test build do the same', () => {
  const batches = Array.from({ length: 30 }, () => randomBatch(1 + random(60)));
  const run = (build: 'release' | 'test') => {
    const bridge = TestSwitch.create({ seed: 5n, build });
    return batches.map(batch => bridge.batch(batch));
  };
  assert.equal(run('release'), run('test'));
});

test('index: a core larger than 4 GiB is refused', () => {
  for (const capacities of [
    { FdbEntries: 120000000 },
    { FdbEntries: 0xffffffff },
    { ArenaBytes: 0xfff00000 },
    { ArenaBytes: 0xffffffff, TraceRecords: 1 << 27 },
  ]) {
    assert.throws(() => TestSwitch.create({ capacities }), /4 GiB/);
  }
});

test('index: the release module imports nothing but its memory', () => {
  const module = new WebAssembly.Module(readFileSync(packagePath('build/sluice.wasm')));
  const imports = WebAssembly.Module.imports(module).map(({ name }) => name);
  assert.equal(imports, ['memory']);
});

/** Names of scripts/build.mjs for functions that stay calls, as patterns. */
function calledPatterns(): RegExp[] {
  const script = readFileSync(packagePath('scripts/build.mjs'), 'utf8');
  const list = /const CALLED = \[([^\]]*)\]/.exec(script)![1]!;
  const names = [...list.matchAll(/'([^']+)'/g)].map(match => match[1]!);
  return names.map(name => new RegExp(`^${name.replace(/\*/g, '.*')}$`));
}

/** Functions that `name` calls, out of the text of the release module. */
function callsOf(wat: string, name: string): string[] {
  const start = wat.indexOf(`(func $${name} `);
  assert.ok(start >= 0, `no function ${name}`);
  const end = wat.indexOf('\n (func ', start + 1);
  const body = wat.slice(start, end < 0 ? undefined : end);
  return [...new Set([...body.matchAll(/\(call \$(\S+)/g)].map(match => match[1]!))];
}

test('index: the common path calls nothing but what is listed as rare', () => {
  const wat = readFileSync(packagePath('build/sluice.wat'), 'utf8');
  const patterns = calledPatterns();
  const loops = ['ingress/ingress', 'decap/decap', 'bridge/bridge', 'encap/encap'];
  const nodes = loops.map(loop => `assembly/node/${loop}`);
  for (const name of ['assembly/index/process', ...nodes]) {
    for (const called of callsOf(wat, name)) {
      assert.ok(
        patterns.some(pattern => pattern.test(called)),
        `${name} calls ${called}`,
      );
    }
  }
});

test.run();
