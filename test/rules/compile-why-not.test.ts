import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Hook, NEAREST_BYTES, SubjectField } from '../../assembly/rules-abi.js';
import type { Chain, Match, Rule, RuleSet } from '../../src/rules/model.js';
import { whyNot, type WhyNot } from '../../src/rules/why-not.js';
import { INTERFACES, randomRuleSet, randomSubject } from '../support/random-rules.js';
import { seededRandom } from '../support/random.js';
import { ReferenceRules, type ReferenceSubject } from '../support/reference-rules.js';
import { packet, prefix, rule, ruleSet } from '../support/rule-builder.js';
import { RulesRig } from '../support/rules-rig.js';

const random = seededRandom('why not');

function ask(rig: RulesRig, subject: ReferenceSubject, hook = Hook.FilterForward): WhyNot {
  rig.ask(hook, subject);
  const length = rig.unit.view.getUint32(rig.subject + SubjectField.TrailLength, true);
  const trail = rig.unit.readWords(rig.subject + SubjectField.Trail, length);
  rig.write(subject);
  const out = rig.unit.place(NEAREST_BYTES);
  rig.unit.call('nearestRule', rig.rules, rig.subject, hook, out);
  const view = new DataView(rig.unit.read(out, NEAREST_BYTES).buffer);
  return whyNot(rig.compiled, trail, view, INTERFACES);
}

const port = (first: number): Match => ({
  kind: 'destinationPort',
  negated: false,
  ports: { first, last: first },
});
const to = (address: string): Match => ({
  kind: 'destination',
  negated: false,
  prefix: prefix(address),
});
const told = ({ decided, nearest, failed }: WhyNot): unknown[] => [
  'rule' in decided ? `${decided.chain}[${decided.index}]` : `policy of ${decided.chain}`,
  nearest && `${nearest.chain}[${nearest.index}]`,
  failed.map(({ kind }) => kind),
];

function rigOf(chains: Record<string, readonly Rule[]>): RulesRig {
  return new RulesRig(ruleSet({ filter: chains }, { FORWARD: 'DROP' }), { interfaces: INTERFACES });
}

test('why not: the rule that all but accepts, and what it asks in vain', () => {
  const rig = rigOf({
    FORWARD: [
      rule('accept', to('10.9.9.9'), port(443)),
      rule({ kind: 'jump', chain: 'WEB' }, to('10.0.0.0/8')),
      rule({ kind: 'jump', chain: 'OTHER' }, to('11.0.0.0/8')),
    ],
    WEB: [rule('accept', to('10.0.0.2'), port(81)), rule('accept', to('10.0.0.3'), port(81))],
    OTHER: [rule('accept')],
  });
  assert.equal(told(ask(rig, packet())), ['policy of FORWARD', 'WEB[0]', ['destinationPort']]);
});

test('why not: a rule behind the one that drops fails by nothing', () => {
  const rig = rigOf({
    FORWARD: [rule('accept', port(81)), rule('drop', port(80)), rule('accept')],
  });
  assert.equal(told(ask(rig, packet())), ['FORWARD[1]', 'FORWARD[2]', []]);
});

test('why not: what rules changed on the way counts', () => {
  const mark = { value: 1, mask: 1 };
  const rig = rigOf({
    FORWARD: [
      rule({ kind: 'mark', mark }),
      rule('accept', { kind: 'mark', mark }, port(81)),
      rule('accept', { kind: 'mark', mark: { value: 0, mask: 1 } }, port(81)),
    ],
  });
  assert.equal(told(ask(rig, packet())), ['policy of FORWARD', 'FORWARD[1]', ['destinationPort']]);
});

test('why not: where nothing accepts there is no such rule', () => {
  assert.equal(told(ask(rigOf({ FORWARD: [rule('drop')] }), packet())), [
    'FORWARD[0]',
    undefined,
    [],
  ]);
});

test('why not: chains that call one another again and again are not walked for ever', () => {
  const chains: Record<string, Rule[]> = { FORWARD: [rule({ kind: 'jump', chain: 'C0' })] };
  for (let i = 0; i < 30; i++) {
    const jump = rule({ kind: 'jump', chain: `C${i + 1}` });
    chains[`C${i}`] = [rule('drop'), jump, jump];
  }
  chains['C30'] = [rule('accept')];
  assert.equal(told(ask(rigOf(chains), packet())), ['C0[0]', 'C30[0]', []]);
});

/** Fewest matches in vain of the rules that accept, in the chains that the packet is led to. */
function fewest(set: RuleSet, reference: ReferenceRules, subject: ReferenceSubject): number {
  const { chains } = set.tables.find(({ name }) => name === 'filter')!;
  let best = Infinity;
  const walk = (chain: Chain): void => {
    for (const { matches, target } of chain.rules) {
      const inVain = matches.filter(match => !reference.holds(match, subject)).length;
      if (target.kind === 'accept') best = Math.min(best, inVain);
      if (inVain > 0 || (target.kind !== 'jump' && target.kind !== 'goto')) continue;
      walk(chains.find(({ name }) => name === target.chain)!);
      if (target.kind === 'goto') return;
    }
  };
  walk(chains.find(({ name }) => name === 'FORWARD')!);
  return best;
}

/** Without what changes packets or remembers them. */
function plain(set: RuleSet): RuleSet {
  const asks = ({ kind }: Match): boolean => kind !== 'limit' && kind !== 'statisticNth';
  const stays = ({ target: { kind } }: Rule): boolean =>
    !['mark', 'connmark', 'ttl', 'tos', 'dscp'].includes(kind);
  const tables = set.tables.map(table => ({
    ...table,
    chains: table.chains.map(chain => ({
      ...chain,
      rules: chain.rules
        .filter(stays)
        .map(each => ({ ...each, matches: each.matches.filter(asks) })),
    })),
  }));
  return { ...set, tables };
}

test('why not: no rule comes closer than the one it names', () => {
  let told = 0;
  for (let round = 0; round < 20; round++) {
    const set = plain(randomRuleSet(random, 'ipv4', 12));
    const reference = new ReferenceRules(set);
    const rig = new RulesRig(set, { interfaces: INTERFACES });
    for (let i = 0; i < 50; i++) {
      const subject = randomSubject(random, 'ipv4');
      if (reference.evaluate('filter', 'FORWARD', subject).verdict === 'Accept') continue;
      const { nearest, failed } = ask(rig, subject);
      const best = fewest(set, reference, subject);
      assert.is(nearest === undefined, best === Infinity);
      if (nearest === undefined) continue;
      const inVain = nearest.rule.matches.filter(match => !reference.holds(match, subject));
      assert.equal(new Set(failed), new Set(inVain));
      assert.is(failed.length, best);
      told++;
    }
  }
  assert.ok(told > 100, `${told}`);
});

test.run();
