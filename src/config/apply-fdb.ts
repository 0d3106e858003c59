/** Writes the configured addresses of a plan into a core: what differs from the plan before. */
import { FdbKind, Status } from '../../assembly/abi.js';
import type { Core } from '../core.js';
import { macText } from '../frame/mac.js';
import type { VtepNumbers } from './apply-overlay.js';
import { ConfigError } from './config-error.js';
import { type Plan, type PlannedFdb, domainOwner } from './plan.js';

/** A flush reads the whole table: for more of them, one walk over it is cheaper. */
const MAX_FLUSHES = 8;

function keyOf({ mac, domain }: { mac: bigint; domain: number }): string {
  return `${domain} ${mac}`;
}

function byKey(plan: Plan): Map<string, PlannedFdb> {
  return new Map(plan.fdb.map(entry => [keyOf(entry), entry]));
}

/** Entries that `previous` has not, or has otherwise. */
export function addedEntries(plan: Plan, previous: Plan | undefined): PlannedFdb[] {
  if (previous === undefined) return plan.fdb;
  const before = byKey(previous);
  const names = (of: Plan): Map<number, string> =>
    new Map(of.ports.map(({ index, name }) => [index, name]));
  const [oldNames, newNames] = [names(previous), names(plan)];
  return plan.fdb.filter(entry => {
    const old = before.get(keyOf(entry));
    if (old?.port !== entry.port || old.vtep !== entry.vtep || old.kind !== entry.kind) return true;
    return oldNames.get(entry.port) !== newNames.get(entry.port);
  });
}

export function removeEntries(core: Core, plan: Plan, previous: Plan): void {
  const kept = byKey(plan);
  for (const entry of previous.fdb) {
    if (!kept.has(keyOf(entry))) core.fdbRemove(entry.mac, entry.domain);
  }
}

/** Throws when the table is full. */
export function insertEntry(core: Core, plan: Plan, entry: PlannedFdb, vteps: VtepNumbers): void {
  const { mac, domain, kind, vtep } = entry;
  const port = vtep === undefined ? entry.port : core.overlays.placeOf(vteps.get(vtep)!);
  const status = core.fdbInsert({ mac, domain, port, kind });
  if (status === Status.Ok) return;
  const segment = domainOwner(plan, domain)?.segment;
  const most = plan.capacities.FdbEntries;
  const wanted = `expected room for ${macText(mac)} (capacities.fdbEntries is ${most})`;
  throw new ConfigError(`segments.${segment?.name}.fdb`, `${wanted}, got a full table`);
}

/** Forgets all entries of some domains. */
export function flushDomains(core: Core, domains: ReadonlySet<number>): void {
  if (domains.size <= MAX_FLUSHES) {
    for (const domain of domains) core.fdbFlush({ domain, all: true });
    return;
  }
  const entries = [...core.fdbEntries()].filter(({ domain }) => domains.has(domain));
  for (const { mac, domain } of entries) core.fdbRemove(mac, domain);
}

/** Entries of a domain, of all of them or of one place. */
export interface FlushFilter {
  domain: number;
  port?: number;
}

/** Forgets what was learned. */
export function flushLearned(core: Core, filters: readonly FlushFilter[]): void {
  if (filters.length <= MAX_FLUSHES) {
    for (const filter of filters) core.fdbFlush(filter);
    return;
  }
  const wanted = new Set(filters.map(({ domain, port }) => `${domain} ${port ?? ''}`));
  const entries = [...core.fdbEntries()].filter(
    ({ kind, domain, port }) =>
      kind === FdbKind.Dynamic && (wanted.has(`${domain} `) || wanted.has(`${domain} ${port}`)),
  );
  for (const { mac, domain } of entries) core.fdbRemove(mac, domain);
}
