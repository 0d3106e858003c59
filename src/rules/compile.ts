/**
 * Compiles the rule sets of all zones into one program for the core; its layout is in
 * assembly/rules-abi.ts. All or nothing: what cannot be compiled is refused with its place in
 * the text, and all that is wrong is told at once.
 *
 * Ids are dense, in the order zone, family, table, chain, rule; those of policies follow. An
 * id is also the number of the counter.
 */
import {
  CHAIN_BYTES,
  ChainField,
  Hook,
  NO_POLICY,
  PROGRAM_HEADER_BYTES,
  PROGRAM_MAGIC,
  PROGRAM_VERSION,
  ProgramField,
  Verdict,
  ZONE_CHAINS,
  ZONE_ROW_BYTES,
} from '../../assembly/rules-abi.js';
import { ConfigError, type Problem } from '../config/config-error.js';
import { chainProblems } from './compile-chains.js';
import { SMALL_CHAIN, layGroups, type Candidate } from './compile-groups.js';
import { keyOf } from './compile-key.js';
import { Refused, type MatchContext } from './compile-criterion.js';
import { compileMatches, laySets } from './compile-match.js';
import { layRule } from './compile-rule.js';
import { compileTarget } from './compile-target.js';
import { Words } from './compile-words.js';
import type { Chain, Family, Place, Rule, RuleSet, RuleTable, TableName } from './model.js';

/** The rules of a zone. */
export interface ZoneRules {
  /** Number of the zone in the core. */
  readonly zone: number;
  /** At most one of each family. */
  readonly sets: readonly RuleSet[];
  /** Router interface + 1 by name, of this zone; at most 65535. */
  readonly interfaces: ReadonlyMap<string, number>;
  /** Beginning of the path in errors, as `zones.host.rules`. */
  readonly path: string;
  /** File the rules came from, for errors. */
  readonly file?: string;
}

export interface CompileOptions {
  /** Lay down groups for chains of more rules than this. Infinity: never. */
  readonly smallChain?: number;
  /** Of one chain, up to MOST_GROUPS; else by its number of rules. */
  readonly mostGroups?: number;
}

/** Where a rule or policy is. */
export interface CompiledPlace {
  readonly zone: number;
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
}

export interface CompiledRule extends CompiledPlace {
  /** In its chain, from 0. */
  readonly index: number;
  readonly rule: Rule;
}

export interface CompiledPolicy extends CompiledPlace {
  readonly verdict: Verdict.Accept | Verdict.Drop;
}

export interface CompiledRules {
  /** What the core takes. */
  readonly program: Uint8Array;
  /** By id. */
  readonly rules: readonly CompiledRule[];
  /** By id - rules.length. */
  readonly policies: readonly CompiledPolicy[];
  /** Packets and bytes of each counter, as the rule sets say. */
  readonly counters: BigUint64Array;
  /** Rows of memory the program needs. */
  readonly states: number;
}

const HOOKS: Record<TableName, Readonly<Record<string, Hook>>> = {
  raw: { PREROUTING: Hook.RawPrerouting, OUTPUT: Hook.RawOutput },
  mangle: {
    PREROUTING: Hook.ManglePrerouting,
    INPUT: Hook.MangleInput,
    FORWARD: Hook.MangleForward,
    OUTPUT: Hook.MangleOutput,
    POSTROUTING: Hook.ManglePostrouting,
  },
  nat: {
    PREROUTING: Hook.NatPrerouting,
    INPUT: Hook.NatInput,
    OUTPUT: Hook.NatOutput,
    POSTROUTING: Hook.NatPostrouting,
  },
  filter: {
    INPUT: Hook.FilterInput,
    FORWARD: Hook.FilterForward,
    OUTPUT: Hook.FilterOutput,
  },
};
const MOST_INTERFACE = 0xffff;
const NUMBER_BYTES = 4;

/** Throws ConfigError with all that is wrong. */
export function compileRules(
  zones: readonly ZoneRules[],
  options: CompileOptions = {},
): CompiledRules {
  return new Compiler(zones, options).compile();
}

/** What the chains of a table are laid down with. */
interface Scope {
  readonly zone: ZoneRules;
  readonly table: TableName;
  /** Of its chains. */
  readonly offsets: ReadonlyMap<string, number>;
  readonly context: MatchContext;
}

class Compiler {
  private readonly words = new Words();
  private readonly rules: CompiledRule[] = [];
  private readonly policies: (CompiledPolicy & { chain: string; row: number })[] = [];
  private readonly policyCounters: bigint[] = [];
  private readonly problems: Problem[] = [];
  private states = 0;

  constructor(
    private readonly zones: readonly ZoneRules[],
    private readonly options: CompileOptions,
  ) {}

  compile(): CompiledRules {
    const rows = Math.max(0, ...this.zones.map(({ zone }) => zone + 1));
    this.words.reserve(PROGRAM_HEADER_BYTES + rows * 2 * ZONE_ROW_BYTES);
    for (const zone of this.zones) this.compileZone(zone);
    ConfigError.throwIfAny(this.problems);
    this.layPolicies();
    this.layHeader(rows);
    return {
      program: this.words.toBytes(),
      rules: this.rules,
      policies: this.policies.map(({ row: _, ...policy }) => policy),
      counters: this.counters(),
      states: this.states,
    };
  }

