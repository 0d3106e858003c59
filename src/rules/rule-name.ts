/** Names of rules and policies, for people. */
import type { CompiledPlace, CompiledRules } from './compile.js';

/**
 * The rule or policy of a counter: `filter FORWARD rule 3 (rules.v4:12): -A FORWARD -j DROP`,
 * `filter FORWARD policy`; rules count from 1, as `iptables -L --line-numbers` shows them.
 * `fileOf` names what its line is a line of. Undefined: there is no such counter.
 */
export function ruleName(
  { rules, policies }: Pick<CompiledRules, 'rules' | 'policies'>,
  counter: number,
  fileOf: (place: CompiledPlace) => string | undefined = () => undefined,
): string | undefined {
  const compiled = rules[counter];
  if (compiled === undefined) {
    const policy = policies[counter - rules.length];
    return policy === undefined ? undefined : `${policy.table} ${policy.chain} policy`;
  }
  const { table, chain, index, rule } = compiled;
  const file = rule.place.line === 0 ? undefined : fileOf(compiled);
  const where = file === undefined ? '' : ` (${file}:${rule.place.line})`;
  const text = rule.text === '' ? '' : ` ${rule.text}`;
  return `${table} ${chain} rule ${index + 1}${where}: -A ${chain}${text}`;
}
