/** A rule set as `iptables-save` prints it. */
import type { Chain, Counters, Rule, RuleSet, RuleTable } from './model.js';

export interface PrintOptions {
  /** `[packets:bytes]` before each rule, as `iptables-save -c`; chains always have theirs. */
  readonly counters?: boolean;
}

/** Ends with a new line; '' for no tables. */
export function printRules(set: RuleSet, options: PrintOptions = {}): string {
  const lines = [
    ...set.tables.flatMap(table => tableLines(table, options)),
    ...(set.remarks ?? []),
  ];
  return lines.map(line => `${line}\n`).join('');
}

function tableLines({ name, chains, remarks = [] }: RuleTable, options: PrintOptions): string[] {
  return [
    ...remarks,
    `*${name}`,
    ...chains.flatMap(chainLines),
    ...chains.flatMap(chain => chain.rules.flatMap(rule => ruleLines(chain, rule, options))),
    'COMMIT',
  ];
}

function chainLines({ name, policy, counters, remarks = [] }: Chain): string[] {
  return [...remarks, `:${name} ${policy ?? '-'} ${countersText(counters)}`];
}

function ruleLines(chain: Chain, rule: Rule, { counters = false }: PrintOptions): string[] {
  const prefix = counters ? `${countersText(rule.counters)} ` : '';
  const text = rule.text === '' ? '' : ` ${rule.text}`;
  return [...(rule.remarks ?? []), `${prefix}-A ${chain.name}${text}`];
}

function countersText({ packets, bytes }: Counters): string {
  return `[${packets}:${bytes}]`;
}
