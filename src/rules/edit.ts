/** A table that the statements of a text change, as iptables-restore(8) does. */
import type { Chain, Counters, Rule, RuleTable, TableName } from './model.js';
import type { NewRules, Statement, TableText } from './statement.js';
import { emptyChain, emptyTable, isBuiltIn, NO_COUNTERS, TABLE_HOOKS } from './tables.js';

export interface ApplyOptions {
  /** Keep the rules of a table that the text names, and change them. */
  readonly noflush?: boolean;
  /** Take the counters that stand in the text. */
  readonly counters?: boolean;
}

/** Says what is wrong with a statement. */
export type Refuse = (statement: Statement, problem: string) => void;

type Draft = Omit<Chain, 'rules'> & { rules: Rule[] };

export class TableEdit {
  private readonly chains = new Map<string, Draft>();
  /** Counters of the rules that left, by chain and text, for those that come back. */
  private readonly left = new Map<string, Counters[]>();
  private readonly name: TableName;
  private readonly remarks: string[];

  constructor(
    before: RuleTable | undefined,
    { name, remarks }: TableText,
    private readonly options: ApplyOptions,
    private readonly refuse: Refuse,
  ) {
    this.name = name;
    const keeps = options.noflush === true;
    this.remarks = [...(keeps ? (before?.remarks ?? []) : []), ...remarks];
    for (const chain of (before ?? emptyTable(name)).chains)
      this.chains.set(chain.name, { ...chain, rules: [...chain.rules] });
    if (!keeps) this.flushTable();
  }

  /** The built-in chains first, then the others by name. */
  result(): RuleTable {
    const isOwn = (chain: Draft): boolean => !isBuiltIn(this.name, chain.name);
    const own = [...this.chains.values()].filter(isOwn);
    const byName = own.sort((a, b) => (a.name < b.name ? -1 : 1));
    const chains = [...TABLE_HOOKS[this.name].map(hook => this.chains.get(hook)!), ...byName];
    return { name: this.name, chains, remarks: this.remarks };
  }

  apply(statement: Statement): void {
    if (statement.kind === 'declare' || statement.kind === 'create') return this.open(statement);
    if (statement.chain === '') return this.applyToAll(statement);
    const chain = this.chains.get(statement.chain);
    if (chain === undefined) return this.refuse(statement, this.unknown(statement.chain));
    this.applyTo(chain, statement);
  }

  private unknown(chain: string): string {
    return `expected a chain of table ${this.name}, got ${chain}, which is not there`;
  }

  private flushTable(): void {
    for (const chain of [...this.chains.values()]) {
      this.flush(chain);
      if (isBuiltIn(this.name, chain.name)) this.chains.set(chain.name, { ...chain, remarks: [] });
      else this.chains.delete(chain.name);
    }
  }

  private open(statement: Statement & { kind: 'declare' | 'create' }): void {
    const { chain: name, place, remarks } = statement;
    const policy = statement.kind === 'declare' ? statement.policy : undefined;
    const old = this.chains.get(name);
    if (isBuiltIn(this.name, name)) {
      if (statement.kind === 'create')
        return this.refuse(statement, `expected a new chain, got ${name}, which is built in`);
      const counters = this.options.counters === true ? statement.counters : undefined;
      const kept = { policy: policy ?? old!.policy, counters: counters ?? old!.counters };
      this.chains.set(name, {
        ...old!,
        ...kept,
        place,
        remarks: [...(old!.remarks ?? []), ...remarks],
      });
      return;
    }
    if (policy !== undefined)
      return this.refuse(statement, `expected - for a chain that is not built in, got ${policy}`);
    if (old !== undefined && statement.kind === 'create')
      return this.refuse(statement, `expected a new chain, got ${name}, which is there already`);
    if (old !== undefined) this.flush(old);
    this.chains.set(name, { ...emptyChain(name, undefined, place), rules: [], remarks });
  }

  private applyToAll(statement: Statement): void {
    const chains = [...this.chains.values()];
    if (statement.kind === 'flush') chains.forEach(chain => this.flush(chain));
    if (statement.kind === 'zero') chains.forEach(chain => this.zero(chain, undefined));
    if (statement.kind !== 'remove') return;
    const own = chains.filter(chain => !isBuiltIn(this.name, chain.name));
    for (const chain of own) this.remove(chain, statement);
  }

  private applyTo(chain: Draft, statement: Statement): void {
    switch (statement.kind) {
      case 'append':
        chain.rules.push(...this.counted(chain, statement));
        return;
      case 'insert':
      case 'replace':
        return this.put(chain, statement);
      case 'delete':
        if (this.hasRule(chain, statement, statement.at)) this.takeOut(chain, statement.at - 1);
        return;
      case 'deleteSame':
        return statement.rules.forEach(rule => this.deleteSame(chain, statement, rule));
      case 'policy':
        return this.setPolicy(chain, statement);
      case 'flush':
        return this.flush(chain);
      case 'remove':
        return this.remove(chain, statement);
      case 'rename':
        return this.rename(chain, statement);
      case 'zero':
        if (statement.at !== undefined && !this.hasRule(chain, statement, statement.at)) return;
        return this.zero(chain, statement.at);
    }
  }

