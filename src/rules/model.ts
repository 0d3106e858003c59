/**
 * A rule set as `iptables-save` and `ip6tables-save` know it (iptables(8),
 * iptables-extensions(8)), read and checked: what the rule compiler starts from.
 *
 * A rule applies to a packet when each of its matches does; a `negated` match applies to
 * the packets it would not apply to otherwise. Addresses are bytes in wire order (4 or 16,
 * as the family says), numbers are in host order, ranges include both ends.
 */
import type { Match } from './model-match.js';
import type { Target } from './model-target.js';

export type * from './model-match.js';
export type * from './model-target.js';

export type Family = 'ipv4' | 'ipv6';
export type TableName = 'raw' | 'mangle' | 'nat' | 'filter';
export type Policy = 'ACCEPT' | 'DROP';
/** Where netfilter meets a packet; also the names of the built-in chains. */
export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** In the text that was read: both count from 1. Line 0: not from a text. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** 64 bits each. */
export interface Counters {
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface RuleSet {
  readonly family: Family;
  /** In the order of the text; a table that is not here has no rules and accepts. */
  readonly tables: readonly RuleTable[];
  /** Comment lines behind the last table, with their `#`. */
  readonly remarks?: readonly string[];
}

export interface RuleTable {
  readonly name: TableName;
  /** The built-in chains of the table are always there and come first, in hook order. */
  readonly chains: readonly Chain[];
  /** Comment lines before it, with their `#`; so of a chain and a rule. */
  readonly remarks?: readonly string[];
}

export interface Chain {
  readonly name: string;
  /** Undefined for a user chain: at its end the packet returns to the caller. */
  readonly policy: Policy | undefined;
  readonly counters: Counters;
  readonly rules: readonly Rule[];
  readonly place: Place;
  readonly remarks?: readonly string[];
}

export interface Rule {
  readonly matches: readonly Match[];
  readonly target: Target;
  readonly counters: Counters;
  /** As `iptables-save` prints it behind `-A CHAIN `: `-p tcp -m tcp --dport 80 -j ACCEPT`. */
  readonly text: string;
  readonly place: Place;
  /** Of the word behind `-j` or `-g`; that of the rule where there is none. */
  readonly targetPlace: Place;
  readonly remarks?: readonly string[];
}

/** The members of a union whose `kind` may be `K`. */
export type OfKind<Union, K> = Union extends { readonly kind: infer Kinds }
  ? K extends Kinds
    ? Union
    : never
  : never;
