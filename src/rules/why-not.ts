/** Why a packet was not accepted, in the words of the rules; see assembly/rules/nearest.ts. */
import { NO_RULE, NearestField } from '../../assembly/rules-abi.js';
import type { CompiledPolicy, CompiledRule, CompiledRules } from './compile.js';
import type { MatchContext } from './compile-criterion.js';
import { compileMatches } from './compile-match.js';
import { Words } from './compile-words.js';
import type { Match } from './model.js';

export interface WhyNot {
  /** The rule or policy that decided: the last of the trail. */
  readonly decided: CompiledRule | CompiledPolicy;
  /** The rule that comes closest to accepting. */
  readonly nearest: CompiledRule | undefined;
  /** Matches of `nearest` that say no. None: it stands behind the rule that decided. */
  readonly failed: readonly Match[];
}

/**
 * `trail`: ids of what the packet met. `view`: what `nearest` wrote, NEAREST_BYTES.
 * `interfaces`: those that the rules of the zone were compiled with.
 */
export function whyNot(
  compiled: CompiledRules,
  trail: readonly number[],
  view: DataView,
  interfaces: ReadonlyMap<string, number>,
): WhyNot {
  const last = trail.at(-1);
  if (last === undefined) throw new Error('expected the trail of a dropped packet, got none');
  const decided = compiled.rules[last] ?? compiled.policies[last - compiled.rules.length]!;
  const id = view.getUint32(NearestField.Rule, true);
  if (id === NO_RULE) return { decided, nearest: undefined, failed: [] };
  const nearest = compiled.rules[id]!;
  const mask = view.getUint32(NearestField.Mask, true);
  const criteria = compileMatches(nearest.rule.matches, contextOf(nearest, interfaces));
  const failed = criteria.flatMap(({ match }, i) =>
    match !== undefined && i < 32 && ((mask >>> i) & 1) === 1 ? [match] : [],
  );
  return { decided, nearest, failed };
}

/** To compile a rule once more, for the order of its criteria alone. */
function contextOf(
  { family }: CompiledRule,
  interfaces: ReadonlyMap<string, number>,
): MatchContext {
  return { family, interfaces, words: new Words(), sets: new Map(), takeState: () => 0 };
}