  private compileZone(zone: ZoneRules): void {
    for (const [name, number] of zone.interfaces) {
      if (number <= MOST_INTERFACE) continue;
      const problem = `expected an interface number of at most ${MOST_INTERFACE}, got ${number}`;
      this.problems.push({ path: `${zone.path}.${name}`, problem });
    }
    for (const set of zone.sets) {
      const context: MatchContext = {
        family: set.family,
        interfaces: zone.interfaces,
        words: this.words,
        sets: new Map(),
        takeState: () => this.states++,
      };
      for (const table of set.tables) this.compileTable(zone, table, context);
    }
  }

  private compileTable(zone: ZoneRules, table: RuleTable, context: MatchContext): void {
    const wrong = chainProblems(table);
    for (const { chain, problem } of wrong) {
      const path = `${zone.path}.${table.name}.${chain.name}`;
      this.problems.push(placed(zone, { path, problem }, chain.place));
    }
    if (wrong.length > 0) return;
    const offset = this.words.reserve(table.chains.length * CHAIN_BYTES);
    const offsets = new Map(table.chains.map((chain, i) => [chain.name, offset + i * CHAIN_BYTES]));
    for (const chain of table.chains) {
      this.layChain({ zone, table: table.name, offsets, context }, chain);
    }
  }

  private layChain(scope: Scope, chain: Chain): void {
    for (const { matches } of chain.rules) laySets(matches, scope.context);
    const at = scope.offsets.get(chain.name)!;
    const first = this.words.bytes;
    const isLarge = chain.rules.length > (this.options.smallChain ?? SMALL_CHAIN);
    const candidates: Candidate[] = [];
    chain.rules.forEach((rule, index) => {
      const candidate = this.layRule(scope, chain.name, rule, index);
      if (isLarge && candidate !== undefined) candidates.push(candidate);
    });
    this.words.set(at + ChainField.Rules, first);
    this.words.set(at + ChainField.End, this.words.bytes);
    this.words.set(at + ChainField.Count, chain.rules.length);
    this.words.set(at + ChainField.Policy, NO_POLICY);
    if (candidates.length > 0) {
      const groups = layGroups(
        this.words,
        candidates,
        scope.context.family === 'ipv6',
        this.options.mostGroups,
      );
      this.words.set(at + ChainField.Groups, groups.count);
      this.words.set(at + ChainField.GroupRows, groups.offset);
    }
    if (chain.policy !== undefined) this.layHook(scope, chain, at);
  }

  /** Undefined: it is refused. */
  private layRule(scope: Scope, chain: string, rule: Rule, index: number): Candidate | undefined {
    const { zone, table, offsets, context } = scope;
    const id = this.rules.length;
    this.rules.push({ zone: zone.zone, family: context.family, table, chain, index, rule });
    try {
      const criteria = compileMatches(rule.matches, context);
      const target = compileTarget(rule.target, name => offsets.get(name)!);
      return { rule: layRule(this.words, id, criteria, target), key: keyOf(criteria) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const path = `${zone.path}.${table}.${chain}[${index}]`;
      const problem = `expected what this version can ask or do, got ${error.message}`;
      const place = error.isTarget ? rule.targetPlace : rule.place;
      this.problems.push(placed(zone, { path, problem }, place));
      return undefined;
    }
  }

  private layHook({ zone: { zone }, table, context }: Scope, chain: Chain, at: number): void {
    const hook = HOOKS[table][chain.name]!;
    const { family } = context;
    const row = PROGRAM_HEADER_BYTES + (zone * 2 + (family === 'ipv6' ? 1 : 0)) * ZONE_ROW_BYTES;
    const verdict = chain.policy === 'DROP' ? Verdict.Drop : Verdict.Accept;
    this.words.set(row, this.words.at(row) | (1 << hook));
    this.words.set(row + ZONE_CHAINS + hook * NUMBER_BYTES, at);
    this.words.set(at + ChainField.Verdict, verdict);
    this.policies.push({ zone, family, table, chain: chain.name, verdict, row: at });
    this.policyCounters.push(chain.counters.packets, chain.counters.bytes);
  }

  /** Counters of policies follow those of rules, whose number is known now. */
  private layPolicies(): void {
    this.policies.forEach(({ row }, i) => {
      this.words.set(row + ChainField.Policy, this.rules.length + i);
    });
  }

  private layHeader(zones: number): void {
    const { words } = this;
    words.set(ProgramField.Magic, PROGRAM_MAGIC);
    words.set(ProgramField.Version, PROGRAM_VERSION);
    words.set(ProgramField.Bytes, words.bytes);
    words.set(ProgramField.Zones, zones);
    words.set(ProgramField.Rules, this.rules.length);
    words.set(ProgramField.Counters, this.rules.length + this.policies.length);
    words.set(ProgramField.States, this.states);
  }

  private counters(): BigUint64Array {
    const counters = new BigUint64Array(2 * this.rules.length + this.policyCounters.length);
    this.rules.forEach(({ rule }, i) => {
      counters[2 * i] = rule.counters.packets;
      counters[2 * i + 1] = rule.counters.bytes;
    });
    counters.set(this.policyCounters, 2 * this.rules.length);
    return counters;
  }
}

function placed(zone: ZoneRules, problem: Problem, { line, column }: Place): Problem {
  if (line === 0) return problem;
  const where = `${line}:${column}`;
  return { ...problem, place: zone.file === undefined ? where : `${zone.file}:${where}` };
}
