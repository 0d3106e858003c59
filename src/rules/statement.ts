/** What a line of a rule text asks for. */
import type { Counters, Place, Policy, Rule, TableName } from './model.js';

interface Common {
  readonly chain: string;
  /** Of the chain's name, or of the command where it has none. */
  readonly place: Place;
  /** Comment lines before it. */
  readonly remarks: readonly string[];
}

/** Rules that one line makes, and their counters. */
export interface NewRules {
  readonly rules: readonly Rule[];
  /** Of `-c`. */
  readonly set: Counters | undefined;
  /** Of `[packets:bytes]` before the line: they count with `--counters` only. */
  readonly saved: Counters | undefined;
}

export type Command =
  | {
      /** `:CHAIN POLICY [packets:bytes]`. */
      readonly kind: 'declare';
      /** Undefined for `-`. */
      readonly policy: Policy | undefined;
      readonly counters: Counters | undefined;
    }
  | { readonly kind: 'policy'; readonly policy: Policy }
  | ({ readonly kind: 'append' } & NewRules)
  /** `at` counts from 1. */
  | ({ readonly kind: 'insert' | 'replace'; readonly at: number } & NewRules)
  | { readonly kind: 'delete'; readonly at: number }
  | ({ readonly kind: 'deleteSame' } & NewRules)
  | { readonly kind: 'create' }
  | { readonly kind: 'rename'; readonly to: string }
  /** `at` undefined: the chain and all its rules; chain '': all of them. */
  | { readonly kind: 'zero'; readonly at: number | undefined }
  /** Chain '': all of them. */
  | { readonly kind: 'flush' | 'remove' };

export type Statement = Common & Command;

/** From `*table` to `COMMIT`. */
export interface TableText {
  readonly name: TableName;
  readonly statements: readonly Statement[];
  readonly place: Place;
  readonly remarks: readonly string[];
}

export interface RuleText {
  readonly tables: readonly TableText[];
  /** Comment lines behind the last table. */
  readonly remarks: readonly string[];
}
