import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../src/config/load.js';
import { packagePath } from '../../src/package-path.js';
import { compareFolders } from '../../src/replay/compare.js';
import { portNames, prepareCore, inputsOf } from '../../src/replay/prepare.js';
import { type ReplaySummary, replay } from '../../src/replay/replay.js';
import { framesOf, pcapFrames } from '../support/capture-frames.js';

const HOSTS = ['h1', 'h2', 'h3'];
const INPUTS = HOSTS.map(host => `${host}=${packagePath(`fixtures/lan-${host}.pcap`)}`);
const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
test.after(() => rmSync(folder, { recursive: true }));

async function run(out: string, inputs: readonly string[] = INPUTS): Promise<ReplaySummary> {
  const { core, plan } = prepareCore(loadConfig(packagePath('fixtures/lan.yaml')), inputs.length);
  return replay(core, { inputs: inputsOf(plan, inputs), ports: portNames(plan), outDir: out });
}

test('replay: each host gets what the Linux bridge sent it, frame for frame', async () => {
  const out = join(folder, 'kernel');
  await run(out);
  for (const host of HOSTS) {
    const kernel = pcapFrames(packagePath(`fixtures/lan-${host}-kernel.pcap`));
    assert.ok(kernel.length > 0);
    assert.equal(framesOf(join(out, `${host}.pcapng`)), kernel, host);
  }
});

test('replay: every packet has one fate', async () => {
  const summary = await run(join(folder, 'fates'));
  const { packets, copies, sent, dropped, consumed } = summary;
  assert.is(
    packets,
    HOSTS.reduce(
      (sum, host) => sum + pcapFrames(packagePath(`fixtures/lan-${host}.pcap`)).length,
      0,
    ),
  );
  assert.is(packets + copies, sent + dropped + consumed);
});

test('replay: two runs give the same bytes', async () => {
  await run(join(folder, 'a'));
  await run(join(folder, 'b'));
  for (const file of readdirSync(join(folder, 'a'))) {
    assert.ok(
      readFileSync(join(folder, 'a', file)).equals(readFileSync(join(folder, 'b', file))),
      file,
    );
  }
  assert.equal(compareFolders(join(folder, 'a'), join(folder, 'b'), 10), []);
});

test('replay: other Node versions give the same bytes', async () => {
  const nodes = (process.env['SLUICE_NODES'] ?? '').split(':').filter(path => path !== '');
  if (nodes.length === 0) {
    process.stdout.write('skipped: replay on other Node versions, SLUICE_NODES names none\n');
    return;
  }
  await run(join(folder, 'this'));
  for (const [i, node] of nodes.entries()) {
    const out = join(folder, `node-${i}`);
    const config = packagePath('fixtures/lan.yaml');
    const inputs = INPUTS.flatMap(input => ['--in', input]);
    execFileSync(node, [
      packagePath('bin/sluice.js'),
      'replay',
      '-c',
      config,
      ...inputs,
      '--out',
      out,
    ]);
    assert.equal(compareFolders(join(folder, 'this'), out, 10), [], node);
  }
});

test('compare: names packet, field, expected and got', async () => {
  const [left, right] = [join(folder, 'left'), join(folder, 'right')];
  await run(left);
  await run(right);
  const file = join(right, 'h2.pcapng');
  const bytes = readFileSync(file);
  const frame = Buffer.from(framesOf(file)[0]!, 'hex');
  bytes[bytes.indexOf(frame) + 11]! ^= 0xff;
  writeFileSync(file, bytes);
  assert.equal(compareFolders(left, right, 10), [
    {
      file: 'h2.pcapng',
      packet: 1,
      field: 'eth.src (byte 11)',
      expected: '02:42:0a:00:00:01',
      got: '02:42:0a:00:00:fe',
    },
  ]);
});

test('compare: a missing file and a missing packet are differences', async () => {
  const [left, right] = [join(folder, 'more'), join(folder, 'less')];
  await run(left);
  await run(right);
  rmSync(join(right, 'h1.pcapng'));
  const file = join(right, 'h3.pcapng');
  const last = framesOf(file).at(-1)!;
  const lastBlock = Math.ceil(last.length / 2 / 4) * 4 + 44;
  truncateSync(file, readFileSync(file).length - lastBlock);
  const [first, second] = compareFolders(left, right, 10);
  assert.equal(first, { file: 'h1.pcapng', field: 'file', expected: 'a file', got: 'none' });
  assert.is(second?.field, 'packet');
  assert.is(second?.got, 'none');
});

test('replay: a cut capture gives its whole records, then says where it was cut', async () => {
  const cut = join(folder, 'cut.pcap');
  const bytes = readFileSync(packagePath('fixtures/lan-h1.pcap'));
  writeFileSync(cut, bytes.subarray(0, bytes.length - 5));
  const summary = await run(join(folder, 'cut'), [`h1=${cut}`]);
  assert.is(summary.packets, pcapFrames(packagePath('fixtures/lan-h1.pcap')).length - 1);
  assert.match(summary.cut ?? '', /cut\.pcap: offset \d+: cut short/);
});

test('replay: an input for a port that is not configured is refused before anything is written', async () => {
  const out = join(folder, 'never');
  try {
    await run(out, [`h9=${packagePath('fixtures/lan-h1.pcap')}`]);
    assert.unreachable();
  } catch (error) {
    assert.match(
      (error as Error).message,
      /--in: expected PORT=FILE with a port of h1, h2, h3, got 'h9=/,
    );
  }
  assert.not.ok(existsSync(out));
});

test.run();
