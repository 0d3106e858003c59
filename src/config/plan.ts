/**
 * The plan: a configuration as the core takes it, in numbers. Pure data, the same for the
 * same configuration and predecessor.
 *
 * A name keeps its index while it exists: `planOf(config, previous)` leaves indexes of
 * ports, segments and VLAN tables, and the domain of each VLAN, where `previous` has them,
 * so counters and learned addresses survive a reload. New names take the lowest free ones.
 */
import { Capacity, SegmentOption } from '../../assembly/abi.js';
import type { Capacities } from '../core.js';
import type { DeviceFacts } from '../port/port.js';
import type { Config, PortConfig, SegmentConfig, VidRange } from './config.js';
import { ConfigError, type Problem } from './config-error.js';
import { checkCapacities, fileName } from './capacities.js';
import { type DomainRun, allocateDomains, domainOf } from './plan-domains.js';
import { type PlannedFdb, planFdb } from './plan-fdb.js';
import { allocate, byIndex, indexesOf } from './plan-indexes.js';
import { type PlannedNeighbour, planNeighbours } from './plan-neighbours.js';
import {
  type PlannedOverlay,
  type PlannedUnderlay,
  type PlannedVtep,
  planOverlays,
  planUnderlay,
  planVteps,
  udpEndpoints,
  tunnelPorts,
} from './plan-overlay.js';
import { type ZonesPlan, planZones } from './plan-zones.js';
import { type PortVlans, type UdpEndpoint, portOptions, portVlans } from './plan-port.js';
import { routerPorts } from './router-ports.js';
import { type ArrivalPlaces, allocateArrivals, segmentOptions } from './plan-segment.js';

export type { PlannedFdb, PlannedOverlay, PlannedUnderlay, PlannedVtep, ZonesPlan };

export interface PlannedPort {
  name: string;
  index: number;
  config: PortConfig;
  /** By `PortOption`. */
  options: number[];
  vlans: PortVlans;
  /** Where a port that carries an underlay listens; none as long as no underlay uses it. */
  underlay?: UdpEndpoint;
  /** What the open device says of itself, once it is open. */
  device?: DeviceFacts;
}

export interface PlannedSegment {
  name: string;
  index: number;
  config: SegmentConfig;
  /** By `SegmentOption`. */
  options: number[];
  /** Domains of VLANs; in a plain segment one, of VLAN 0. */
  domains: DomainRun[];
}

export interface Plan {
  name: string;
  control?: string;
  seed?: bigint;
  capacities: Capacities;
  /** In the order of indexes, as are segments, underlays and overlays. */
  ports: PlannedPort[];
  segments: PlannedSegment[];
  underlays: PlannedUnderlay[];
  overlays: PlannedOverlay[];
  vteps: PlannedVtep[];
  zones: ZonesPlan;
  fdb: PlannedFdb[];
  neighbours: PlannedNeighbour[];
}

/**
 * Throws a `ConfigError` when `config` does not fit its capacities, or, after `previous`,
 * changes what cannot change while the switch runs.
 */
export function planOf(given: Config, previous?: Plan): Plan {
  const config = previous === undefined ? given : keepSizes(given, previous);
  const segments = planSegments(config, previous);
  const ports = planPorts(config, segments, previous);
  const { underlays, overlays, vteps } = planTunnels(config, segments, ports, previous);
  const numbers = { ports: indexesOf(ports), nobody: config.capacities.Ports };
  const zones = planZones(config, { ...numbers, segments }, previous?.zones);
  return {
    name: config.name,
    ...(config.control !== undefined && { control: config.control }),
    ...(config.seed !== undefined && { seed: config.seed }),
    capacities: config.capacities,
    ports,
    segments,
    underlays,
    overlays,
    vteps,
    zones,
    fdb: segments.flatMap(segment => planFdb(segment, numbers)),
    neighbours: segments.flatMap(planNeighbours),
  };
}

/** The sizes a running switch has, where the file says none. */
function keepSizes(config: Config, previous: Plan): Config {
  const written = config.writtenCapacities.map(name => [name, config.capacities[name]]);
  const capacities = { ...previous.capacities, ...(Object.fromEntries(written) as Capacities) };
  const kept = { ...config, capacities };
  checkFixed(kept, previous);
  const problems: Problem[] = [];
  checkCapacities(capacities, config, problems);
  ConfigError.throwIfAny(problems);
  return kept;
}

