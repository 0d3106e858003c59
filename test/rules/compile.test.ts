import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MOST_GROUPS, Hook, Verdict } from '../../assembly/rules-abi.js';
import { ConfigError } from '../../src/config/config-error.js';
import { compileRules } from '../../src/rules/compile.js';
import type { Match, Rule, RuleSet } from '../../src/rules/model.js';
import { packet, prefix, rule, ruleSet } from '../support/rule-builder.js';
import { RulesRig } from '../support/rules-rig.js';

const INTERFACES = new Map([
  ['br0', 1],
  ['br1', 40],
]);

function problemsOf(set: RuleSet, interfaces: ReadonlyMap<string, number> = INTERFACES): string[] {
  try {
    compileRules([{ zone: 0, sets: [set], interfaces, path: 'zones.host', file: 'host.rules' }]);
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).problems.map(
      ({ path, problem, place }) => `${place ?? ''} ${path}: ${problem}`,
    );
  }
  return [];
}

const forward = (rules: readonly Rule[]): RuleSet => ruleSet({ filter: { FORWARD: rules } });

test('rules/compile: a match or target that is not there is refused with its place', () => {
  const physdev: Match = { kind: 'physdevIn', negated: false, name: 'tap0', isPrefix: false };
  const set = forward([
    rule('accept', physdev),
    rule('accept'),
    rule('drop', { kind: 'ctexpire', seconds: { first: 1, last: 2 } }),
    rule({ kind: 'ct', zone: 3 }),
  ]);
  const but = 'expected what this version can ask or do, got';
  assert.equal(problemsOf(set), [
    `host.rules:7:1 zones.host.filter.FORWARD[0]: ${but} physdevIn`,
    `host.rules:7:1 zones.host.filter.FORWARD[2]: ${but} ctexpire`,
    `host.rules:7:30 zones.host.filter.FORWARD[3]: ${but} target ct`,
  ]);
});

test('rules/compile: every kind of match is compiled or refused by its name', () => {
  const refused = [
    'ctstatus',
    'ctorigsrc',
    'ctreplsrc',
    'ctrepldst',
    'ctorigsrcport',
    'ctreplsrcport',
    'ctrepldstport',
    'ctexpire',
    'physdevIn',
    'physdevOut',
    'physdevIsIn',
    'physdevIsOut',
    'physdevIsBridged',
    'pkttype',
  ];
  for (const kind of refused) {
    const [problem] = problemsOf(forward([rule('accept', { kind } as never)]));
    assert.match(problem!, new RegExp(`got ${kind}$`));
  }
});

test('rules/compile: loops of chains and jumps to nowhere are refused', () => {
  const jump = (chain: string): Rule => rule({ kind: 'jump', chain });
  const loop = ruleSet({
    filter: { FORWARD: [jump('A')], A: [jump('B')], B: [rule({ kind: 'goto', chain: 'A' })] },
  });
  assert.equal(problemsOf(loop), [
    'host.rules:3:1 zones.host.filter.A: expected no loop of chains, got A > B > A',
  ]);
  const nowhere = ruleSet({ filter: { FORWARD: [jump('X')], OUTPUT: [jump('INPUT')] } });
  assert.equal(problemsOf(nowhere), [
    'host.rules:3:1 zones.host.filter.FORWARD: expected a user chain, got X',
    'host.rules:3:1 zones.host.filter.OUTPUT: expected a user chain, got INPUT',
  ]);
});

/** `jumps` chains, each jumping to the next; the last one drops. */
function ladder(jumps: number): RuleSet {
  const chains: Record<string, Rule[]> = { FORWARD: [rule({ kind: 'jump', chain: 'C1' })] };
  for (let i = 1; i < jumps; i++) chains[`C${i}`] = [rule({ kind: 'jump', chain: `C${i + 1}` })];
  chains[`C${jumps}`] = [rule('drop')];
  return ruleSet({ filter: chains });
}

test('rules/compile: as many jumps as the core follows, and not one more', () => {
  const rig = new RulesRig(ladder(32));
  assert.is(rig.ask(Hook.FilterForward, packet()).trail.length, 33);
  assert.equal(problemsOf(ladder(33)), [
    'host.rules:3:1 zones.host.filter.FORWARD: ' +
      'expected at most 32 chains that wait for a jump, got 33',
  ]);
});

test('rules/compile: an interface number that no rule can hold is refused', () => {
  assert.equal(problemsOf(forward([]), new Map([['br0', 65536]])), [
    ' zones.host.br0: expected an interface number of at most 65535, got 65536',
  ]);
});

