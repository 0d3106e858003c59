import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyText, parseRules } from '../../src/rules/apply.js';
import type { ApplyOptions } from '../../src/rules/apply.js';
import type { RuleSet } from '../../src/rules/model.js';
import { printRules } from '../../src/rules/print.js';
import { problemsOf, read } from './rules-of.js';

const BEFORE = read(`*filter
:INPUT DROP [7:700]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:USER - [0:0]
[1:10] -A INPUT -s 10.0.0.1/32 -j ACCEPT
[2:20] -A INPUT -j USER
[3:30] -A INPUT -s 10.0.0.1/32 -j ACCEPT
[4:40] -A USER -j RETURN
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[5:50] -A OUTPUT -j ACCEPT
COMMIT
`);

function apply(lines: string, options: ApplyOptions = {}, before: RuleSet = BEFORE): RuleSet {
  const text = `*filter\n${lines}\nCOMMIT\n`;
  return applyText(before, { text, family: 'ipv4', file: 't' }, options);
}

/** The lines of chains and rules of table filter, counters shown. */
function lines(set: RuleSet): string[] {
  const filter = { ...set, tables: set.tables.filter(({ name }) => name === 'filter') };
  return printRules(filter, { counters: true })
    .split('\n')
    .filter(line => /^[:[]/.test(line));
}

function added(lines: readonly string[]): string[] {
  return lines.filter(line => line.startsWith('['));
}

test('apply: a named table begins empty, the others stay', () => {
  const set = apply('-A INPUT -j ACCEPT');
  assert.equal(lines(set), [
    ':INPUT DROP [7:700]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    '[0:0] -A INPUT -j ACCEPT',
  ]);
  assert.equal(set.tables[1], BEFORE.tables[1]);
});

test('apply: a rule that is unchanged keeps its counters, by occurrence', () => {
  const set = apply(`:USER - [0:0]
-A USER -j RETURN
-A INPUT -j ACCEPT
-A INPUT --source 10.0.0.1 --jump ACCEPT
-A INPUT -s 10.0.0.1 -j ACCEPT
-A INPUT -s 10.0.0.1 -j ACCEPT
-A FORWARD -s 10.0.0.1 -j ACCEPT`);
  assert.equal(added(lines(set)), [
    '[0:0] -A INPUT -j ACCEPT',
    '[1:10] -A INPUT -s 10.0.0.1/32 -j ACCEPT',
    '[3:30] -A INPUT -s 10.0.0.1/32 -j ACCEPT',
    '[0:0] -A INPUT -s 10.0.0.1/32 -j ACCEPT',
    '[0:0] -A FORWARD -s 10.0.0.1/32 -j ACCEPT',
    '[4:40] -A USER -j RETURN',
  ]);
});

test('apply: counters of the text count with counters, -c always', () => {
  const text = ':INPUT - [8:80]\n[9:90] -A INPUT -j ACCEPT\n-A INPUT -c 1 2 -j DROP';
  assert.equal(lines(apply(text, { counters: true })).slice(0, 1), [':INPUT DROP [8:80]']);
  assert.equal(added(lines(apply(text, { counters: true }))), [
    '[9:90] -A INPUT -j ACCEPT',
    '[1:2] -A INPUT -j DROP',
  ]);
  assert.equal(added(lines(apply(text))), ['[0:0] -A INPUT -j ACCEPT', '[1:2] -A INPUT -j DROP']);
});

test('apply: noflush keeps the rules, but flushes a user chain that is declared', () => {
  const set = apply(':USER - [0:0]\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP', { noflush: true });
  assert.equal(lines(set), [
    ':INPUT ACCEPT [7:700]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':USER - [0:0]',
    '[1:10] -A INPUT -s 10.0.0.1/32 -j ACCEPT',
    '[2:20] -A INPUT -j USER',
    '[3:30] -A INPUT -s 10.0.0.1/32 -j ACCEPT',
    '[0:0] -A INPUT -j DROP',
  ]);
});

test('apply: insert, replace and delete, by number and by rule', () => {
  const noflush = { noflush: true };
  assert.equal(added(lines(apply('-I INPUT 2 -j DROP\n-I INPUT -j LOG', noflush))).slice(0, 3), [
    '[0:0] -A INPUT -j LOG',
    '[1:10] -A INPUT -s 10.0.0.1/32 -j ACCEPT',
    '[0:0] -A INPUT -j DROP',
  ]);
  assert.equal(added(lines(apply('-R INPUT 2 -j DROP', noflush)))[1], '[0:0] -A INPUT -j DROP');
  const deleted = added(lines(apply('-D INPUT 2\n-D INPUT -s 10.0.0.1 -j ACCEPT', noflush)));
  assert.equal(deleted, ['[3:30] -A INPUT -s 10.0.0.1/32 -j ACCEPT', '[4:40] -A USER -j RETURN']);
});

test('apply: chains are made, renamed with their jumps, flushed and deleted', () => {
  const noflush = { noflush: true };
  const renamed = lines(apply('-E USER MINE\n-N A1', noflush));
  assert.equal(renamed.slice(3, 5), [':A1 - [0:0]', ':MINE - [0:0]']);
  assert.ok(renamed.includes('[2:20] -A INPUT -j MINE'));
  assert.equal(lines(apply('-F\n-X', noflush)).length, 3);
  assert.equal(
    problemsOf(() => apply('-X USER', noflush)),
    ['t:2:4: expected a chain to delete, got USER, which has rules'],
  );
  assert.equal(
    problemsOf(() => apply('-F USER\n-X USER', noflush)),
    ['t:3:4: expected a chain to delete, got USER, which a rule of chain INPUT jumps to'],
  );
});

test('apply: counters go to zero, of a rule, a chain or all', () => {
  const noflush = { noflush: true };
  assert.is(
    added(lines(apply('-Z INPUT 3', noflush)))[2],
    '[0:0] -A INPUT -s 10.0.0.1/32 -j ACCEPT',
  );
  const chain = lines(apply('-Z INPUT', noflush));
  assert.equal(
    [chain[0], chain[4], chain[7]],
    [':INPUT DROP [0:0]', '[0:0] -A INPUT -s 10.0.0.1/32 -j ACCEPT', '[4:40] -A USER -j RETURN'],
  );
  assert.equal(
    added(lines(apply('-Z', noflush))).filter(line => !line.startsWith('[0:0]')),
    [],
  );
});

test('apply: a fault in one table refuses them all and changes nothing', () => {
  const text = '*raw\n-A OUTPUT -j DROP\nCOMMIT\n*filter\n-A INPUT -j NONE\nCOMMIT\n';
  const before = printRules(BEFORE, { counters: true });
  assert.equal(
    problemsOf(() => applyText(BEFORE, { text, family: 'ipv4', file: 't' })),
    ['t:5:13: expected a target or a chain of filter, got NONE'],
  );
  assert.is(printRules(BEFORE, { counters: true }), before);
});

test('apply: a list of addresses makes a rule for each pair', () => {
  const set = apply('-A INPUT -s 10.0.0.1,10.0.0.2 -d 10.1.0.0/16,10.2.0.0/16 -j DROP');
  assert.equal(added(lines(set)), [
    '[0:0] -A INPUT -s 10.0.0.1/32 -d 10.1.0.0/16 -j DROP',
    '[0:0] -A INPUT -s 10.0.0.1/32 -d 10.2.0.0/16 -j DROP',
    '[0:0] -A INPUT -s 10.0.0.2/32 -d 10.1.0.0/16 -j DROP',
    '[0:0] -A INPUT -s 10.0.0.2/32 -d 10.2.0.0/16 -j DROP',
  ]);
});

test('apply: comments stay with what they stand before', () => {
  const text = `# all of it
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
# ours
:USER - [0:0]
# let in
-A INPUT -j ACCEPT
COMMIT
# done
`;
  assert.is(printRules(read(text)), text);
});

test('apply: what -4 and -6 mark for the other family is left out', () => {
  const text = '*filter\n-A INPUT -4 -s 10.0.0.1 -j DROP\n-A INPUT -6 -j ACCEPT\nCOMMIT\n';
  const rules = (family: 'ipv4' | 'ipv6'): string[] =>
    parseRules({
      text: family === 'ipv4' ? text : text.replace(/.*10.0.*\n/, ''),
      family,
      file: 't',
    })
      .tables[0]!.chains.flatMap(chain => chain.rules)
      .map(rule => rule.text);
  assert.equal([rules('ipv4'), rules('ipv6')], [['-s 10.0.0.1/32 -j DROP'], ['-j ACCEPT']]);
});

test.run();
