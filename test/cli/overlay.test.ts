/** The command line about overlays, with the words of ip and bridge. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ApiClient } from '../../src/api/client.js';
import { SLUICE, sluice, withFolder, withRun } from '../support/cli.js';

const PEER = '192.168.0.3';
const OTHER = '192.168.0.4';
const C2 = '02:42:0a:00:00:03';
const NET = `
name: demo
underlays:
  fabric: { port: m0, addresses: [192.168.0.2/24], mtuBytes: 1400 }
segments:
  web: { overlay: { vni: 4097, underlay: fabric, peers: [${PEER}, ${OTHER}], bum: replicate } }
  plain:
ports:
  c1: { kind: memory, segment: web }
  m0: { kind: memory }
`;

/** Cells of the row that begins with one. */
function row(text: string, first: string): string[] {
  const line = text.split('\n').find(candidate => candidate.trim().startsWith(first));
  return (line ?? '').trim().split(/ {2,}/);
}

test('cli: check prints underlays and overlays', () =>
  withFolder(NET, ({ config }) => {
    const { status, stdout } = sluice('check', config);
    assert.is(status, 0);
    assert.equal(row(stdout, '0  fabric'), ['0', 'fabric', 'm0', '1400', '192.168.0.2/24', '-']);
    const overlay = ['0', 'web', 'vx-001001', '4097', 'fabric', 'vxlan', '4789', '1350'];
    assert.equal(row(stdout, '0  web      vx'), [...overlay, 'replicate', '2']);
    assert.match(stdout, /^tunnel ends: 2 of at most 64$/m);
    const plan = JSON.parse(sluice('check', config, '--json').stdout) as { overlays: unknown[] };
    assert.is(plan.overlays.length, 1);
  }));

test('cli: overlays, tunnel ends, neighbours and entries of a running switch', async () => {
  await withRun(NET, async ask => {
    const segment = row(ask('segment', 'show', 'web').stdout, '0');
    const overlay = ['4097', 'fabric', 'vxlan', '4789', '1350', 'replicate', `${PEER},${OTHER}`];
    assert.equal(segment.slice(-8), ['c1,vx-001001', ...overlay]);
    const ports = ask('port', 'show').stdout;
    assert.equal(row(ports, '1').slice(1, 5), ['m0', 'memory', 'up', 'underlay fabric']);
    assert.equal(row(ports, '2').slice(1, 5), ['vx-001001', 'tunnel', 'up', 'web']);
    const vtep = row(ask('vtep', 'show').stdout, PEER);
    assert.equal(vtep, [PEER, 'fabric', 'static', 'incomplete', '-', '1400', '-', 'web']);
    assert.equal(
      row(ask('vtep', 'show', PEER, '--stats').stdout, PEER).slice(2),
      Array(4).fill('0'),
    );
    assert.is(ask('vtep', 'show', '1.2.3.4').status, 1);
    assert.match(ask('stats').stdout, /^vx-001001/m);

    assert.is(ask('fdb', 'add', C2, 'dst', PEER, 'segment', 'web').status, 0);
    assert.is(ask('fdb', 'add', C2, 'dev', 'vx-001001', 'dst', OTHER).status, 0);
    const entry = row(ask('fdb', 'show', '--dst', OTHER).stdout, C2);
    assert.equal(entry.slice(1), ['web', '-', `dst ${OTHER}`, 'static', '-']);
    assert.is(ask('fdb', 'del', C2, 'dst', OTHER, 'segment', 'web').status, 0);
    assert.is(row(ask('fdb', 'show').stdout, C2)[3], `dst ${PEER}`);
    assert.is(ask('fdb', 'add', C2, 'c1').status, 0);
    assert.is(row(ask('fdb', 'show').stdout, C2)[3], 'c1');

    assert.is(ask('neigh', 'add', '10.0.0.3', 'lladdr', C2, 'segment', 'web').status, 0);
    assert.equal(row(ask('neigh', 'show', 'segment', 'web').stdout, '10.0.0.3'), [
      '10.0.0.3',
      C2,
      'web',
      '-',
      '-',
    ]);
    assert.is(ask('neigh', 'del', '10.0.0.3', 'segment', 'web').status, 0);
    assert.is(ask('neigh', 'del', '10.0.0.3', 'segment', 'web').status, 1);
  });
});

test('cli: words that make no sense are usage errors', async () => {
  await withRun(NET, async ask => {
    const bad = (...words: string[]): string => {
      const { status, stderr } = ask(...words);
      assert.is(status, 2, words.join(' '));
      return stderr.trim();
    };
    assert.match(bad('fdb', 'add', C2, 'c1', 'dts', PEER), /got 'dts' \(did you mean dst\?\)$/);
    assert.is(bad('fdb', 'add', C2, 'dst'), "error: expected something after 'dst', got nothing");
    assert.is(
      bad('fdb', 'add', C2, 'c1', 'dev', 'm0'),
      "error: expected one port, got 'm0' as well",
    );
    assert.match(
      bad('neigh', 'add', '10.0.0.3', 'lladdr', 'x', 'segment', 'web'),
      /mac: expected six/,
    );
    assert.match(
      bad('fdb', 'add', C2, 'dev', 'vx-001001'),
      /dst: expected the address of a tunnel/,
    );
    assert.is(bad('neigh', 'show', 'vid', 'x'), "error: vid: expected a whole number, got 'x'");
  });
});

test('cli: monitor prints a miss', async () => {
  await withRun(NET, async (_ask, folder) => {
    const words = [SLUICE, 'monitor', '--count', '1', '--socket', folder.socket];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = once(createInterface({ input: child.stdout }), 'line');
    const exited = once(child, 'exit');
    const client = new ApiClient(folder.socket);
    const frame = `02000000000902420a000002080045${'00'.repeat(45)}`;
    const retry = setInterval(() => void client.inject('c1', [frame]).catch(() => undefined), 100);
    const [text] = (await line) as [string];
    clearInterval(retry);
    assert.match(text, /^\S+Z L2MISS 02:00:00:00:00:09 segment web dev c1$/);
    assert.is(((await exited) as [number])[0], 0);
  });
});

test.run();