  private hasRule(chain: Draft, statement: Statement, at: number): boolean {
    if (at <= chain.rules.length) return true;
    const range = chain.rules.length === 0 ? 'no rule' : `rule 1..${chain.rules.length}`;
    this.refuse(statement, `expected ${range} of chain ${chain.name}, got ${at}`);
    return false;
  }

  private put(chain: Draft, statement: Statement & { kind: 'insert' | 'replace' }): void {
    const { at, kind } = statement;
    const isAtEnd = kind === 'insert' && at === chain.rules.length + 1;
    if (!isAtEnd && !this.hasRule(chain, statement, at)) return;
    if (kind === 'replace') this.takeOut(chain, at - 1);
    chain.rules.splice(at - 1, 0, ...this.counted(chain, statement));
  }

  /** New rules with the counters that the text, or the same rule before, gives them. */
  private counted(chain: Draft, { rules, set, saved, remarks }: NewRules & Statement): Rule[] {
    const given = set ?? (this.options.counters === true ? saved : undefined);
    return rules.map((rule, i) => {
      const old = this.left.get(keyOf(chain, rule))?.shift();
      const counters = given ?? old ?? NO_COUNTERS;
      return { ...rule, counters, ...(i === 0 && remarks.length > 0 ? { remarks } : {}) };
    });
  }

  private takeOut(chain: Draft, index: number): void {
    const [rule] = chain.rules.splice(index, 1);
    if (rule !== undefined) this.leave(chain, rule);
  }

  private leave(chain: Draft, rule: Rule): void {
    const key = keyOf(chain, rule);
    const counters = this.left.get(key) ?? [];
    counters.push(rule.counters);
    this.left.set(key, counters);
  }

  private deleteSame(chain: Draft, statement: Statement, { text }: Rule): void {
    const index = chain.rules.findIndex(rule => rule.text === text);
    if (index >= 0) this.takeOut(chain, index);
    else this.refuse(statement, `expected a rule of chain ${chain.name}, got ${text}`);
  }

  private setPolicy(chain: Draft, statement: Statement & { kind: 'policy' }): void {
    if (isBuiltIn(this.name, chain.name))
      this.chains.set(chain.name, { ...chain, policy: statement.policy, place: statement.place });
    else this.refuse(statement, `expected a built-in chain for a policy, got ${chain.name}`);
  }

  private flush(chain: Draft): void {
    for (const rule of chain.rules) this.leave(chain, rule);
    chain.rules = [];
  }

  private remove(chain: Draft, statement: Statement): void {
    const caller = this.callerOf(chain.name);
    const what = `expected a chain to delete, got ${chain.name}, which`;
    if (isBuiltIn(this.name, chain.name)) return this.refuse(statement, `${what} is built in`);
    if (chain.rules.length > 0) return this.refuse(statement, `${what} has rules`);
    if (caller !== undefined)
      return this.refuse(statement, `${what} a rule of chain ${caller} jumps to`);
    this.chains.delete(chain.name);
  }

  private callerOf(name: string): string | undefined {
    const jumps = ({ target }: Rule): boolean =>
      (target.kind === 'jump' || target.kind === 'goto') && target.chain === name;
    return [...this.chains.values()].find(chain => chain.rules.some(jumps))?.name;
  }

  private rename(chain: Draft, statement: Statement & { kind: 'rename' }): void {
    const { to } = statement;
    if (isBuiltIn(this.name, chain.name))
      return this.refuse(statement, `expected a chain to rename, got ${chain.name}: built in`);
    if (this.chains.has(to))
      return this.refuse(statement, `expected a new name, got ${to}, which is there already`);
    this.chains.delete(chain.name);
    this.chains.set(to, { ...chain, name: to });
    for (const each of this.chains.values())
      each.rules = each.rules.map(rule => pointTo(rule, chain.name, to));
  }

  private zero(chain: Draft, at: number | undefined): void {
    const isMeant = (i: number): boolean => at === undefined || i === at - 1;
    chain.rules = chain.rules.map((rule, i) =>
      isMeant(i) ? { ...rule, counters: NO_COUNTERS } : rule,
    );
    if (at === undefined) this.chains.set(chain.name, { ...chain, counters: NO_COUNTERS });
  }
}

function keyOf(chain: Draft, rule: Rule): string {
  return `${chain.name} ${rule.text}`;
}

/** The same rule with its jump to `from` now to `to`. */
function pointTo(rule: Rule, from: string, to: string): Rule {
  const { target, text } = rule;
  if ((target.kind !== 'jump' && target.kind !== 'goto') || target.chain !== from) return rule;
  return {
    ...rule,
    target: { ...target, chain: to },
    text: text.slice(0, text.length - from.length) + to,
  };
}
