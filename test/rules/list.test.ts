/** `iptables -L`: as iptables itself printed it, see fixtures/record-list.sh. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withAllTables } from '../../src/config/live-rules.js';
import { packagePath } from '../../src/package-path.js';
import { parseRules } from '../../src/rules/apply.js';
import { type ListOptions, listRules } from '../../src/rules/list.js';
import type { Family } from '../../src/rules/model.js';

const read = (name: string): string => readFileSync(packagePath(`fixtures/${name}`), 'utf8');

/** What is listed by the words of a command line. */
function list(words: readonly string[]): string {
  const family: Family = words[0] === 'ip6tables' ? 'ipv6' : 'ipv4';
  const file = family === 'ipv4' ? 'list.v4' : 'list.v6';
  const set = parseRules({ text: read(file), family, file });
  const name = words.includes('-t') ? words[words.indexOf('-t') + 1] : 'filter';
  const wanted = words[words.indexOf('-L') + 1];
  const table = withAllTables(set).find(each => each.name === name)!;
  const isOne = wanted !== undefined && !wanted.startsWith('-');
  const chains = table.chains.filter(chain => !isOne || chain.name === wanted);
  const options: ListOptions = {
    family,
    verbose: words.includes('-v'),
    numeric: words.includes('-n'),
    exact: words.includes('-x'),
    lineNumbers: words.includes('--line-numbers'),
  };
  return listRules(table, chains, options);
}

const SECTIONS = read('list.txt').split(/^== /m).slice(1);

for (const section of SECTIONS) {
  const [command = '', ...lines] = section.trimEnd().split('\n');
  test(`list: ${command}`, () => {
    const ours = list(command.split(' ')).split('\n');
    assert.equal(
      ours.map(line => line.trimEnd()),
      lines.map(line => line.trimEnd()),
    );
  });
}

test('list: trailing blanks are those of iptables too', () => {
  const theirs = SECTIONS.find(section => section.startsWith('iptables -t nat'))!;
  const ours = list(['iptables', '-t', 'nat', '-L', '-v', '-n']);
  assert.is(`${ours}\n`, theirs.slice(theirs.indexOf('\n') + 1));
});

test('list: without -n all addresses and protocols have words', () => {
  const text = list(['iptables', '-L', 'COUNTED', '-v', '-x']);
  assert.equal(text.split('\n').slice(1), [
    '    pkts      bytes target     prot opt in     out     source               destination         ',
    '   99999   100000 ACCEPT     tcp  --  any    any     10.0.0.0/8          !1.1.1.1              tcp dpt:80',
    ' 9999999 10000000 ACCEPT     99   --  eth0   any     anywhere             anywhere            ',
    '9999999999 9999999999999 LOG        all  --  any    any     anywhere             anywhere             LOG flags 13 level 4',
  ]);
});

test.run();
