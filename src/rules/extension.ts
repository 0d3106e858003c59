/** What a match or a target is to the parser: its options, and how they become a model. */
import type { Family, Match, Target } from './model.js';
import { LineFault, type Word } from './words.js';

/** An option of an extension. */
export interface Flag {
  /** `--dport`, its aliases behind it. */
  readonly names: readonly string[];
  /** Words that follow it; 1 unless said. */
  readonly values?: number;
  /** Whether `!` may stand before it. */
  readonly negatable?: boolean;
}

/** What is known of the rule that an extension stands in. */
export interface RuleContext {
  readonly family: Family;
  /** Of `-p` without `!`. */
  readonly protocol: number | undefined;
}

export interface Given {
  readonly option: Word;
  readonly values: readonly Word[];
  readonly negated: boolean;
}

/** The options of one `-m` or `-j` that were given. */
export class Options {
  private readonly byName = new Map<string, Given>();

  /** `word`: the name of the extension, for faults about it as a whole. */
  constructor(readonly word: Word) {}

  add(flag: Flag, given: Given): void {
    const name = flag.names[0]!;
    if (this.byName.has(name))
      throw new LineFault(given.option.column, `expected ${name} once, got it again`);
    this.byName.set(name, given);
  }

  /** For an option that may stand in a rule more than once. */
  forget(name: string): void {
    this.byName.delete(name);
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  given(name: string): Given | undefined {
    return this.byName.get(name);
  }

  /** The first value of an option. */
  value(name: string): Word | undefined {
    return this.byName.get(name)?.values[0];
  }

  /** The value of an option that must be there. */
  needed(name: string): Word {
    const value = this.value(name);
    if (value === undefined) throw this.fault(`expected ${name}, got none`);
    return value;
  }

  /** Reads an option, if it is there, into one match. */
  read(name: string, read: (word: Word) => Body): Match[] {
    const given = this.byName.get(name);
    if (given === undefined) return [];
    return [{ ...read(given.values[0] ?? given.option), negated: given.negated } as Match];
  }

  /** Of those options, exactly the one that is there. */
  one(names: readonly string[]): string {
    const there = names.filter(name => this.has(name));
    if (there.length !== 1)
      throw this.fault(`expected one of ${names.join(', ')}, got ${there.join(' and ') || 'none'}`);
    return there[0]!;
  }

  /** Refuses an extension none of whose options is there. */
  some(flags: readonly Flag[]): void {
    if (this.byName.size > 0) return;
    throw this.fault(`expected one of ${flags.map(flag => flag.names[0]).join(', ')}, got none`);
  }

  fault(problem: string): LineFault {
    return new LineFault(this.word.column, `${this.word.text}: ${problem}`);
  }
}

/** A match without its `negated`. */
export type Body = Match extends infer M ? (M extends Match ? Omit<M, 'negated'> : never) : never;

export interface MatchExtension {
  readonly name: string;
  /** Both unless said. */
  readonly family?: Family;
  readonly flags: readonly Flag[];
  /** In the order in which they are printed. Throws LineFault. */
  read(options: Options, context: RuleContext): Match[];
  /** Printed instead of its matches, or before or behind them. */
  instead?(matches: readonly Match[]): string;
  before?(matches: readonly Match[]): string;
  behind?(matches: readonly Match[]): string;
}

export interface TargetExtension {
  readonly name: string;
  readonly family?: Family;
  readonly flags: readonly Flag[];
  read(options: Options, context: RuleContext): Target;
}

/** An option with one value that `!` may stand before. */
export function negatable(...names: string[]): Flag {
  return { names, negatable: true };
}

/** An option with one value. */
export function valued(...names: string[]): Flag {
  return { names };
}

/** An option without a value. */
export function bare(...names: string[]): Flag {
  return { names, values: 0 };
}
