/** `sluice fw check`: whether a rule is there, as `iptables -C` answers it. */
import { Command } from 'commander';
import { parseRules } from '../../rules/apply.js';
import type { Family, RuleTable } from '../../rules/model.js';
import { ConfigError } from '../../config/config-error.js';
import { printJson } from '../output.js';
import {
  type ZoneOptions,
  refuse,
  runningRules,
  tableNamed,
  withZoneOptions,
} from '../running-rules.js';

interface CheckOptions extends ZoneOptions {
  table: string;
}

const HELP = `
Options stand before the chain. Exit code 0: the rule is there; 1: it is not.

Examples:
  sluice fw check FORWARD -i docker0 -o docker0 -j ACCEPT
  sluice fw check -t nat POSTROUTING -s 172.17.0.0/16 '!' -o docker0 -j MASQUERADE`;

export function fwCheckCommand(): Command {
  return withZoneOptions(new Command('check'))
    .description('ask whether a rule is there, as iptables -C')
    .argument('<chain>', 'chain')
    .argument('[rule...]', 'rule in the words of iptables')
    .option('-t, --table <table>', 'raw, mangle, nat or filter', 'filter')
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action(async (chain: string, words: string[], options: CheckOptions) => {
      const { set } = await runningRules(options);
      const table = tableNamed(set, options.table);
      const exists = hasRules(table, chain, textsOf(table, chain, words, set.family));
      if (options.json) printJson({ exists });
      if (exists) return;
      refuse('iptables: Bad rule (does a matching rule exist in that chain?).');
    });
}

/** One line makes several rules where it names several addresses: all must be there. */
function hasRules(table: RuleTable, name: string, texts: readonly string[]): boolean {
  const chain = table.chains.find(other => other.name === name);
  const there = new Set(chain?.rules.map(({ text }) => text));
  return texts.every(text => there.has(text));
}

/** The rules that words make, as `iptables-save` prints them. */
function textsOf(table: RuleTable, chain: string, words: readonly string[], family: Family) {
  // Chains that the rule may call, and its own; where it jumps to is part of its text.
  const chains = new Set(table.chains.filter(each => each.policy === undefined).map(c => c.name));
  if (!table.chains.some(({ name }) => name === chain)) chains.add(chain);
  const declared = [...chains].map(name => `:${name} - [0:0]`);
  const line = ['-A', chain, ...words].map(quoted).join(' ');
  const text = [`*${table.name}`, ...declared, line, 'COMMIT'].join('\n');
  try {
    const set = parseRules({ text, family, file: 'rule' });
    const made = set.tables[0]!.chains.find(({ name }) => name === chain)!;
    return made.rules.map(rule => rule.text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [first] = error.problems;
    throw new ConfigError('rule', first?.problem ?? error.message);
  }
}

/** A word as one word of a line, whatever the shell let through. */
function quoted(word: string): string {
  if (word !== '' && !/[\s"\\]/.test(word)) return word;
  return `"${word.replace(/["\\]/g, '\\$&')}"`;
}