/** What a running switch cannot change. */
function checkFixed(config: Config, previous: Plan): void {
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(config.capacities)) {
    const fixed = previous.capacities[name as keyof Capacities];
    if (fixed === value || !(name in Capacity)) continue;
    const path = `capacities.${fileName(name)}`;
    const problem = `expected ${fixed} as long as the switch runs (restart it), got ${value}`;
    problems.push({ path, problem });
  }
  for (const key of ['seed', 'control'] as const) {
    const fixed = previous[key];
    const value = config[key];
    if (fixed === value || (key === 'seed' && value === undefined)) continue;
    const wanted = `expected ${fixed ?? 'none'} as long as the switch runs`;
    problems.push({ path: key, problem: `${wanted}, got ${value ?? 'none'}` });
  }
  ConfigError.throwIfAny(problems);
}

function planSegments(config: Config, previous: Plan | undefined): PlannedSegment[] {
  const indexes = allocate(config.segments, previous?.segments ?? [], config.capacities.Segments);
  const tables = allocateTables(config, previous);
  const arrivals = allocateArrivals(config, previous?.segments ?? []);
  const domains = allocateDomains(config, previous?.segments ?? []);
  const segments = config.segments.map((segment): PlannedSegment => {
    const runs = domains.get(segment.name)!;
    const place: ArrivalPlaces = arrivals.get(segment.name) ?? { start: 0, places: 0 };
    return {
      name: segment.name,
      index: indexes.get(segment.name)!,
      config: segment,
      options: segmentOptions(segment, tables.get(segment.name), runs, place),
      domains: runs,
    };
  });
  return segments.sort(byIndex);
}

/** Indexes of VLAN tables, for aware segments. */
function allocateTables(config: Config, previous: Plan | undefined): Map<string, number> {
  const aware = config.segments.filter(segment => segment.vlanAware);
  const before = (previous?.segments ?? []).filter(segment => segment.config.vlanAware);
  const tables = before.map(({ name, options }) => ({
    name,
    index: options[SegmentOption.VlanAware]! - 1,
  }));
  return allocate(aware, tables, config.capacities.VlanSegments);
}

function planPorts(
  config: Config,
  segments: readonly PlannedSegment[],
  previous: Plan | undefined,
): PlannedPort[] {
  const wanted = [...config.ports, ...tunnelPorts(config), ...routerPorts(config.zones)];
  const indexes = allocate(wanted, previous?.ports ?? [], config.capacities.Ports);
  const places = new Map(segments.map(segment => [segment.name, segment.index + 1]));
  const underlays = udpEndpoints(config);
  const ports = wanted.map((port): PlannedPort => {
    const { name } = port;
    const place = port.segment === undefined ? 0 : places.get(port.segment)!;
    const options = portOptions(port, place);
    const underlay = underlays.get(name);
    const planned = { name, index: indexes.get(name)!, config: port, options };
    return { ...planned, vlans: portVlans(port), ...(underlay !== undefined && { underlay }) };
  });
  return ports.sort(byIndex);
}

function planTunnels(
  config: Config,
  segments: readonly PlannedSegment[],
  ports: readonly PlannedPort[],
  previous: Plan | undefined,
): Pick<Plan, 'underlays' | 'overlays' | 'vteps'> {
  const { Underlays = 0, Overlays = 0 } = config.capacities;
  const indexes = allocate(config.underlays, previous?.underlays ?? [], Underlays);
  const byName = new Map(ports.map(port => [port.name, port]));
  const underlays = config.underlays.map(underlay =>
    planUnderlay(underlay, indexes.get(underlay.name)!, byName.get(underlay.port)!),
  );
  const spanning = config.segments.filter(({ overlay }) => overlay !== undefined);
  const overlays = planOverlays(config, {
    indexes: allocate(spanning, previous?.overlays ?? [], Overlays),
    domains: new Map(segments.map(({ name, domains }) => [name, domainOf(domains, 0)])),
    underlays: indexes,
    ports: indexesOf(ports),
  });
  const vteps = planVteps(underlays, overlays);
  return { underlays: underlays.sort(byIndex), overlays, vteps };
}

/** The segment and VLAN (0 in a plain segment) a forwarding domain stands for. */
export function domainOwner(
  plan: Plan,
  domain: number,
): { segment: PlannedSegment; vid: number } | undefined {
  for (const segment of plan.segments) {
    for (const run of segment.domains) {
      const vid = run.first + domain - run.domain;
      if (vid >= run.first && vid <= run.last) return { segment, vid };
    }
  }
  return undefined;
}

/** VLANs of a segment that have a domain. */
export function segmentVids(segment: PlannedSegment): VidRange[] {
  if (!segment.config.vlanAware) return [];
  return segment.domains.map(({ first, last }): VidRange => [first, last]);
}
