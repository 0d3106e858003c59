import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Hook, MOST_GROUPS } from '../../../assembly/rules-abi.js';
import type { CompileOptions } from '../../../src/rules/compile.js';
import type { Family, Hook as HookName, TableName } from '../../../src/rules/model.js';
import { INTERFACES, randomRuleSet, randomSubject } from '../../support/random-rules.js';
import { seededRandom } from '../../support/random.js';
import { ReferenceRules } from '../../support/reference-rules.js';
import { RulesRig, inWords, type RigOutcome } from '../../support/rules-rig.js';

const HOOKS: [Hook, TableName, HookName][] = [
  [Hook.RawPrerouting, 'raw', 'PREROUTING'],
  [Hook.RawOutput, 'raw', 'OUTPUT'],
  [Hook.ManglePrerouting, 'mangle', 'PREROUTING'],
  [Hook.MangleInput, 'mangle', 'INPUT'],
  [Hook.MangleForward, 'mangle', 'FORWARD'],
  [Hook.MangleOutput, 'mangle', 'OUTPUT'],
  [Hook.ManglePostrouting, 'mangle', 'POSTROUTING'],
  [Hook.NatPrerouting, 'nat', 'PREROUTING'],
  [Hook.NatInput, 'nat', 'INPUT'],
  [Hook.NatOutput, 'nat', 'OUTPUT'],
  [Hook.NatPostrouting, 'nat', 'POSTROUTING'],
  [Hook.FilterInput, 'filter', 'INPUT'],
  [Hook.FilterForward, 'filter', 'FORWARD'],
  [Hook.FilterOutput, 'filter', 'OUTPUT'],
];
const SETS = 12;
const SUBJECTS = 300;

const random = seededRandom('rules');

function withoutFlags(outcome: RigOutcome): Omit<RigOutcome, 'isVolatile' | 'dependsOnSyn'> {
  const { isVolatile: _volatile, dependsOnSyn: _syn, ...rest } = outcome;
  return rest;
}

/** Asks core and reference about the same packets at the same hooks. */
function compare(family: Family, mostRules: number, options: CompileOptions, zone: number): void {
  const set = randomRuleSet(random, family, mostRules);
  const reference = new ReferenceRules(set);
  const rig = new RulesRig(set, { interfaces: INTERFACES, ...options, zone });
  let nowMs = 0;
  for (let i = 0; i < SUBJECTS; i++) {
    nowMs += random(2000);
    const subject = { ...randomSubject(random, family), nowMs };
    const [hook, table, name] = HOOKS[random(HOOKS.length)]!;
    const want = inWords(reference.evaluate(table, name, subject));
    const found = rig.ask(hook, subject);
    if (want.trail.length > 48) {
      assert.equal(found.trail, want.trail.slice(0, 48));
      assert.ok(found.isVolatile);
      found.trail = want.trail;
    }
    assert.equal(withoutFlags(found), want, `set of ${mostRules}, subject ${i}, ${table} ${name}`);
  }
}

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`rules: ${family}, one after the other, are what the reference says`, () => {
    for (let i = 0; i < SETS; i++) compare(family, 10 + 4 * i, { smallChain: Infinity }, i % 3);
  });

  test(`rules: ${family}, in groups however small, are what the reference says`, () => {
    for (let i = 0; i < SETS; i++)
      compare(family, 2 + 5 * i, { smallChain: 0, mostGroups: MOST_GROUPS }, i % 3);
  });

  test(`rules: ${family}, of large chains, are what the reference says`, () => {
    for (let i = 0; i < 3; i++) compare(family, 600, {}, 0);
  });
}

test('rules: what may differ with the next packet of a flow is said to be volatile', () => {
  let changed = 0;
  for (let round = 0; round < SETS; round++) {
    const rig = new RulesRig(randomRuleSet(random, 'ipv4', 20), { interfaces: INTERFACES });
    for (let i = 0; i < SUBJECTS; i++) {
      const subject = randomSubject(random, 'ipv4');
      const other = randomSubject(random, 'ipv4');
      const [hook] = HOOKS[random(HOOKS.length)]!;
      const first = rig.ask(hook, subject);
      if (first.isVolatile) continue;
      const { packet, mac, nowMs } = other;
      if (packet.length < 40) continue; // a cut TCP header is no packet of a flow
      if (first.dependsOnSyn) packet[20 + 13]! &= ~2;
      const second = rig.ask(hook, { ...subject, packet, mac, nowMs, l4: 20 });
      assert.equal(second.trail, first.trail);
      assert.is(second.verdict, first.verdict);
      changed++;
    }
  }
  assert.ok(changed > SETS, 'some were not volatile');
});

test.run();
