import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CoreCounter, FdbKind } from '../../assembly/abi.js';
import { ConfigError } from '../../src/config/config-error.js';
import { parseConfig } from '../../src/config/load.js';
import type { CapturedFrame } from '../../src/loop-messages.js';
import { Core } from '../../src/core.js';
import { Switch } from '../../src/switch.js';

const LAN = `
capacities: { fdbEntries: 1024, ports: 8 }
segments: { lan: }
ports:
  p0: { kind: memory, segment: lan }
  p1: { kind: memory, segment: lan }
  p2: { kind: memory, segment: lan }`;
const A = 0x020000000001n;

const config = (text: string) => parseConfig(text, 'net.yaml');
const frame = (source = A): Uint8Array =>
  Uint8Array.from(Buffer.from(`ffffffffffff${hex(source)}abcd${'00'.repeat(46)}`, 'hex'));
const hex = (mac: bigint): string => mac.toString(16).padStart(12, '0');

async function withSwitch(run: (made: Switch) => Promise<void>, text = LAN): Promise<void> {
  const made = await Switch.start(config(text));
  try {
    await run(made);
  } finally {
    await made.stop();
  }
}

async function entries(made: Switch): Promise<string[]> {
  const found: string[] = [];
  for await (const { mac, port } of made.fdb()) found.push(`${hex(mac)} ${port}`);
  return found.sort();
}

test('switch: frames are switched on the thread and counted', () =>
  withSwitch(async made => {
    assert.is(await made.inject(0, [frame(), frame()]), true);
    const counters = await settled(made, 2n);
    assert.is(counters.core[CoreCounter.Sent], 4n);
    assert.equal(await entries(made), ['020000000001 0']);
  }));

/** Counters once `received` frames have been decided on: the injection is a request too. */
async function settled(made: Switch, received: bigint) {
  for (;;) {
    const counters = await made.counters();
    if (counters.core[CoreCounter.Received]! >= received) return counters;
  }
}

test('switch: a reload changes what differs and says what', () =>
  withSwitch(async made => {
    await made.inject(0, [frame()]);
    await settled(made, 1n);
    const reloaded = once(made, 'reloaded');
    const change = await made.reload(config(LAN.replace('p2:', 'p3:')));
    assert.equal(change.addedPorts, ['p3']);
    assert.equal(change.removedPorts, ['p2']);
    assert.equal((await reloaded)[0], change);
    assert.equal(await entries(made), ['020000000001 0']);
  }));

test('switch: a reload that cannot be is refused and changes nothing', () =>
  withSwitch(async made => {
    const bad = LAN.replace('fdbEntries: 1024', 'fdbEntries: 2048').replace('p2:', 'p3:');
    const error: unknown = await made.reload(config(bad)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.instance(error, ConfigError);
    assert.match((error as Error).message, /^capacities.fdbEntries: expected 1024 as long/);
    assert.ok(made.plan.ports.some(port => port.name === 'p2'));
    await made.reload(config(LAN));
  }));

test('switch: a full table on reload comes back as a problem of the configuration', () =>
  withSwitch(
    async made => {
      const all = Array.from({ length: 200 }, (_, i) => i.toString(16).padStart(2, '0'));
      const fdb = all.map(last => `{ mac: "02:00:00:00:01:${last}", port: p0 }`).join();
      const full = LAN.replace('1024', '16').replace('lan:', `lan: { fdb: [${fdb}] }`);
      const error = await made.reload(config(full)).catch((reason: unknown) => reason);
      assert.instance(error, ConfigError);
      assert.is((error as ConfigError).problems[0]!.path, 'segments.lan.fdb');
      assert.equal(await entries(made), []);
    },
    LAN.replace('1024', '16'),
  ));

test('switch: the FDB is added to, removed from and flushed', () =>
  withSwitch(async made => {
    assert.is(await made.addFdb(A, 1, 2, FdbKind.Static), true);
    assert.is(await made.removeFdb(A, 1), true);
    assert.is(await made.removeFdb(A, 1), false);
    await made.addFdb(A, 1, 2, FdbKind.Static);
    assert.is(await made.flushFdb({}), 0);
    assert.is(await made.flushFdb({ all: true }), 1);
  }));

test('switch: a snapshot is a core of its own', () =>
  withSwitch(async made => {
    await made.inject(0, [frame()]);
    await settled(made, 1n);
    const copy = Core.restore(await made.snapshot());
    assert.is([...copy.fdbEntries()].length, 1);
  }));

test('switch: a capture gives frames with their direction, until it is stopped', () =>
  withSwitch(async made => {
    const frames: CapturedFrame[] = [];
    const spec = { port: 0, drops: false, filter: `ether src ${macText}`, snapBytes: 20 };
    const stop = await made.capture(spec, captured => {
      frames.push(...captured.frames);
      captured.release();
    });
    await made.inject(0, [frame(), frame(A + 1n)]);
    await settled(made, 2n);
    await made.counters();
    await stop();
    assert.is(frames.length, 1);
    assert.is(frames[0]!.direction, 'rx');
    assert.is(frames[0]!.lengthBytes, 60);
    assert.is(frames[0]!.data.length, 20);
  }));

const macText = '02:00:00:00:00:01';

test('switch: frames beyond what a slow reader leaves room for are counted as lost', () =>
  withSwitch(async made => {
    let lost = 0;
    const held: (() => void)[] = [];
    const spec = { port: 0, drops: false, filter: '', snapBytes: 65536 };
    const stop = await made.capture(spec, captured => {
      lost += captured.lostFrames;
      held.push(captured.release);
    });
    const large = Buffer.concat([frame(), Buffer.alloc(60000)]);
    for (let i = 0; i < 40; i++) await made.inject(0, Array<Uint8Array>(10).fill(large));
    await settled(made, 400n);
    for (const release of held.splice(0)) release();
    await made.inject(0, [frame()]);
    await settled(made, 401n);
    await made.counters();
    await stop();
    assert.ok(lost > 0, `${lost} lost`);
  }));

test('switch: dropped frames are captured with their reason', () =>
  withSwitch(async made => {
    const frames: CapturedFrame[] = [];
    const spec = { drops: true, filter: '', snapBytes: 65536 };
    const stop = await made.capture(spec, captured => {
      frames.push(...captured.frames);
      captured.release();
    });
    await made.inject(1, [new Uint8Array(5)]);
    await settled(made, 1n);
    await made.counters();
    await stop();
    assert.equal(
      frames.map(({ port, direction, reason }) => [port, direction, reason]),
      [[1, 'drop', 2]],
    );
  }));

test('switch: a port of kind pcap is refused', async () => {
  const error = await Switch.start(config('ports: { p0: { kind: pcap } }')).catch(e => e);
  assert.match(
    error.message,
    /^ports.p0.kind: expected tap, packet, udp or memory in a live switch/,
  );
});

test.run();
