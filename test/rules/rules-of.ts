/** Short ways to read rules in tests. */
import * as assert from 'uvu/assert';
import { ConfigError } from '../../src/config/config-error.js';
import { parseRules } from '../../src/rules/apply.js';
import type { Family, Rule, RuleSet } from '../../src/rules/model.js';

/** A text as file `t`. */
export function read(text: string, family: Family = 'ipv4'): RuleSet {
  return parseRules({ text, family, file: 't' });
}

/** The one rule that stands in `table` as this line says; chain USER is there too. */
export function ruleOf(line: string, table = 'filter', family: Family = 'ipv4'): Rule {
  const set = read(`*${table}\n:USER - [0:0]\n${line}\nCOMMIT\n`, family);
  const rules = set.tables[0]!.chains.flatMap(chain => chain.rules);
  assert.is(rules.length, 1, line);
  return rules[0]!;
}

/** The lines of the ConfigError that `make` throws. */
export function problemsOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n');
  }
  return [];
}

/** What is wrong with one line, which is line 3. */
export function problemOf(line: string, table = 'filter', family: Family = 'ipv4'): string {
  return problemsOf(() => ruleOf(line, table, family)).join('\n');
}
