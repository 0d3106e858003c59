/**
 * Why a zone's rules let a packet not pass, found by asking the core itself: forks of it get
 * rules that only count, one for each match of each rule that accepts, and the same packet. The
 * rules that refuse are left out there, so those behind the one that decided are asked too.
 */
import { Region, TRACE_BYTES, Trace, TraceField, Status } from '../../assembly/abi.js';
import { Verdict } from '../../assembly/rules-abi.js';
import type { ZonesPlan } from '../config/plan-zones.js';
import type { ZoneConfig } from '../config/zone-config.js';
import { compileZones, counterCount } from '../config/zone-rules.js';
import type { Core } from '../core.js';
import type { CompiledPlace } from '../rules/compile.js';
import type { Chain, Match, Rule, RuleSet, RuleTable } from '../rules/model.js';
import { printMatch } from '../rules/print-match.js';
import { NO_COUNTERS, NOWHERE } from '../rules/tables.js';
import { type Names, walkFrame } from './walk.js';

export interface WhyNot {
  /** The rule or policy that refused the packet. */
  decided: string;
  /** The rule that comes closest to accepting it; null: none does for any packet. */
  nearest: string | null;
  /** Its matches that say no; none: it stands behind the rule that decided. */
  failed: string[];
}

/** A packet, where it comes in, and the zones it may meet. */
export interface Question {
  frame: Uint8Array;
  at: { port: number; nowMs: number };
  names: Names;
  zones: ZonesPlan;
}

/** They remember: whether they hold is not to be asked twice. */
const STATEFUL: readonly Match['kind'][] = ['limit', 'statisticRandom', 'statisticNth'];
/** Rules tried in one fork: a trail holds 48. */
const PROBES = 32;

/** `before`: the core that has not yet met the packet; it is not changed. Undefined: no rule refused it. */
export function whyNot(before: Core, question: Question): WhyNot | undefined {
  const { names, zones, frame, at } = question;
  const core = before.fork();
  walkFrame(core, frame, at, names);
  const counter = refusal(core);
  if (counter === undefined) return undefined;
  const place = placeOf(zones, counter);
  const candidates = candidatesOf(zones, place);
  let best: { candidate: Candidate; failed: Match[] } | undefined;
  for (let first = 0; first < candidates.length;) {
    const some = nextSome(candidates, first);
    for (const asked of ask(before, question, place, some)) {
      if (best === undefined || asked.failed.length < best.failed.length) best = asked;
    }
    first += some.length;
  }
  const decided = names.rule(counter);
  if (best === undefined) return { decided, nearest: null, failed: [] };
  const failed = best.failed.map(match => printMatch(match, place.family));
  return { decided, nearest: names.rule(best.candidate.counter), failed };
}

/** Counter of the rule or policy that refused the packet of the last walk. */
function refusal(core: Core): number | undefined {
  const { view } = core;
  const first = core.region(Region.Trace);
  let last: number | undefined;
  for (let i = 0; i < core.traceCount; i++) {
    const record = first + i * TRACE_BYTES;
    const event: Trace = view.getUint16(record + TraceField.Event, true);
    if (event !== Trace.RuleMatched && event !== Trace.PolicyApplied) continue;
    const verdict: Verdict = view.getUint32(record + TraceField.B, true);
    if (verdict !== Verdict.Drop && verdict !== Verdict.Reject) continue;
    last = view.getUint32(record + TraceField.A, true);
  }
  return last;
}

function placeOf({ rules }: ZonesPlan, counter: number): CompiledPlace {
  return rules.rules[counter] ?? rules.policies[counter - rules.rules.length]!;
}

/** A rule that accepts. */
interface Candidate {
  counter: number;
  chain: string;
  index: number;
  matches: readonly Match[];
}

/** Of the same table, in rule order. */
function candidatesOf(zones: ZonesPlan, place: CompiledPlace): Candidate[] {
  const numbers = new Map<string, number>();
  zones.rules.rules.forEach((rule, counter) => {
    if (isOfTable(rule, place)) numbers.set(`${rule.chain} ${rule.index}`, counter);
  });
  return tableOf(setOf(zones, place), place).chains.flatMap(({ name, rules }) =>
    rules.flatMap(({ target, matches }, index): Candidate[] => {
      if (target.kind !== 'accept') return [];
      const asked = matches.filter(({ kind }) => !STATEFUL.includes(kind));
      return [{ counter: numbers.get(`${name} ${index}`)!, chain: name, index, matches: asked }];
    }),
  );
}

