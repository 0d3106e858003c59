/** Writes the neighbours of a plan into a core: what differs from the plan before. */
import { Status } from '../../assembly/abi.js';
import type { Core } from '../core.js';
import { parseIp } from '../frame/address.js';
import { ConfigError } from './config-error.js';
import { type Plan, domainOwner } from './plan.js';
import type { PlannedNeighbour } from './plan-neighbours.js';

type Neighbours = ReadonlyMap<string, PlannedNeighbour>;

function byKey(plan: Plan | undefined): Neighbours {
  return new Map(plan?.neighbours.map(entry => [`${entry.domain} ${entry.ip}`, entry]));
}

/** Neighbours that `previous` has not, or has otherwise. */
export function addedNeighbours(plan: Plan, previous: Plan | undefined): PlannedNeighbour[] {
  const before = byKey(previous);
  return [...byKey(plan)].flatMap(([key, entry]) => {
    const old = before.get(key);
    return old?.mac === entry.mac && old.isRouter === entry.isRouter ? [] : [entry];
  });
}

export function removeNeighbours(core: Core, plan: Plan, previous: Plan): void {
  const kept = byKey(plan);
  for (const [key, { ip, domain }] of byKey(previous)) {
    if (!kept.has(key)) core.neighbours.remove(parseIp(ip)!, domain);
  }
}

/** Throws when the table is full. */
export function insertNeighbour(core: Core, plan: Plan, neighbour: PlannedNeighbour): void {
  const { ip, domain, mac, isRouter } = neighbour;
  const status = core.neighbours.insert({ ip: parseIp(ip)!, domain, mac, isRouter });
  if (status === Status.Ok) return;
  const segment = domainOwner(plan, domain)?.segment;
  const most = plan.capacities.Neighbours;
  const wanted = `expected room for ${ip} (capacities.neighbours is ${most})`;
  throw new ConfigError(`segments.${segment?.name}.neighbours`, `${wanted}, got a full table`);
}
