/**
 * What a rule set must keep to as a whole: which target stands in which table and hook,
 * chains that exist and do not call one another in a circle. The kernel of Linux refuses
 * the same at commit.
 */
import type { Problem } from '../config/config-error.js';
import { nearest } from '../config/nearest.js';
import { hooksOfChains, loopsOf } from './calls.js';
import { targetNames } from './extensions.js';
import type {
  Chain,
  Family,
  Hook,
  Match,
  Place,
  Rule,
  RuleSet,
  RuleTable,
  TableName,
  Target,
} from './model.js';
import { printMatch } from './print-match.js';
import { problemAt } from './parse.js';
import { isBuiltIn } from './tables.js';

interface Limits {
  readonly tables?: readonly TableName[];
  readonly hooks?: readonly Hook[];
}

const SYN = 0x02; // RFC 9293 §3.1
const BEFORE_ROUTING: readonly Hook[] = ['PREROUTING', 'OUTPUT'];
const OUTSIDE: readonly Hook[] = ['PREROUTING', 'INPUT', 'FORWARD'];
const INSIDE: readonly Hook[] = ['FORWARD', 'OUTPUT', 'POSTROUTING'];

/** Where a target may stand: everywhere unless said. */
const TARGET_LIMITS: Partial<Record<Target['kind'], Limits>> = {
  drop: { tables: ['raw', 'mangle', 'filter'] },
  reject: { tables: ['filter'] },
  dnat: { tables: ['nat'], hooks: BEFORE_ROUTING },
  redirect: { tables: ['nat'], hooks: BEFORE_ROUTING },
  snat: { tables: ['nat'], hooks: ['INPUT', 'POSTROUTING'] },
  masquerade: { tables: ['nat'], hooks: ['POSTROUTING'] },
  notrack: { tables: ['raw'] },
  ct: { tables: ['raw'] },
  trace: { tables: ['raw'] },
  tos: { tables: ['mangle'] },
  dscp: { tables: ['mangle'] },
  ttl: { tables: ['mangle'] },
  checksum: { tables: ['mangle'] },
};

/** Where the packet knows what a match asks. */
function hooksOfMatch(match: Match): readonly Hook[] | undefined {
  switch (match.kind) {
    case 'macSource':
      return OUTSIDE;
    case 'policy':
      return match.direction === 'in' ? OUTSIDE : INSIDE;
    case 'sourceType':
    case 'destinationType':
      if (match.limitTo === undefined) return undefined;
      return match.limitTo === 'in' ? OUTSIDE : INSIDE;
    default:
      return undefined;
  }
}

/** All that is wrong in the tables that `isNew` says; the others were checked before. */
export function checkRules(
  set: RuleSet,
  file: string,
  isNew: (name: TableName) => boolean = () => true,
): Problem[] {
  return set.tables
    .filter(({ name }) => isNew(name))
    .flatMap(table => new TableCheck(table, set.family, file).problems());
}

class TableCheck {
  private readonly found: Problem[] = [];
  private readonly chains: ReadonlyMap<string, Chain>;
  private readonly hooks: ReadonlyMap<string, readonly Hook[]>;

  constructor(
    private readonly table: RuleTable,
    private readonly family: Family,
    private readonly file: string,
  ) {
    this.chains = new Map(table.chains.map(chain => [chain.name, chain]));
    this.hooks = hooksOfChains(table);
  }

  problems(): Problem[] {
    for (const chain of this.table.chains) {
      this.checkPolicy(chain);
      for (const rule of chain.rules) this.checkRule(chain, rule);
    }
    for (const { chains, place } of loopsOf(this.table))
      this.add(place, `expected no jump in a circle, got ${chains.join(' -> ')}`);
    return this.found;
  }

  private add(place: Place, problem: string): void {
    this.found.push(problemAt(this.file, place, problem));
  }

  private checkPolicy({ name, policy, place }: Chain): void {
    if (this.table.name === 'nat' && policy === 'DROP')
      this.add(place, `expected policy ACCEPT in table nat, got DROP for ${name}`);
  }

  private checkRule(chain: Chain, rule: Rule): void {
    this.checkChain(rule);
    this.checkTarget(chain, rule);
    for (const match of rule.matches) this.checkMatch(chain, rule, match);
    if (rule.target.kind === 'tcpmss') this.checkTcpmss(chain, rule);
  }

  private checkChain({ target, targetPlace }: Rule): void {
    if (target.kind !== 'jump' && target.kind !== 'goto') return;
    const { name: table } = this.table;
    if (isBuiltIn(table, target.chain))
      this.add(targetPlace, `expected a chain that is not built in, got ${target.chain}`);
    if (this.chains.has(target.chain)) return;
    const meant = nearest(target.chain, [...this.chains.keys(), ...targetNames(this.family)]);
    const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
    this.add(targetPlace, `expected a target or a chain of ${table}, got ${target.chain}${hint}`);
  }

  private checkTarget(chain: Chain, { target, targetPlace }: Rule): void {
    const limits = TARGET_LIMITS[target.kind];
    const name = target.kind.toUpperCase();
    if (limits?.tables !== undefined && !limits.tables.includes(this.table.name)) {
      const tables = limits.tables.join(', ');
      this.add(
        targetPlace,
        `expected ${name} in table ${tables} only, got it in ${this.table.name}`,
      );
      return;
    }
    if (limits?.hooks !== undefined) this.checkHooks(chain, name, limits.hooks, targetPlace);
  }

  /** Refuses what a hook calls that it must not. */
  private checkHooks(chain: Chain, what: string, hooks: readonly Hook[], place: Place): void {
    const wrong = this.hooks.get(chain.name)!.filter(hook => !hooks.includes(hook));
    if (wrong.length === 0) return;
    const got = isBuiltIn(this.table.name, chain.name)
      ? chain.name
      : `chain ${chain.name}, which ${wrong.join(', ')} calls`;
    this.add(place, `expected ${what} in ${hooks.join(', ')} only, got it in ${got}`);
  }

  private checkMatch(chain: Chain, rule: Rule, match: Match): void {
    const hooks = hooksOfMatch(match);
    if (hooks !== undefined) {
      const text = printMatch({ ...match, negated: false }, this.family);
      this.checkHooks(chain, text, hooks, rule.place);
    }
    const { name } = chain;
    if (!isBuiltIn(this.table.name, name)) return;
    const isLeaving = name === 'OUTPUT' || name === 'POSTROUTING';
    const isArriving = name === 'PREROUTING' || name === 'INPUT';
    if (match.kind === 'in' && isLeaving)
      this.add(rule.place, `expected no -i in ${name}, got -i ${match.name}`);
    if (match.kind === 'out' && isArriving)
      this.add(rule.place, `expected no -o in ${name}, got -o ${match.name}`);
  }

  private checkTcpmss(chain: Chain, { target, matches, targetPlace }: Rule): void {
    const isSyn = matches.some(
      match => match.kind === 'tcpFlags' && !match.negated && (match.flags.set & SYN) !== 0,
    );
    if (!isSyn) this.add(targetPlace, 'expected --tcp-flags SYN,RST SYN with TCPMSS, got none');
    if (target.kind === 'tcpmss' && target.mss === undefined)
      this.checkHooks(chain, '--clamp-mss-to-pmtu', INSIDE, targetPlace);
  }
}
