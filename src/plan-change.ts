/** What a reload did, by name. */
import type { Plan } from './config/plan.js';

/** Names of ports and segments that a reload brought and took away. */
export interface PlanChange {
  addedPorts: string[];
  removedPorts: string[];
  addedSegments: string[];
  removedSegments: string[];
}

export function changeOf(before: Plan, after: Plan): PlanChange {
  const missing = (from: { name: string }[], others: { name: string }[]): string[] =>
    from.map(({ name }) => name).filter(name => !others.some(other => other.name === name));
  return {
    addedPorts: missing(after.ports, before.ports),
    removedPorts: missing(before.ports, after.ports),
    addedSegments: missing(after.segments, before.segments),
    removedSegments: missing(before.segments, after.segments),
  };
}
