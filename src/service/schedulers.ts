/** Names of what the core knows by number about services. */
import { Forwarding as CoreForwarding, Scheduler } from '../../assembly/service-abi.js';
import type { Forwarding, SchedulerName } from './model.js';

/** By `Scheduler`. */
export const SCHEDULER_NAMES: Readonly<Record<Scheduler, SchedulerName | undefined>> = {
  [Scheduler.RoundRobin]: 'rr',
  [Scheduler.WeightedRoundRobin]: 'wrr',
  [Scheduler.LeastConnection]: 'lc',
  [Scheduler.WeightedLeastConnection]: 'wlc',
  [Scheduler.ShortestExpectedDelay]: 'sed',
  [Scheduler.NeverQueue]: 'nq',
  [Scheduler.SourceHash]: 'sh',
  [Scheduler.DestinationHash]: 'dh',
  [Scheduler.Maglev]: 'mh',
  [Scheduler.Locality]: 'lblc',
  [Scheduler.LocalityReplicated]: 'lblcr',
  [Scheduler.Failover]: 'fo',
  [Scheduler.Overflow]: 'ovf',
  [Scheduler.TwoChoices]: 'twos',
  [Scheduler.Count]: undefined,
};

/** Number of a scheduler. */
export function schedulerOf(name: SchedulerName): Scheduler {
  const found = Object.entries(SCHEDULER_NAMES).find(([, other]) => other === name);
  return Number(found![0]);
}

/** Forwarding that the core can do; tunnels it cannot. */
export const CORE_FORWARDING: Readonly<Record<Exclude<Forwarding, 'tunnel'>, CoreForwarding>> = {
  nat: CoreForwarding.Nat,
  direct: CoreForwarding.Direct,
};
