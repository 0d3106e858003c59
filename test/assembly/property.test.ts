/**
 * Random frames through random switches, the core against the reference switch: same
 * outputs to the byte, same drops by reason and port, same entries in the end.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FdbKind } from '../../assembly/abi.js';
import { hex, macNumber } from '../support/frame.js';
import { seededRandom } from '../support/random.js';
import { randomFrame } from '../support/random-frame.js';
import { HOSTS, PORTS, randomSwitches } from '../support/random-switch.js';
import type { Fate, ReferenceSwitch } from '../support/reference-switch.js';
import type { Outcome, TestSwitch } from '../support/test-switch.js';

const SWITCHES = 250;
const BATCHES = 12;
const random = seededRandom('property');

const textOf = ({ port, reason, hex }: Fate) => `${port} ${reason ?? hex}`;

/** Fates by origin, in the order written; a frame's sent ones before its dropped ones. */
function fatesOf(outcome: Outcome, count: number): string[][] {
  const fates: string[][] = Array.from({ length: count }, () => []);
  for (const { origin, port, bytes } of outcome.sent) fates[origin]!.push(`${port} ${hex(bytes)}`);
  for (const { origin, port, reason } of outcome.dropped) fates[origin]!.push(`${port} ${reason}`);
  return fates;
}

function compareBatch(to: TestSwitch, reference: ReferenceSwitch): void {
  to.nowMs += random(4) === 0 ? random(6000) : random(200);
  reference.nowMs = to.nowMs;
  const batch = Array.from({ length: 1 + random(30) }, () => ({
    port: 1 + random(PORTS),
    frame: randomFrame(random),
    tight: random(3) === 0,
    trace: random(4) === 0,
  }));
  const actual = fatesOf(to.batch(batch), batch.length);
  batch.forEach(({ port, frame }, i) => {
    const expected = reference.inject(port, frame).map(textOf);
    assert.equal(actual[i]!.sort(), expected.sort(), `port ${port}, frame ${hex(frame)}`);
  });
}

/** Static entries stay to the last; learned ones may have been swept. */
function compareEntries(to: TestSwitch, reference: ReferenceSwitch): void {
  const configured = [...reference.fdb.values()].filter(({ kind }) => kind !== FdbKind.Dynamic);
  const entries = [...to.core.fdbEntries()];
  const kept = entries.filter(({ kind }) => kind !== FdbKind.Dynamic);
  assert.is(kept.length, configured.length);
  const hosts = new Set(Array.from({ length: HOSTS }, (_, i) => macNumber(i + 1)));
  assert.ok(kept.every(({ mac }) => hosts.has(mac)));
}

test('property: the core does what the reference switch does', () => {
  let frames = 0;
  for (let i = 0; i < SWITCHES; i++) {
    const [to, reference] = randomSwitches(random);
    for (let batch = 0; batch < BATCHES; batch++) compareBatch(to, reference);
    compareEntries(to, reference);
    frames += Number(to.core.coreCounter(0));
  }
  console.log(`property: ${SWITCHES} switches, ${frames} frames`);
});

test.run();
