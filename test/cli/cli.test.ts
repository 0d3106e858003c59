import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SLUICE, sluice, withFolder, withRun } from '../support/cli.js';

const LAN = `
name: demo
segments: { lan: }
ports:
  p0: { kind: memory, segment: lan }
  p1: { kind: memory, segment: lan }
`;
const A = '02:00:00:00:00:01';

test('cli: check prints the plan of a good configuration', () =>
  withFolder(LAN, ({ config }) => {
    const { status, stdout } = sluice('check', config);
    assert.is(status, 0);
    assert.match(stdout, /2 ports, 1 segments, all right/);
    assert.match(stdout, /^ {4}0 {2}p0 {4}memory {2}up {5}lan/m);
    const plan = JSON.parse(sluice('check', config, '--json').stdout) as { name: string };
    assert.is(plan.name, 'demo');
  }));

test('cli: check lists every problem with its place and ends with 2', () =>
  withFolder('seed: x\nports: { p1: { up: 3, kind: memory } }\n', ({ config }) => {
    const { status, stderr } = sluice('check', config);
    assert.is(status, 2);
    assert.equal(stderr.trim().split('\n'), [
      `sluice: ${config}:1:7: seed: expected 0..9007199254740991, got "x"`,
      `sluice: ${config}:2:20: ports.p1.up: expected true or false, got 3`,
    ]);
  }));

test('cli: every command has help with an example', () => {
  const commands = ['run', 'check', 'replay', 'stats', 'drops', 'capture', 'completion'];
  commands.push('monitor');
  const shows = ['port', 'segment', 'vlan', 'fdb', 'neigh', 'vtep'].map(word => [word, 'show']);
  const changes = ['add', 'del', 'flush'].map(word => ['fdb', word]);
  changes.push(['neigh', 'add'], ['neigh', 'del']);
  for (const words of [...commands.map(word => [word]), ...shows, ...changes]) {
    const { status, stdout } = sluice(...words, '--help');
    assert.is(status, 0, words.join(' '));
    assert.match(stdout, /Examples?:\n/, words.join(' '));
  }
  assert.match(sluice('--help').stdout, /Exit codes:/);
});

test('cli: a wrong command line ends with 2', () => {
  assert.is(sluice('runn').status, 2);
  assert.is(sluice('run').status, 2);
  assert.is(sluice('fdb', 'flush', '--prot', 'x').status, 2);
  const filter = sluice('capture', 'p0', 'port', 'x');
  assert.is(filter.status, 2);
  assert.match(filter.stderr, /^sluice: filter: column 6: expected a port/);
});

test('cli: no switch to talk to ends with 3', () => {
  const { status, stderr } = sluice('stats', '--socket', '/nowhere/x.sock');
  assert.is(status, 3);
  assert.match(stderr, /^sluice: control socket \/nowhere\/x.sock: ENOENT/);
});

test('cli: completions name commands and options, and bash reads them', () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { status, stdout } = sluice('completion', shell);
    assert.is(status, 0);
    for (const word of ['capture', 'flush', 'spin-us']) assert.ok(stdout.includes(word), shell);
  }
  const code = `${sluice('completion', 'bash').stdout}
    COMP_WORDS=(sluice fdb fl); COMP_CWORD=2; _sluice; echo "\${COMPREPLY[*]}"`;
  assert.is(spawnSync('bash', ['-c', code], { encoding: 'utf8' }).stdout.trim(), 'flush');
});

test('cli: a running switch is shown, changed and ended with a summary', async () => {
  const lines = await withRun(LAN, async ask => {
    assert.match(ask('port', 'show').stdout, /p0 {4}memory {2}up/);
    assert.is(ask('port', 'show', 'p7').status, 1);
    assert.match(ask('segment', 'show').stdout, /lan .*p0,p1/);
    assert.is(ask('vlan', 'show').status, 0);
    assert.is(ask('fdb', 'add', A, 'p1').status, 0);
    assert.match(ask('fdb', 'show').stdout, /02:00:00:00:00:01 {2}lan {6}- {5}p1 {4}static/);
    assert.is(ask('fdb', 'del', A).status, 0);
    assert.is(ask('fdb', 'del', A).status, 1);
    assert.is(ask('fdb', 'add', 'x', 'p1').status, 2);
    assert.match(ask('fdb', 'flush').stdout, /^0 entries removed/);
    assert.match(ask('stats').stdout, /received 0 \+ copies 0 = sent 0/);
    assert.is(ask('drops').stdout, 'no drops\n');
    assert.is((JSON.parse(ask('port', 'show', '--json').stdout) as unknown[]).length, 2);
  });
  const events = lines.map(line => JSON.parse(line) as { event: string });
  assert.equal(
    events.map(({ event }) => event),
    ['started', 'ended'],
  );
});

test('cli: SIGHUP changes to the file as it is now, or says why not', async () => {
  const lines = await withRun(LAN, async (_ask, folder, child) => {
    const next = once(createInterface({ input: child.stdout! }), 'line');
    writeFileSync(folder.config, LAN.replace('p1:', 'p2:'));
    child.kill('SIGHUP');
    await next;
    const other = once(createInterface({ input: child.stdout! }), 'line');
    writeFileSync(folder.config, LAN.replace('p1:', 'p2: { mtuBytes: 3 }\n  p3:'));
    child.kill('SIGHUP');
    await other;
  });
  const events = lines.map(line => JSON.parse(line) as { event: string; problems?: string[] });
  assert.equal(
    events.map(({ event }) => event),
    ['started', 'reloaded', 'refused', 'ended'],
  );
  assert.match(String(events[2]!.problems), /ports.p2.mtuBytes: expected 68..65535 bytes, got 3/);
});

test('cli: capture writes a pcapng that starts with a section header', async () => {
  await withRun(LAN, async (_ask, folder) => {
    const file = join(folder.path, 'out.pcapng');
    const words = [SLUICE, 'capture', 'p0', '-w', file, '-c', '1', '--socket', folder.socket];
    const child = spawn(process.execPath, words, { stdio: 'ignore' });
    const exited = once(child, 'exit');
    const { ApiClient } = await import('../../src/api/client.js');
    const client = new ApiClient(folder.socket);
    const frame = `ffffffffffff020000000001abcd${'00'.repeat(46)}`;
    const retry = setInterval(() => void client.inject('p0', [frame]).catch(() => undefined), 100);
    const [code] = (await exited) as [number];
    clearInterval(retry);
    assert.is(code, 0);
    const bytes = readFileSync(file);
    assert.is(bytes.readUInt32BE(0), 0x0a0d0d0a);
    assert.ok(bytes.includes(Buffer.from(frame, 'hex')));
  });
});

test.run();
