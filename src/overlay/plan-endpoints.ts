/** Between plans and endpoint records: what is configured, and what a plan is with all of it. */
import { FdbKind } from '../../assembly/abi.js';
import type { Plan, PlannedFdb, PlannedOverlay, PlannedVtep } from '../config/plan.js';
import { type VtepKey, ipOf } from '../config/plan-overlay.js';
import type { EndpointRecord, EndpointTable, Place } from './endpoints.js';

const VTEP = 'vtep ';
const PORT = 'port ';
const CONFIGURED = 'config ';

export function vtepPlace(key: VtepKey): Place {
  return `vtep ${key}`;
}

export function portPlace(name: string): Place {
  return `port ${name}`;
}

/** Of a place behind a tunnel end. */
export function vtepOf(place: Place | undefined): VtepKey | undefined {
  return place?.startsWith(VTEP) ? place.slice(VTEP.length) : undefined;
}

/** Name of a port that is the place. */
export function portOf(place: Place | undefined): string | undefined {
  return place?.startsWith(PORT) ? place.slice(PORT.length) : undefined;
}

/** What a plan configures, as records. */
export function configuredRecords(plan: Plan): EndpointRecord[] {
  const names = new Map(plan.ports.map(({ index, name }) => [index, name]));
  const placeOf = ({ port, vtep, kind }: PlannedFdb): Place => {
    if (vtep !== undefined) return vtepPlace(vtep);
    const name = kind === FdbKind.Permanent ? undefined : names.get(port);
    return name === undefined ? 'self' : portPlace(name);
  };
  const entries = plan.fdb.map((entry): EndpointRecord => {
    const { mac, domain } = entry;
    return { id: `${CONFIGURED}fdb ${mac}`, domain, mac, place: placeOf(entry) };
  });
  const neighbours = plan.neighbours.map(({ ip, domain, mac, isRouter }): EndpointRecord => {
    return { id: `${CONFIGURED}neighbour ${ip}`, domain, mac, ip, isRouter };
  });
  return [...entries, ...neighbours];
}

export function isConfigured({ id }: EndpointRecord): boolean {
  return id.startsWith(CONFIGURED);
}

/** Whether a record that came at run time still makes sense under a plan. */
export function fits(plan: Plan): (record: EndpointRecord) => boolean {
  const domains = new Map<number, string>();
  for (const { name, domains: runs } of plan.segments) {
    for (const { first, last, domain } of runs) {
      for (let i = 0; i <= last - first; i++) domains.set(domain + i, name);
    }
  }
  const segments = new Map(plan.ports.map(({ name, config }) => [name, config.segment]));
  const overlays = new Map(plan.overlays.map(overlay => [overlay.domain, overlay]));
  return ({ domain, place }) => {
    const segment = domains.get(domain);
    if (segment === undefined) return false;
    const [port, vtep] = [portOf(place), vtepOf(place)];
    if (port !== undefined) return segments.get(port) === segment;
    if (vtep === undefined) return true;
    return vtep.startsWith(`${overlays.get(domain)?.config.underlay} `);
  };
}

/** The plan with what is in force of the table instead of what is configured alone. */
export function withEndpoints(plan: Plan, table: EndpointTable): Plan {
  const places = endsByDomain(table);
  const overlays = plan.overlays.map((overlay): PlannedOverlay => {
    const more = places.get(overlay.domain);
    if (more === undefined) return overlay;
    return { ...overlay, senders: [...new Set([...overlay.senders, ...more])] };
  });
  const vteps = new Map(plan.vteps.map((vtep): [VtepKey, PlannedVtep] => [vtep.key, vtep]));
  for (const { senders, underlay } of overlays) {
    for (const key of senders) {
      if (!vteps.has(key)) vteps.set(key, { key, underlay, ip: ipOf(key), mtuBytes: 0 });
    }
  }
  return {
    ...plan,
    overlays,
    vteps: [...vteps.values()],
    fdb: plannedEntries(plan, table),
    neighbours: Array.from(table.neighbours(), ({ ip, domain, mac, isRouter = false }) => {
      return { ip: ip!, domain, mac, isRouter };
    }),
  };
}

function endsByDomain(table: EndpointTable): Map<number, Set<VtepKey>> {
  const ends = new Map<number, Set<VtepKey>>();
  for (const { domain, place } of table.all()) {
    const key = vtepOf(place);
    if (key === undefined) continue;
    ends.set(domain, (ends.get(domain) ?? new Set()).add(key));
  }
  return ends;
}

function plannedEntries(plan: Plan, table: EndpointTable): PlannedFdb[] {
  const ports = new Map(plan.ports.map(({ index, name }) => [name, index]));
  return Array.from(table.placed(), ({ mac, domain, place }): PlannedFdb => {
    const vtep = vtepOf(place);
    const name = portOf(place);
    return {
      mac,
      domain,
      port: name === undefined ? plan.capacities.Ports : ports.get(name)!,
      ...(vtep !== undefined && { vtep }),
      kind: place === 'self' ? FdbKind.Permanent : FdbKind.Static,
    };
  });
}