test('rules/compile: ids are dense, those of policies follow, counters go with them', () => {
  const first = { ...rule('accept'), counters: { packets: 3n, bytes: 300n } };
  const set = ruleSet({ nat: { OUTPUT: [first] }, filter: { FORWARD: [rule('drop')] } });
  const { rules, policies, counters } = compileRules([
    { zone: 1, sets: [set], interfaces: INTERFACES, path: '' },
  ]);
  assert.equal(
    rules.map(({ zone, family, table, chain, index }) => [zone, family, table, chain, index]),
    [
      [1, 'ipv4', 'nat', 'OUTPUT', 0],
      [1, 'ipv4', 'filter', 'FORWARD', 0],
    ],
  );
  assert.equal(policies.length, 7);
  assert.equal(policies[4], {
    zone: 1,
    family: 'ipv4',
    table: 'filter',
    chain: 'INPUT',
    verdict: Verdict.Accept,
  });
  assert.equal(counters.slice(0, 4), new BigUint64Array([3n, 300n, 0n, 0n]));
  assert.is(counters.length, 2 * 9);
});

test('rules/compile: interfaces that are not there match nothing, and nothing else', () => {
  const verdict = (match: Match): string =>
    new RulesRig(forward([rule('drop', match)]), { interfaces: INTERFACES }).ask(
      Hook.FilterForward,
      packet({ in: 'br1' }),
    ).verdict;
  const named = (name: string, isPrefix: boolean, negated: boolean): Match => ({
    kind: 'in',
    name,
    isPrefix,
    negated,
  });
  assert.is(verdict(named('br9', false, false)), 'Accept');
  assert.is(verdict(named('br9', false, true)), 'Drop');
  assert.is(verdict(named('veth', true, false)), 'Accept');
  assert.is(verdict(named('veth', true, true)), 'Drop');
  assert.is(verdict(named('br', true, false)), 'Drop');
  assert.is(verdict(named('br', true, true)), 'Accept');
  assert.is(verdict(named('', true, false)), 'Drop');
  assert.is(verdict(named('', true, true)), 'Accept');
});

test('rules/compile: a packet that no service has led is none of a service', () => {
  const verdict = (match: Match): string =>
    new RulesRig(forward([rule('drop', match)])).ask(Hook.FilterForward, packet()).verdict;
  assert.is(verdict({ kind: 'ipvs', negated: false }), 'Accept');
  assert.is(verdict({ kind: 'ipvs', negated: true }), 'Drop');
});

test('rules/compile: what is asked of the connection of a service is refused by its name', () => {
  const matches: [Match, string][] = [
    [{ kind: 'ipvsProtocol', protocol: 6, negated: false }, '--vproto'],
    [{ kind: 'ipvsAddress', prefix: prefix('10.0.0.5/32'), negated: false }, '--vaddr'],
    [{ kind: 'ipvsPort', port: 80, negated: true }, '--vport'],
    [{ kind: 'ipvsPortControl', port: 21, negated: false }, '--vportctl'],
    [{ kind: 'ipvsDirection', direction: 'REPLY', negated: false }, '--vdir'],
    [{ kind: 'ipvsMethod', method: 'MASQ', negated: false }, '--vmethod'],
  ];
  for (const [match, name] of matches) {
    const [problem, ...more] = problemsOf(forward([rule('drop', match)]));
    assert.equal(more, []);
    assert.match(problem!, `expected what this version can ask or do, got ${name}`);
  }
});

test('rules/compile: rules of many shapes are put into a bounded number of groups', () => {
  const rules = Array.from({ length: 2000 }, (_, i) => {
    const source = prefix(`10.${i % 7}.${i % 251}.${i % 97}/32`);
    const bits = 1 + (i % 32);
    const mask = Uint8Array.from({ length: 4 }, (_byte, at) => {
      const here = Math.min(8, Math.max(0, bits - 8 * at));
      return (0xff00 >> here) & 0xff;
    });
    const cut = { ip: source.ip.map((byte, at) => byte & mask[at]!), mask };
    const width = 2 ** (Math.floor(i / 32) % 14);
    return rule(
      'drop',
      { kind: 'source', prefix: cut },
      { kind: 'protocol', protocol: 6 },
      { kind: 'destinationPort', ports: { first: 1000, last: 1000 + width } },
    );
  });
  const rig = new RulesRig(forward(rules));
  const view = new DataView(rig.compiled.program.buffer);
  const chain = view.getUint32(32 + 4 + 4 * Hook.FilterForward, true);
  const groups = view.getUint32(chain + 8, true);
  assert.ok(groups > 1 && groups <= MOST_GROUPS, `${groups}`);
});

test('rules/compile: a program takes about a hundred bytes a rule', () => {
  const rules = Array.from({ length: 20000 }, (_, i) =>
    rule(
      'accept',
      { kind: 'destination', prefix: prefix(`10.0.${i >> 8}.${i & 255}`) },
      { kind: 'in', name: 'br0', isPrefix: false, negated: true },
      { kind: 'out', name: 'br0', isPrefix: false },
      { kind: 'protocol', protocol: 6 },
      { kind: 'destinationPort', ports: { first: 80, last: 80 } },
    ),
  );
  const { program } = compileRules([
    { zone: 0, sets: [forward(rules)], interfaces: INTERFACES, path: '' },
  ]);
  assert.ok(program.length / rules.length < 110, `${program.length / rules.length}`);
});

test.run();
