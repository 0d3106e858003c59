import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Hook, SubjectField } from '../../../assembly/rules-abi.js';
import { INTERFACES, randomRuleSet, randomSubject } from '../../support/random-rules.js';
import { seededRandom } from '../../support/random.js';
import { packet, rule, ruleSet } from '../../support/rule-builder.js';
import { ReferenceRules } from '../../support/reference-rules.js';
import { RulesRig } from '../../support/rules-rig.js';

const random = seededRandom('paths');

/** A rule for each of `count` ports, each a trail of its own. */
function rigOfPorts(count: number, paths: number): RulesRig {
  const rules = Array.from({ length: count }, (_, port) =>
    rule('accept', { kind: 'destinationPort', ports: { first: port, last: port } }),
  );
  return new RulesRig(ruleSet({ filter: { FORWARD: rules } }), { paths });
}

function pathTo(rig: RulesRig, destinationPort: number): number {
  rig.ask(Hook.FilterForward, packet({ destinationPort }));
  return rig.unit.call('pathOf', rig.rules, rig.subject);
}

test('paths: equal trails have one number, others another', () => {
  const rig = rigOfPorts(20, 20);
  const first = Array.from({ length: 20 }, (_, port) => pathTo(rig, port));
  assert.is(new Set(first).size, 20);
  assert.ok(first.every(path => path > 0 && path <= 20));
  assert.equal(
    Array.from({ length: 20 }, (_, port) => pathTo(rig, port)),
    first,
  );
});

test('paths: a full table gives no number to what is new, and knows what it has', () => {
  const rig = rigOfPorts(9, 8);
  const first = Array.from({ length: 8 }, (_, port) => pathTo(rig, port));
  assert.is(pathTo(rig, 8), 0);
  assert.is(pathTo(rig, 3), first[3]);
});

test('paths: a table without room for more trails gives no number', () => {
  const rules = Array.from({ length: 40 }, (_, i) =>
    rule('none', { kind: 'mark', mark: { value: i % 2, mask: i % 2 } }),
  );
  const rig = new RulesRig(ruleSet({ filter: { FORWARD: rules } }), { paths: 2 });
  const path = (mark: number): number => {
    rig.ask(Hook.FilterForward, packet({ mark }));
    return rig.unit.call('pathOf', rig.rules, rig.subject);
  };
  assert.is(path(0), 1);
  assert.is(path(1), 0, '21 and 41 words are more than 32');
});

test('paths: none at all is a table of none', () => {
  assert.is(pathTo(rigOfPorts(2, 0), 1), 0);
});

test('paths: a new program forgets them and the counters', () => {
  const rig = rigOfPorts(4, 4);
  const path = pathTo(rig, 1);
  rig.unit.call('countPath', rig.rules, path, 5, 500);
  rig.unit.call('foldPaths', rig.rules);
  assert.equal(rig.counter(1), [5n, 500n]);
  rig.load([ruleSet({ filter: { FORWARD: [rule('drop')] } })]);
  assert.equal(rig.counter(1), [0n, 0n]);
  assert.is(pathTo(rig, 3), 1);
  rig.unit.call('foldPaths', rig.rules);
  assert.equal(rig.counter(0), [0n, 0n]);
});

/** Hooks that are asked in turn. */
const ASKED = [
  [Hook.FilterForward, 'FORWARD'],
  [Hook.FilterInput, 'INPUT'],
] as const;

const SETS = 8;
const SUBJECTS = 300;

/** Counts random packets by paths and trails. How many were counted by a path. */
function countRandom(): number {
  const set = randomRuleSet(random, 'ipv4', 100);
  const reference = new ReferenceRules(set);
  const rig = new RulesRig(set, { interfaces: INTERFACES, paths: 2 });
  const want = new Map<string, [bigint, bigint]>();
  let byPath = 0;
  for (let i = 0; i < SUBJECTS; i++) {
    const subject = { ...randomSubject(random, 'ipv4'), nowMs: 1000 * i };
    const [hook, name] = ASKED[random(ASKED.length)]!;
    const { trail } = reference.evaluate('filter', name, subject);
    rig.ask(hook, subject);
    const bytes = subject.packet.length;
    const path = rig.unit.call('pathOf', rig.rules, rig.subject);
    if (path === 0) rig.unit.call('countTrail', rig.rules, rig.subject, 0, bytes);
    else rig.unit.call('countPath', rig.rules, path, 1, bytes);
    byPath += path === 0 ? 0 : 1;
    if (i % 100 === 0) rig.unit.call('foldPaths', rig.rules);
    for (const met of trail) {
      const [packets, sum] = want.get(met) ?? [0n, 0n];
      want.set(met, [packets + 1n, sum + BigInt(bytes)]);
    }
  }
  rig.unit.call('foldPaths', rig.rules);
  rig.unit.call('foldPaths', rig.rules);
  const { rules, policies } = rig.compiled;
  const ids = Array.from({ length: rules.length + policies.length }, (_, id) => id);
  const counted = ids.filter(id => rig.counter(id)[0] !== 0n);
  const found = counted.map(id => [rig.nameOf(id), rig.counter(id)] as const);
  assert.equal(Object.fromEntries(found), Object.fromEntries(want));
  return byPath;
}

test('paths: counting by paths and by trails gives what each rule met, by the reference', () => {
  const byPath = Array.from({ length: SETS }, countRandom).reduce((a, b) => a + b);
  assert.ok(byPath > 0 && byPath < SETS * SUBJECTS, `${byPath} by path`);
});

test('paths: the trail of a hook that flows do not ask again is counted apart', () => {
  const rig = new RulesRig(
    ruleSet({
      filter: { FORWARD: [rule('accept')] },
      nat: { PREROUTING: [rule({ kind: 'redirect', ports: undefined, random: false })] },
    }),
  );
  rig.ask(Hook.NatPrerouting, packet());
  rig.unit.call('countTrail', rig.rules, rig.subject, 0, 40);
  rig.unit.view.setUint32(rig.subject + SubjectField.TrailLength, 0, true);
  rig.askAgain(Hook.FilterForward);
  const path = rig.unit.call('pathOf', rig.rules, rig.subject);
  rig.unit.call('countPath', rig.rules, path, 10, 400);
  rig.unit.call('foldPaths', rig.rules);
  const ids = rig.compiled.rules.map(({ table }, id) => [table, rig.counter(id)]);
  assert.equal(Object.fromEntries(ids), { filter: [10n, 400n], nat: [1n, 40n] });
});

test.run();
