/** Rules of a running switch as rule sets with their counters, and other rules in their place. */
import { TABLE_NAMES, NOWHERE, emptyTable } from '../rules/tables.js';
import type { CompiledRules } from '../rules/compile.js';
import type { Chain, Counters, Family, Rule, RuleSet, RuleTable } from '../rules/model.js';
import { applyText, type ApplyOptions } from '../rules/apply.js';
import type { Capacities } from '../core.js';
import { noRoom } from './apply-overlay.js';
import { ConfigError } from './config-error.js';
import type { PlannedZone, ZonesPlan } from './plan-zones.js';
import type { ZoneConfig } from './zone-config.js';
import { compileZones, counterCount, counterKeys } from './zone-rules.js';

/** Rules of zones and what their counters were at one moment, by counter. */
export interface LiveRules {
  zones: ZonesPlan;
  counters: readonly Counters[];
}

/** What a counter is to be. */
export interface CounterValue extends Counters {
  counter: number;
}

/** Other rules, and the counters that are not simply those of the same rule before. */
export interface RulesChange {
  zones: ZonesPlan;
  values: CounterValue[];
}

/** A text for the rules of a zone, and how it is meant. */
export interface RuleChange extends ApplyOptions {
  zone: PlannedZone;
  family: Family;
  text: string;
  /** What problems are named by. */
  file: string;
}

/** The rules of a zone with their counters; without any: the tables are empty. */
export function liveRuleSet(live: LiveRules, zone: PlannedZone, family: Family): RuleSet {
  const found = zone.config.rules.find(({ set }) => set.family === family);
  if (found === undefined) return { family, tables: [] };
  const numbers = new CounterNumbers(live.zones.rules, zone.index, family);
  const counterAt = (at: number | undefined): Counters => live.counters[at ?? -1] ?? NONE;
  const tables = found.set.tables.map(table => ({
    ...table,
    chains: table.chains.map(chain => ({
      ...chain,
      counters: counterAt(numbers.policy(table, chain)),
      rules: chain.rules.map((rule, index) => ({
        ...rule,
        counters: counterAt(numbers.rule(table, chain, index)),
      })),
    })),
  }));
  return { ...found.set, tables };
}

/** All tables of a set in the order of `iptables-save`, the empty ones too. */
export function withAllTables(set: RuleSet): RuleTable[] {
  return TABLE_NAMES.map(name => set.tables.find(table => table.name === name) ?? emptyTable(name));
}

const NONE: Counters = { packets: 0n, bytes: 0n };

/** Numbers of counters by table, chain and place in the chain. */
class CounterNumbers {
  private readonly numbers = new Map<string, number>();

  constructor(compiled: CompiledRules, zone: number, family: Family) {
    compiled.rules.forEach((rule, counter) => {
      if (rule.zone !== zone || rule.family !== family) return;
      this.numbers.set(`${rule.table} ${rule.chain} ${rule.index}`, counter);
    });
    compiled.policies.forEach((policy, i) => {
      if (policy.zone !== zone || policy.family !== family) return;
      this.numbers.set(`${policy.table} ${policy.chain}`, compiled.rules.length + i);
    });
  }

  rule(table: RuleTable, chain: Chain, index: number): number | undefined {
    return this.numbers.get(`${table.name} ${chain.name} ${index}`);
  }

  policy(table: RuleTable, chain: Chain): number | undefined {
    return this.numbers.get(`${table.name} ${chain.name}`);
  }
}

/**
 * The zones after the text. Throws a ConfigError with all that is wrong, by `file:line:column`.
 */
export function changeRules(
  live: LiveRules,
  change: RuleChange,
  capacities: Capacities,
): RulesChange {
  const { zone, family, text, file } = change;
  const before = liveRuleSet(live, zone, family);
  // Lines of rules that stay would be taken for lines of the new text.
  const set = applyText(placeless(before), { text, family, file }, change);
  const others = zone.config.rules.filter(rules => rules.set.family !== family);
  const config: ZoneConfig = { ...zone.config, rules: [...others, { set, file }].sort(byFamily) };
  const zones = live.zones.zones.map(other =>
    other.index === zone.index ? { ...other, config } : other,
  );
  const { compiled } = compileZones(
    zones.map(other => other.config),
    {
      zones: new Map(zones.map(({ name, index }) => [name, index])),
      interfaces: new Map(live.zones.interfaces.map(({ name, index }) => [name, index])),
    },
  );
  expectRoom(compiled, capacities);
  const names = new Map(zones.map(({ name, index }) => [index, name]));
  const keys = counterKeys(compiled, index => names.get(index)!);
  const next: ZonesPlan = { ...live.zones, zones, rules: compiled, counterKeys: keys };
  return { zones: next, values: otherCounters(live, next, zone.index, family) };
}

function byFamily(a: { set: RuleSet }, b: { set: RuleSet }): number {
  return a.set.family < b.set.family ? -1 : 1;
}

function placeless(set: RuleSet): RuleSet {
  const moved = (rule: Rule): Rule => ({ ...rule, place: NOWHERE, targetPlace: NOWHERE });
  const tables = set.tables.map(table => ({
    ...table,
    chains: table.chains.map(chain => ({
      ...chain,
      place: NOWHERE,
      rules: chain.rules.map(moved),
    })),
  }));
  return { ...set, tables };
}

/** Capacities are fixed as long as the switch runs. */
function expectRoom(compiled: CompiledRules, capacities: Capacities): void {
  const { Rules = 0, RuleBytes = 0 } = capacities;
  const { length } = compiled.program;
  if (length > RuleBytes) throw noRoom('zones', `${length} bytes of rules`, 'ruleBytes', RuleBytes);
  const count = counterCount(compiled);
  if (count <= Rules) return;
  const what = `at most ${Rules} rules and policies (capacities.rules)`;
  throw new ConfigError('zones', `expected ${what}, got ${count}`);
}

/** Counters of the changed rules that differ from what the same key had. */
function otherCounters(
  live: LiveRules,
  next: ZonesPlan,
  zone: number,
  family: Family,
): CounterValue[] {
  const had = new Map(live.zones.counterKeys.map((key, i) => [key, live.counters[i] ?? NONE]));
  const { rules, policies, counters } = next.rules;
  return [...rules, ...policies].flatMap((place, counter): CounterValue[] => {
    if (place.zone !== zone || place.family !== family) return [];
    const old = had.get(next.counterKeys[counter]!) ?? NONE;
    const [packets, bytes] = [counters[2 * counter]!, counters[2 * counter + 1]!];
    const isSame = old.packets === packets && old.bytes === bytes;
    return isSame ? [] : [{ counter, packets, bytes }];
  });
}
