/** The tables and their built-in chains, in the order in which `iptables-save` prints them. */
import type { Chain, Counters, Hook, Place, RuleTable, TableName } from './model.js';

export const TABLE_HOOKS: Readonly<Record<TableName, readonly Hook[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

export const TABLE_NAMES = Object.keys(TABLE_HOOKS) as TableName[];
export const HOOKS = TABLE_HOOKS.mangle;
export const NO_COUNTERS: Counters = { packets: 0n, bytes: 0n };
/** Of what no text says. */
export const NOWHERE: Place = { line: 0, column: 0 };

/** A table as it is before any text: its built-in chains, empty, and they accept. */
export function emptyTable(name: TableName): RuleTable {
  return { name, chains: TABLE_HOOKS[name].map(hook => emptyChain(hook, 'ACCEPT')) };
}

export function emptyChain(name: string, policy: Chain['policy'], place = NOWHERE): Chain {
  return { name, policy, counters: NO_COUNTERS, rules: [], place };
}

export function isBuiltIn(table: TableName, chain: string): boolean {
  return TABLE_HOOKS[table].some(hook => hook === chain);
}
