import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';
import { Rig, run, whyNot } from './run-rig.js';

const reason = whyNot();
if (reason !== undefined) process.stdout.write(`e2e run: skipped: ${reason}\n`);

const live = suite('e2e run');
const check = reason === undefined ? live : live.skip;

const UDP_PORT = 7777;
/** Bounded so that no queue can overflow: a loss is then the switch's. */
const PACKETS = 1500;
const INTERVAL_MS = 2;
const RELOADS = 10;

async function withRig(names: string[], test: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = new Rig(names);
  try {
    await test(rig);
  } finally {
    await rig.close();
  }
}

const sluice = (...words: string[]) =>
  spawnSync(process.execPath, [packagePath('bin/sluice.js'), ...words], { encoding: 'utf8' });

check('run: two namespaces ping each other, and SIGTERM ends with a summary', () =>
  withRig(['a', 'b'], async rig => {
    rig.write();
    const made = await rig.start();
    rig.ping('a', 'b');
    assert.is(statSync(rig.socket).mode & 0o777, 0o600);
    const shown = sluice('fdb', 'show', '--socket', rig.socket, '--json');
    assert.is((JSON.parse(shown.stdout) as unknown[]).length, 2);
    assert.is(await made.end(), 0);
    const ended = await made.expect('ended');
    const { core } = ended['stats'] as { core: Record<string, number> };
    const { received, copies, sent, dropped, consumed } = core;
    assert.ok(received! >= 8, `${received} received`);
    assert.is(received! + copies!, sent! + dropped! + consumed!);
    assert.is(existsSync(rig.socket), false);
    assert.is(run('ip', '-n', rig.netns('a'), '-o', 'link').includes('eth0'), false);
  }),
);

check('run: reloads under traffic lose no frame', () =>
  withRig(['a', 'b'], async rig => {
    rig.write();
    const made = await rig.start();
    rig.ping('a', 'b');
    const receiver = inNetns(rig.netns('b'), RECEIVER);
    await once(receiver.stdout, 'data'); // it is bound
    let seen = '';
    receiver.stdout.on('data', (text: Buffer) => (seen += text.toString()));
    const sender = inNetns(rig.netns('a'), SENDER, rig.address('b'));
    const over = Promise.all([once(sender, 'exit'), once(receiver, 'exit')]);
    for (let i = 1; i <= RELOADS; i++) {
      rig.write({ a: `isolated: ${i % 2 === 1}`, b: `storm: { broadcastPerSec: ${i} }` });
      made.signal('SIGHUP');
      await made.expect('reloaded', i);
      await sleep(100);
    }
    await over;
    assert.is(seen.trim(), `${PACKETS} of ${PACKETS}`);
  }),
);

check('run: a reload that is refused is reported and changes nothing', () =>
  withRig(['a', 'b'], async rig => {
    rig.write();
    const made = await rig.start();
    rig.write({ a: 'mtuBytes: 20' });
    made.signal('SIGHUP');
    const refused = await made.expect('refused');
    assert.match(String(refused['problems']), /net.yaml:3:\d+: ports.a.mtuBytes: expected 68/);
    rig.write({ a: 'mtuBytes: 9000' });
    made.signal('SIGHUP');
    const fixed = await made.expect('refused', 2);
    assert.match(String(fixed['problems']), /ports.a.mtuBytes: expected 1500 as long as/);
    rig.ping('a', 'b');
  }),
);

check('run: a switch that was killed is started again at once', () =>
  withRig(['a', 'b'], async rig => {
    rig.write();
    const first = await rig.start();
    rig.ping('a', 'b');
    await first.end('SIGKILL');
    assert.is(existsSync(rig.socket), true);
    await rig.start();
    rig.ping('b', 'a');
  }),
);

check('run: a second switch on the same socket is refused', () =>
  withRig(['a', 'b'], async rig => {
    rig.write();
    await rig.start();
    const words = ['-c', packagePath('test/e2e/empty.yaml'), '--socket', rig.socket];
    const second = sluice('run', ...words);
    assert.is(second.status, 3);
    assert.match(second.stderr, /control socket .*: in use by another process/);
    rig.ping('a', 'b');
  }),
);

check('run: a device that is deleted is reported, survived, and back after a reload', () =>
  withRig(['a', 'b', 'c'], async rig => {
    rig.write();
    const made = await rig.start();
    rig.ping('a', 'c');
    run('ip', '-n', rig.netns('c'), 'link', 'del', 'eth0');
    const gone = await made.expect('gone');
    assert.is(gone['port'], 'c');
    rig.ping('a', 'b');
    const shown = sluice('port', 'show', 'c', '--socket', rig.socket, '--json');
    assert.is((JSON.parse(shown.stdout) as { state: string }[])[0]!.state, 'gone');
    made.signal('SIGHUP');
    await made.expect('reloaded');
    rig.addAddress('c');
    rig.ping('a', 'c');
  }),
);

check('run: ports come and go while others go on', () =>
  withRig(['a', 'b'], async rig => {
    rig.write();
    const made = await rig.start();
    rig.ping('a', 'b');
    rig.write({}, ['a']);
    made.signal('SIGHUP');
    const change = (await made.expect('reloaded'))['change'] as { removedPorts: string[] };
    assert.equal(change.removedPorts, ['b']);
    assert.is(run('ip', '-n', rig.netns('b'), '-o', 'link').includes('eth0'), false);
    rig.write();
    made.signal('SIGHUP');
    await made.expect('reloaded', 2);
    rig.addAddress('b');
    rig.ping('a', 'b');
  }),
);

check('run: an idle switch uses no processor', () =>
  withRig(['a'], async rig => {
    rig.write();
    await rig.start();
    const shown = sluice('check', rig.config);
    assert.is(shown.status, 0);
    const info = run('curl', '-s', '--unix-socket', rig.socket, 'http://sluice/v1/switch');
    const { pid } = JSON.parse(info) as { pid: number };
    const before = cpuTicks(pid);
    await sleep(5000);
    // 2 % of a core: a loop that polled would use all of it.
    assert.ok(cpuTicks(pid) - before <= 10, `${cpuTicks(pid) - before} ticks in 5 s`);
  }),
);

/** User and system time, in hundredths of a second. */
function cpuTicks(pid: number): number {
  const fields = run('cat', `/proc/${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function inNetns(netns: string, code: string, ...words: string[]) {
  const all = ['netns', 'exec', netns, process.execPath, '-e', code, ...words];
  return spawn('ip', all, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Says `ready`, then how many different numbers came; ends with the last, or in silence. */
const RECEIVER = `
const socket = require('dgram').createSocket('udp4');
const seen = new Set();
const end = () => { console.log(seen.size + ' of ${PACKETS}'); process.exit(); };
let silence = setTimeout(end, 60000);
socket.on('message', message => {
  seen.add(message.readUInt32BE(0));
  clearTimeout(silence);
  silence = setTimeout(end, 5000);
  if (seen.size === ${PACKETS}) end();
});
socket.bind(${UDP_PORT}, () => console.log('ready'));`;

const SENDER = `
const socket = require('dgram').createSocket('udp4');
let next = 0;
const timer = setInterval(() => {
  const message = Buffer.alloc(64);
  message.writeUInt32BE(next++, 0);
  const isLast = next === ${PACKETS};
  socket.send(message, ${UDP_PORT}, process.argv[1], () => isLast && socket.close());
  if (isLast) clearInterval(timer);
}, ${INTERVAL_MS});`;

live.run();
