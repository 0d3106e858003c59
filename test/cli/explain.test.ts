import { execFileSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';
import { LiveSwitch } from '../support/live-switch.js';

const PORTS = 'p1: { kind: memory, segment: lan }, p2: { kind: memory, segment: lan }';
const CONFIG = `ports: { ${PORTS} }\nsegments:\n  lan:\n`;
const TO_KNOWN = 'eth 02:00:00:00:00:09→02:00:00:00:00:01';

test('explain: a running switch lends a copy of its state and is not changed', async () => {
  const live = await LiveSwitch.start(CONFIG);
  try {
    await live.sluice('fdb', 'add', '02:00:00:00:00:01', 'p1');
    const before = await live.sluice('fdb', 'show', '--json');
    const json = await live.sluice('explain', '--from', 'p2', TO_KNOWN, '--json');
    const walk = JSON.parse(json) as { verdict: string; steps: { event: string }[] };
    assert.is(walk.verdict, 'sent to p1');
    assert.equal(
      walk.steps.map(step => step.event),
      ['Received', 'SourceLearned', 'DestinationHit', 'Sent'],
    );
    assert.is(await live.sluice('fdb', 'show', '--json'), before);
  } finally {
    await live.stop();
  }
});

/** Exit code and standard error of a command that fails. */
function failing(...args: readonly string[]): { code: number; said: string } {
  try {
    execFileSync(process.execPath, [packagePath('bin/sluice.js'), ...args], { stdio: 'pipe' });
  } catch (error) {
    const { status, stderr } = error as { status: number; stderr: Buffer };
    return { code: status, said: stderr.toString() };
  }
  throw new Error('it did not fail');
}

test('explain: a wrong word and a wrong port are usage errors that say what was expected', () => {
  const config = packagePath('fixtures/lan.yaml');
  const word = failing('explain', '-c', config, '--from', 'h1', 'eth 02:00:00:00:00:09');
  assert.is(word.code, 2);
  assert.match(word.said, /frame: eth: expected a MAC address on each side of an arrow/);
  const port = failing('explain', '-c', config, '--from', 'h9', TO_KNOWN);
  assert.is(port.code, 2);
  assert.match(port.said, /--from: expected one of h1, h2, h3, got h9/);
});

test('explain: a packet behind the end of the captures is a usage error', () => {
  const config = packagePath('fixtures/lan.yaml');
  const input = `h1=${packagePath('fixtures/lan-h1.pcap')}`;
  const { code, said } = failing('explain', '-c', config, '--in', input, '--packet', '100000');
  assert.is(code, 2);
  assert.match(said, /--packet: expected 1\.\.\d+, got 100000/);
});

test.run();
