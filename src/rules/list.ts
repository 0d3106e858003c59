/**
 * Rules in the layout of `iptables -L`, as version 1.8.9 prints it. With `numeric` the text is
 * the same; without it protocols have names and `anywhere` stands for all addresses, while
 * addresses and ports stay numbers.
 */
import { listMatches } from './list-match.js';
import { listTarget, targetName } from './list-target.js';
import type { Chain, Counters, Family, IpMask, Match, OfKind, Rule } from './model.js';
import type { RuleTable } from './model.js';
import { protocolName } from './protocols.js';
import { printIpMask } from './values.js';

export interface ListOptions {
  readonly family: Family;
  /** Counters and interfaces too: `-v`. */
  readonly verbose?: boolean;
  /** `-n`. */
  readonly numeric?: boolean;
  /** Counters without K, M, G: `-x`. */
  readonly exact?: boolean;
  readonly lineNumbers?: boolean;
}

/** These chains of a table, each with its head; ends without a new line. */
export function listRules(
  table: RuleTable,
  chains: readonly Chain[],
  options: ListOptions,
): string {
  return chains.map(chain => chainText(table, chain, options)).join('\n\n');
}

function chainText(table: RuleTable, chain: Chain, options: ListOptions): string {
  return [
    `Chain ${chain.name} (${chainState(table, chain, options)})`,
    headLine(options),
    ...chain.rules.map((rule, index) => ruleLine(rule, index, options)),
  ].join('\n');
}

function chainState(table: RuleTable, chain: Chain, options: ListOptions): string {
  const { name, policy, counters } = chain;
  if (policy === undefined) return `${references(table, name)} references`;
  if (options.verbose !== true) return `policy ${policy}`;
  const { packets, bytes } = counters;
  const exact = options.exact === true;
  const [some, many] = [packets, bytes].map(count => (exact ? `${count}` : shortCount(count)));
  return `policy ${policy} ${some} packets, ${many} bytes`;
}

/** How many rules of the table call a chain. */
function references(table: RuleTable, name: string): number {
  const rules = table.chains.flatMap(chain => chain.rules);
  return rules.filter(({ target }) => 'chain' in target && target.chain === name).length;
}

function headLine({ verbose, exact, lineNumbers }: ListOptions): string {
  const counters = exact === true ? '    pkts      bytes ' : ' pkts bytes ';
  return [
    lineNumbers === true ? 'num  ' : '',
    verbose === true ? counters : '',
    'target     prot opt ',
    verbose === true ? 'in     out     ' : '',
    'source               destination         ',
  ].join('');
}

function ruleLine(rule: Rule, index: number, options: ListOptions): string {
  const { family, verbose, lineNumbers } = options;
  const { matches, target } = rule;
  const find = <K extends Match['kind']>(kind: K) =>
    matches.find((match): match is OfKind<Match, K> & Match => match.kind === kind);
  const extra = [listMatches(matches, family), listTarget(target, family)].filter(Boolean);
  return [
    lineNumbers === true ? `${String(index + 1).padEnd(4)} ` : '',
    verbose === true ? countersText(rule.counters, options) : '',
    `${targetName(target, family).padEnd(9)} `,
    protocolText(find('protocol'), options),
    `${fragmentText(find('fragment'), family)} `,
    verbose === true ? ` ${interfaceText(find('in'), options)}` : '',
    verbose === true ? `${interfaceText(find('out'), options)}` : '',
    addressText(find('source'), options),
    addressText(find('destination'), options),
    target.kind === 'goto' ? '[goto] ' : '',
    ...extra.map(text => ` ${text}`),
  ].join('');
}

type Of<K extends Match['kind']> = OfKind<Match, K> & Match;

function sign(match: { negated: boolean } | undefined): string {
  return match?.negated === true ? '!' : ' ';
}

function protocolText(match: Of<'protocol'> | undefined, { numeric }: ListOptions): string {
  const number = match?.protocol ?? 0;
  const name = match === undefined ? 'all' : protocolName(number);
  return `${sign(match)}${(numeric === true ? String(number) : name).padEnd(4)} `;
}

function fragmentText(match: Of<'fragment'> | undefined, family: Family): string {
  if (match === undefined || family === 'ipv6') return '--';
  return match.negated ? '!f' : '-f';
}

function interfaceText(match: Of<'in' | 'out'> | undefined, { numeric }: ListOptions): string {
  if (match === undefined) return `${(numeric === true ? '*' : 'any').padEnd(6)} `;
  const name = `${match.negated ? '!' : ''}${match.name}${match.isPrefix ? '+' : ''}`;
  return `${name.padEnd(6)} `;
}

function addressText(
  match: (Match & { prefix: IpMask }) | undefined,
  { numeric, family }: ListOptions,
): string {
  const all = family === 'ipv4' ? '0.0.0.0/0' : '::/0';
  const none = numeric === true ? all : 'anywhere';
  const text = match === undefined ? none : shortPrefix(printIpMask(match.prefix));
  return `${sign(match)}${text.padEnd(19)} `;
}

/** One address stands without its length. */
function shortPrefix(text: string): string {
  return text.replace(/\/(32|128|255\.255\.255\.255)$/, '');
}

function countersText({ packets, bytes }: Counters, { exact }: ListOptions): string {
  const text = (count: bigint): string =>
    exact === true ? `${count}`.padStart(8) : columnCount(count);
  return `${text(packets)} ${text(bytes)} `;
}

const LAST_WHOLE = 99999n;
const LAST_SHORT = 9999n;
const UNITS = ['K', 'M', 'G', 'T'];

/** Up to five digits, or four and a unit: 12346K; units are powers of 1000, rounded. */
function shortCount(count: bigint): string {
  if (count <= LAST_WHOLE) return `${count}`;
  let rounded = count;
  for (const unit of UNITS) {
    rounded = (rounded + 500n) / 1000n;
    if (rounded <= LAST_SHORT || unit === 'T') return `${rounded}${unit}`;
  }
  return `${rounded}`;
}

function columnCount(count: bigint): string {
  return shortCount(count).padStart(5);
}
