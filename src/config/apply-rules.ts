/** Takes the rules of a plan into use; what counts the same as before goes on counting. */
import { Status } from '../../assembly/abi.js';
import type { Core } from '../core.js';
import { noRoom } from './apply-overlay.js';
import type { Plan } from './plan.js';

/** Nothing is written if nothing is changed. Throws a ConfigError when there is no room. */
export function writeRules(core: Core, plan: Plan, previous: Plan | undefined): void {
  const { rules, counterKeys } = plan.zones;
  if (!hasOtherRules(plan, previous)) return;
  const counters = previous === undefined ? new Map() : countersOf(core, previous);
  const status = core.zones.useRules(rules.program);
  if (status === Status.Full) {
    const { RuleBytes } = plan.capacities;
    throw noRoom('zones', `${rules.program.length} bytes of rules`, 'ruleBytes', RuleBytes);
  }
  if (status !== Status.Ok) throw new Error(`core: rules: ${Status[status]}`);
  counterKeys.forEach((key, counter) => {
    const old = counters.get(key);
    if (old !== undefined) core.zones.setRuleCounter(counter, old);
  });
}

/** Whether the core has to be given the rules of `plan`. */
export function hasOtherRules({ zones }: Plan, previous: Plan | undefined): boolean {
  if (previous === undefined) return zones.counterKeys.length > 0;
  const { rules, counterKeys } = previous.zones;
  const isSame =
    Buffer.compare(rules.program, zones.rules.program) === 0 &&
    counterKeys.length === zones.counterKeys.length &&
    counterKeys.every((key, counter) => key === zones.counterKeys[counter]);
  return !isSame;
}

type RuleCounters = Map<string, { packets: bigint; bytes: bigint }>;

function countersOf(core: Core, { zones: { counterKeys } }: Plan): RuleCounters {
  const counters = core.zones.ruleCounters(counterKeys.length);
  return new Map(counterKeys.map((key, counter) => [key, counters[counter]!]));
}
