/**
 * Random rule texts through `iptables-restore` and `iptables-save` of Linux in a network
 * namespace of its own, and through ours: what is printed must be the same.
 */
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyText, parseRules } from '../../src/rules/apply.js';
import type { Family } from '../../src/rules/model.js';
import { printRules } from '../../src/rules/print.js';
import { randomChanges, randomText } from '../rules/random-rules.js';
import { seededRandom } from '../support/random.js';

const ROUNDS = 10;
const TABLES = ['filter', 'raw'];

/** Why these tests cannot run here; undefined: they can. */
function reason(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const { status } = spawnSync('unshare', ['-n', 'iptables-legacy-restore', '--test'], {
    input: '*filter\nCOMMIT\n',
  });
  return status === 0 ? undefined : 'iptables-legacy-restore (package iptables) does not run';
}

const why = reason();
if (why !== undefined) console.log(`skipped: iptables-restore: ${why}`);
const when = why === undefined ? test : test.skip;

/** What Linux prints after both texts; throws what it says against them. */
function linux(family: Family, text: string, changes: string): string {
  const name = family === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy';
  const script = [
    `printf %s "$TEXT" | ${name}-restore`,
    `printf %s "$CHANGES" | ${name}-restore --noflush`,
    ...TABLES.map(table => `${name}-save -t ${table}`),
  ].join(' && ');
  const { status, stdout, stderr } = spawnSync('unshare', ['-n', 'sh', '-c', script], {
    env: { ...process.env, TEXT: text, CHANGES: changes },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${stderr}\n${text}\n${changes}`);
  return stdout.replace(/^#.*\n/gm, '');
}

function ours(family: Family, text: string, changes: string): string {
  const before = parseRules({ text, family, file: 'text' });
  const after = applyText(before, { text: changes, family, file: 'changes' }, { noflush: true });
  return printRules(after);
}

for (const family of ['ipv4', 'ipv6'] as const) {
  when(`iptables-restore: ${family} rules are printed as Linux prints them`, () => {
    const below = seededRandom(`iptables-restore ${family}`);
    for (let round = 0; round < ROUNDS; round++) {
      const text = randomText(below, family === 'ipv6');
      const changes = randomChanges(below, family === 'ipv6');
      const [mine, theirs] = [ours(family, text, changes), linux(family, text, changes)];
      assert.is(mine, theirs, `${text}\n${changes}`);
    }
  });
}

test.run();
