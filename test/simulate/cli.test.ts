import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';
import { PacketBlocks } from '../../src/replay/packet-blocks.js';
import type { Summary } from '../../src/simulate/index.js';

const SLUICE = packagePath('bin/sluice.js');
const TRUNK = packagePath('examples/simulate-trunk.yaml');
const CAPTURE = packagePath('fixtures/lan-h1.pcap');
const folder = mkdtempSync(join(tmpdir(), 'sluice-simulate-'));
test.after(() => rmSync(folder, { recursive: true }));

function simulate(...words: string[]) {
  return spawnSync(process.execPath, [SLUICE, 'simulate', ...words], { encoding: 'utf8' });
}

function topology(name: string, text: string): string {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, text);
  return file;
}

/** Every file below a folder, by its path there. */
function filesOf(path: string): Map<string, Buffer> {
  const names = readdirSync(path, { recursive: true, withFileTypes: true });
  const files = names.filter(entry => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const whole = join(parentPath, name);
      return [whole.slice(path.length + 1), readFileSync(whole)];
    }),
  );
}

const SMALL = `
hosts:
  a: { segments: { lan: }, ports: { p1: { kind: memory, segment: lan }, p2: { kind: memory, segment: lan } } }
  b: { segments: { lan: }, ports: { p1: { kind: memory, segment: lan }, p2: { kind: memory, segment: lan } } }
links: { wire: { ends: [a.p2, b.p1], lossPercent: 50 } }
`;

test('simulate: two runs are the same to the byte, files and all; another seed is not', () => {
  const runs = [[], [], ['--seed', '2']].map((seed, i) => {
    const out = join(folder, `run${i}`);
    const { status, stdout, stderr } = simulate(
      '-c',
      TRUNK,
      '--seconds',
      '4',
      '--out',
      out,
      ...seed,
    );
    assert.is(stderr.replace(/^simulate: .*\n/gm, ''), ''); // progress, on slow machines
    // Four seconds are not enough for all that the topology expects.
    assert.is(status, 1);
    return { stdout, files: filesOf(out) };
  });
  const [one, two, other] = runs as [(typeof runs)[0], (typeof runs)[0], (typeof runs)[0]];
  assert.is(one.stdout, two.stdout);
  assert.equal([...one.files.keys()].sort(), [...two.files.keys()].sort());
  for (const [name, bytes] of one.files) assert.ok(bytes.equals(two.files.get(name)!), name);
  assert.not.ok(one.files.get('journal.txt')!.equals(other.files.get('journal.txt')!));
  for (const name of ['ports/left.trunk', 'stations/bob', 'drops/left', 'lost/trunk']) {
    assert.ok(one.files.has(`${name}.pcapng`), name);
  }
});

test('simulate: files hold what the summary counts', () => {
  const out = join(folder, 'counted');
  assert.is(simulate('-c', TRUNK, '--out', out).status, 0);
  const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as Summary;
  const blocks = new PacketBlocks(join(out, 'lost/trunk.pcapng'));
  const lost: Record<string, number> = {};
  for (let packet = blocks.next(); packet !== undefined; packet = blocks.next()) {
    const [reason = ''] = packet.comment.split(' at ');
    lost[reason] = (lost[reason] ?? 0) + 1;
  }
  blocks.close();
  const counted = Object.entries(summary.links['trunk']!.lost).filter(([, frames]) => frames > 0);
  assert.equal(lost, Object.fromEntries(counted));
  assert.ok(lost['partition']! > 0 && lost['loss']! > 0);
});

test('simulate: --json prints the summary, and words and captures come in', () => {
  const words = 'eth 02:00:00:00:00:09→02:00:00:00:00:01';
  const file = topology(
    'words',
    `${SMALL}
frames: [{ port: a.p1, words: '${words}', count: 40 }]
captures: [{ port: b.p2, file: ${CAPTURE}, atMs: 100 }]
`,
  );
  const { status, stdout } = simulate('-c', file, '--json');
  assert.is(status, 0);
  const { hosts, links, seed } = JSON.parse(stdout) as Summary;
  const frames = captureFrames(CAPTURE);
  assert.is(seed, 1);
  assert.is(hosts['a']!.ports['p1']!.received, 40);
  assert.is(hosts['b']!.ports['p2']!.received, frames);
  assert.is(links['wire']!.paths['a.p2>b.p1']!.sent, 40);
  const { sent, delivered, lost } = links['wire']!;
  assert.is(sent, delivered + lost.loss);
  assert.ok(lost.loss > 0);
});

/** Records of a classic little-endian pcap. */
function captureFrames(path: string): number {
  const bytes = readFileSync(path);
  let frames = 0;
  for (let at = 24; at < bytes.length; frames++) at += 16 + bytes.readUInt32LE(at + 8);
  return frames;
}

test('simulate: ends with 1 when an expectation does not hold, and says what came', () => {
  const file = topology('expects', `${SMALL}expect: [hosts.a.sent = 0, hosts.b.sent > 0]`);
  const { status, stdout } = simulate('-c', file);
  assert.is(status, 1);
  assert.match(stdout, /^holds: hosts\.a\.sent = 0$/m);
  assert.match(stdout, /^does not hold: hosts\.b\.sent > 0 \(got 0\)$/m);
});

test('simulate: ends with 2 for bad input, with its place, and writes nothing', () => {
  const file = topology('bad', `${SMALL}seed: x\n`);
  const out = join(folder, 'never');
  const bad = simulate('-c', file, '--out', out);
  assert.is(bad.status, 2);
  assert.is(bad.stderr, `sluice: ${file}:6:7: seed: expected 0..9007199254740991, got "x"\n`);
  const broken = topology('cut', `${SMALL}captures: [{ port: a.p1, file: ${TRUNK} }]`);
  const cut = simulate('-c', broken, '--out', out);
  assert.is(cut.status, 2);
  assert.match(
    cut.stderr,
    /^sluice: captures\[0\]\.file: expected a capture that can be read, got /,
  );
  assert.is(simulate('-c', join(folder, 'nowhere.yaml')).status, 2);
  assert.is(simulate().status, 2);
  assert.is(simulate('-c', TRUNK, '--seed', '-1').status, 2);
  assert.not.ok(readdirSync(folder).includes('never'));
});

test('simulate: frames in circles without delay end with 3, not never', () => {
  const file = topology(
    'loop',
    `
hosts:
  a: { segments: { lan: }, ports: { p1: { kind: memory, segment: lan }, p2: { kind: memory, segment: lan } } }
links: { self: { ends: [a.p1, a.p2], delayMs: 0 } }
frames: [{ port: a.p1, words: 'eth 02:00:00:00:00:09→02:00:00:00:00:01' }]
`,
  );
  const { status, stderr } = simulate('-c', file);
  assert.is(status, 3);
  assert.match(stderr, /frames go in circles on links without delay/);
});

test.run();