function isOfTable(a: CompiledPlace, b: CompiledPlace): boolean {
  return a.zone === b.zone && a.family === b.family && a.table === b.table;
}

function setOf({ zones }: ZonesPlan, { zone, family }: CompiledPlace): RuleSet {
  const { rules } = zones.find(({ index }) => index === zone)!.config;
  return rules.find(({ set }) => set.family === family)!.set;
}

function tableOf({ tables }: RuleSet, { table }: CompiledPlace): RuleTable {
  return tables.find(({ name }) => name === table)!;
}

/** At least one, and as many as one fork can try. */
function nextSome(candidates: readonly Candidate[], first: number): Candidate[] {
  let probes = 0;
  const rest = candidates.slice(first);
  const end = rest.findIndex(({ matches }) => (probes += matches.length + 1) > PROBES);
  return end < 0 ? rest : rest.slice(0, Math.max(end, 1));
}

/** Those of the candidates that the packet is led to, with what of them says no. */
function ask(
  before: Core,
  { frame, at, names, zones }: Question,
  place: CompiledPlace,
  candidates: readonly Candidate[],
): { candidate: Candidate; failed: Match[] }[] {
  const core = before.fork();
  const configs = zones.zones.map(({ index, config }) =>
    index === place.zone ? withProbes(config, place, candidates) : config,
  );
  const { compiled } = compileZones(configs, {
    zones: new Map(zones.zones.map(({ name, index }) => [name, index])),
    interfaces: new Map(zones.interfaces.map(({ name, index }) => [name, index])),
  });
  const status = core.zones.useRules(compiled.program);
  if (status !== Status.Ok) throw new Error(`why not: core: rules: ${Status[status]}`);
  walkFrame(core, frame, at, names);
  const counts = core.zones.ruleCounters(counterCount(compiled));
  const seen = new Map<Rule, boolean>();
  compiled.rules.forEach(({ rule }, i) => seen.set(rule, counts[i]!.packets > 0n));
  const probes = compiled.rules.filter(({ rule }) => probeOf.has(rule));
  return candidates.flatMap(candidate => {
    const own = probes.filter(({ rule }) => probeOf.get(rule)!.candidate === candidate);
    const isMet = own.some(({ rule }) => probeOf.get(rule)!.match === undefined && seen.get(rule));
    if (!isMet) return [];
    const failed = own.flatMap(({ rule }) => {
      const { match } = probeOf.get(rule)!;
      return match === undefined || seen.get(rule) === true ? [] : [match];
    });
    return [{ candidate, failed }];
  });
}

/** What a counting rule is there for; no match: whether the packet comes by. */
const probeOf = new WeakMap<Rule, { candidate: Candidate; match: Match | undefined }>();

function withProbes(
  config: ZoneConfig,
  place: CompiledPlace,
  candidates: readonly Candidate[],
): ZoneConfig {
  const rules = config.rules.map(({ set, file }) =>
    set.family === place.family ? { set: probedSet(set, place, candidates), file } : { set, file },
  );
  return { ...config, rules };
}

function probedSet(set: RuleSet, place: CompiledPlace, candidates: readonly Candidate[]): RuleSet {
  const probed = (chain: Chain): Chain => {
    const own = candidates.filter(candidate => candidate.chain === chain.name);
    const rules = chain.rules.flatMap((rule, index) => {
      const candidate = own.find(other => other.index === index);
      if (candidate !== undefined) return probesOf(candidate);
      return REFUSED_OR_DONE.includes(rule.target.kind) ? [] : [rule];
    });
    return { ...chain, rules, policy: chain.policy && 'ACCEPT' };
  };
  const tables = set.tables.map(table =>
    table.name === place.table ? { ...table, chains: table.chains.map(probed) } : table,
  );
  return { ...set, tables };
}

/** Left out, as the walk is to go on. */
const REFUSED_OR_DONE: readonly Rule['target']['kind'][] = [
  ...(['accept', 'drop', 'reject', 'return', 'none'] as const),
];

function probesOf(candidate: Candidate): Rule[] {
  return [undefined, ...candidate.matches].map(match => {
    const rule: Rule = {
      matches: match === undefined ? [] : [match],
      target: { kind: 'none' },
      counters: NO_COUNTERS,
      text: '',
      place: NOWHERE,
      targetPlace: NOWHERE,
    };
    probeOf.set(rule, { candidate, match });
    return rule;
  });
}
