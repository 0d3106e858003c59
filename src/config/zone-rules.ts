/** Rules of zones: from files and texts of iptables-save to one program for the core. */
import { parseRules } from '../rules/apply.js';
import { type CompiledRules, type ZoneRules, compileRules } from '../rules/compile.js';
import type { Family } from '../rules/model.js';
import { ConfigError, type Problem } from './config-error.js';
import type { RawZone } from './raw.js';
import { saidText } from './said-text.js';
import type { CompiledZones, ZoneConfig, ZoneRuleSet } from './zone-config.js';

const FAMILIES = { iptables: 'ipv4', ip6tables: 'ipv6' } as const satisfies Record<string, Family>;
const KEYS = ['iptables', 'ip6tables'] as const;

/** The key of a family's rules in the file. */
export function rulesKey(family: Family): (typeof KEYS)[number] {
  return family === 'ipv4' ? 'iptables' : 'ip6tables';
}

/** Rules of a zone at `path`; files are looked for from `folder` on. */
export function readRules(
  path: string,
  zone: Pick<RawZone, (typeof KEYS)[number]>,
  folder: string,
  problems: Problem[],
): ZoneRuleSet[] {
  return KEYS.flatMap((key): ZoneRuleSet[] => {
    const said = zone[key];
    if (said === undefined) return [];
    try {
      const { text, file } = saidText(`${path}.${key}`, said, folder, 'iptables-save');
      return [{ set: parseRules({ text, family: FAMILIES[key], file }), file }];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  });
}

/** Indexes of zones and interfaces, by name and by `ZONE.INTERFACE`. */
export interface ZoneNumbers {
  zones: ReadonlyMap<string, number>;
  interfaces: ReadonlyMap<string, number>;
}

/** The numbers that zones and interfaces have when nothing was there before. */
function firstNumbers(zones: readonly ZoneConfig[]): ZoneNumbers {
  const interfaces = zones.flatMap(zone => zone.interfaces.map(iface => keyOf(zone, iface)));
  return {
    zones: new Map(zones.map(({ name }, index) => [name, index])),
    interfaces: new Map(interfaces.map((key, index) => [key, index])),
  };
}

function keyOf(zone: { name: string }, iface: { name: string }): string {
  return `${zone.name}.${iface.name}`;
}

/** The rules of all zones as one program. Throws a ConfigError with all that is wrong. */
export function compileZones(zones: readonly ZoneConfig[], numbers: ZoneNumbers): CompiledZones {
  const inOrder = [...zones].sort(
    (a, b) => numbers.zones.get(a.name)! - numbers.zones.get(b.name)!,
  );
  const rules = inOrder.flatMap(zone => {
    const interfaces = new Map(
      zone.interfaces.map(iface => [iface.name, numbers.interfaces.get(keyOf(zone, iface))! + 1]),
    );
    return zone.rules.map(({ set, file }): ZoneRules => {
      const path = `zones.${zone.name}.${rulesKey(set.family)}`;
      return { zone: numbers.zones.get(zone.name)!, sets: [set], interfaces, path, file };
    });
  });
  return { numbers: numbersKey(numbers), compiled: compileRules(rules) };
}

/**
 * The same for the numbers that zones and interfaces have at first. Adds what is wrong to
 * `problems`; the result only counts if there is none, now and before.
 */
export function firstRules(zones: readonly ZoneConfig[], problems: Problem[]): CompiledZones {
  const nothing = compileZones([], firstNumbers([]));
  if (problems.length > 0) return nothing;
  try {
    return compileZones(zones, firstNumbers(zones));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return nothing;
  }
}

/** The same for the same numbers. */
export function numbersKey({ zones, interfaces }: ZoneNumbers): string {
  return JSON.stringify([[...zones].sort(), [...interfaces].sort()]);
}

/** Counters of rules and policies. */
export function counterCount({ rules, policies }: CompiledRules): number {
  return rules.length + policies.length;
}

/** What each counter is the counter of; the same rule a second time in its chain is `#1`. */
export function counterKeys(compiled: CompiledRules, zoneName: (zone: number) => string): string[] {
  const seen = new Map<string, number>();
  const ofRules = compiled.rules.map(({ zone, family, table, chain, rule }) => {
    const key = [zoneName(zone), family, table, chain, rule.text].join(' ');
    const times = seen.get(key) ?? 0;
    seen.set(key, times + 1);
    return `${key} #${times}`;
  });
  const ofPolicies = compiled.policies.map(({ zone, family, table, chain, verdict }) =>
    [zoneName(zone), family, table, chain, 'policy', verdict].join(' '),
  );
  return [...ofRules, ...ofPolicies];
}
