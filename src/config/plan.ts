/**
 * The plan: a configuration as the core takes it, in numbers. Pure data, the same for the
 * same configuration and predecessor.
 *
 * A name keeps its index while it exists: `planOf(config, previous)` leaves indexes of
 * ports, segments and VLAN tables, and the domain of each VLAN, where `previous` has them,
 * so counters and learned addresses survive a reload. New names take the lowest free ones.
 */
import { Capacity, FdbKind, SegmentOption } from '../../assembly/abi.js';
import type { Capacities } from '../core.js';
import type { DeviceFacts } from '../port/port.js';
import type { Config, PortConfig, SegmentConfig, VidRange } from './config.js';
import { ConfigError } from './config-error.js';
import { type DomainRun, allocateDomains, domainOf } from './plan-domains.js';
import { type PlannedNeighbour, planNeighbours } from './plan-neighbours.js';
import { type PortVlans, type UdpEndpoint, portOptions, portVlans } from './plan-port.js';
import { type ArrivalPlaces, allocateArrivals, segmentOptions } from './plan-segment.js';

export interface PlannedPort {
  name: string;
  index: number;
  config: PortConfig;
  /** By `PortOption`. */
  options: number[];
  vlans: PortVlans;
  /** Where a port of kind udp listens; none as long as no underlay uses it. */
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

export interface PlannedFdb {
  mac: bigint;
  domain: number;
  /** `Capacities.Ports` is the switch itself. */
  port: number;
  kind: FdbKind;
}

export interface Plan {
  name: string;
  control?: string;
  seed?: bigint;
  capacities: Capacities;
  /** In the order of indexes, as are segments. */
  ports: PlannedPort[];
  segments: PlannedSegment[];
  fdb: PlannedFdb[];
  neighbours: PlannedNeighbour[];
}

const byIndex = (a: { index: number }, b: { index: number }): number => a.index - b.index;

/**
 * Throws a `ConfigError` when `config` does not fit its capacities, or, after `previous`,
 * changes what cannot change while the switch runs.
 */
export function planOf(config: Config, previous?: Plan): Plan {
  if (previous !== undefined) checkFixed(config, previous);
  const segments = planSegments(config, previous);
  const ports = planPorts(config, segments, previous);
  return {
    name: config.name,
    ...(config.control !== undefined && { control: config.control }),
    ...(config.seed !== undefined && { seed: config.seed }),
    capacities: config.capacities,
    ports,
    segments,
    fdb: segments.flatMap(segment => planFdb(segment, ports, config.capacities.Ports)),
    neighbours: segments.flatMap(planNeighbours),
  };
}

/** What a running switch cannot change. */
function checkFixed(config: Config, previous: Plan): void {
  const problems = [];
  for (const [name, value] of Object.entries(config.capacities)) {
    const fixed = previous.capacities[name as keyof Capacities];
    if (fixed === value || !(name in Capacity)) continue;
    const path = `capacities.${name.charAt(0).toLowerCase()}${name.slice(1)}`;
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
  const indexes = allocate(config.ports, previous?.ports ?? [], config.capacities.Ports);
  const places = new Map(segments.map(segment => [segment.name, segment.index + 1]));
  const ports = config.ports.map((port): PlannedPort => {
    const place = port.segment === undefined ? 0 : places.get(port.segment)!;
    const options = portOptions(port, place);
    const index = indexes.get(port.name)!;
    return { name: port.name, index, config: port, options, vlans: portVlans(port) };
  });
  return ports.sort(byIndex);
}

/**
 * An index for each name: the one it had, or the lowest that nobody has or just had; when
 * there is none below `count`, one that somebody just had.
 */
function allocate(
  wanted: readonly { name: string }[],
  previous: readonly { name: string; index: number }[],
  count: number,
): Map<string, number> {
  const before = new Map(previous.map(({ name, index }) => [name, index]));
  const kept = wanted.filter(({ name }) => before.has(name)).map(({ name }) => before.get(name)!);
  const taken = new Set(kept);
  const had = new Set(before.values());
  const all = Array.from({ length: count }, (_, index) => index).filter(i => !taken.has(i));
  const free = [...all.filter(i => !had.has(i)), ...all.filter(i => had.has(i))];
  const next = free.values();
  return new Map(wanted.map(({ name }) => [name, before.get(name) ?? next.next().value!]));
}

function planFdb(
  segment: PlannedSegment,
  ports: readonly PlannedPort[],
  nobody: number,
): PlannedFdb[] {
  return segment.config.fdb.map((entry, index) => {
    const domain = domainOf(segment.domains, entry.vid);
    if (domain === 0) {
      const path = `segments.${segment.name}.fdb[${index}].vid`;
      throw new ConfigError(path, `expected a VLAN of one of its ports, got ${entry.vid}`);
    }
    const port = ports.find(({ name }) => name === entry.port)?.index ?? nobody;
    const kind = entry.kind === 'static' ? FdbKind.Static : FdbKind.Permanent;
    return { mac: entry.mac, domain, port, kind };
  });
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
