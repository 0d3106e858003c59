/**
 * Zones of a configuration in numbers. Names keep their indexes across reloads, as those of
 * ports do (plan.ts).
 */
import { RouteKind } from '../../assembly/zone-abi.js';
import type { CompiledRules } from '../rules/compile.js';
import type { Config } from './config.js';
import { subnetOf } from './ip.js';
import { type DomainRun, domainOf } from './plan-domains.js';
import { allocate } from './plan-indexes.js';
import { type PlacedService, type PlannedService, planServices } from './plan-services.js';
import { routerPortName } from './router-ports.js';
import type { InterfaceConfig, IpPrefix, RouteConfig, ZoneConfig } from './zone-config.js';
import { connectedSubnets } from './zone-routes.js';
import { compileZones, counterKeys, numbersKey } from './zone-rules.js';
import { timersSec } from './zone-timers.js';

export interface PlannedZone {
  name: string;
  index: number;
  config: ZoneConfig;
}

export interface PlannedInterface {
  /** `ZONE.INTERFACE`, as its port is called. */
  name: string;
  index: number;
  config: InterfaceConfig;
  /** Index, as are the following. */
  zone: number;
  port: number;
  segment: number;
  domain: number;
  /** Tag protocol of the segment. */
  tpid: number;
}

export interface PlannedRoute {
  /** Index, as is `iface`. */
  zone: number;
  to: IpPrefix;
  kind: RouteKind;
  /** 0 where the kind has none. */
  iface: number;
  via?: string;
}

export interface PlannedZoneNeighbour {
  /** Index. */
  iface: number;
  ip: string;
  mac: bigint;
}

/** What there is to know of zones by number and name. */
export interface ZonesPlan {
  /** In the order of indexes, as are interfaces. */
  zones: PlannedZone[];
  interfaces: PlannedInterface[];
  /** Those to the subnets of interfaces too. */
  routes: PlannedRoute[];
  neighbours: PlannedZoneNeighbour[];
  /** Seconds, by profile, in the order of FlowTimer. */
  timersSec: Record<'linux' | 'strict', number[]>;
  rules: CompiledRules;
  /** By counter: what it counts, the same after a reload. */
  counterKeys: string[];
  services: PlannedService[];
}

interface Numbers {
  /** Of ports, by name. */
  ports: ReadonlyMap<string, number>;
  segments: readonly {
    name: string;
    index: number;
    config: { tpid: number };
    domains: readonly DomainRun[];
  }[];
}

const KINDS: Record<Exclude<RouteConfig['kind'], 'unicast'>, RouteKind> = {
  blackhole: RouteKind.Blackhole,
  unreachable: RouteKind.Unreachable,
  prohibit: RouteKind.Prohibit,
};

/** Throws a `ConfigError` when rules cannot be compiled. */
export function planZones(
  config: Pick<Config, 'zones' | 'rules' | 'capacities'>,
  numbers: Numbers,
  previous: ZonesPlan | undefined,
): ZonesPlan {
  const { Zones = 0, Interfaces = 0 } = config.capacities;
  const zoneIndexes = allocate(config.zones, previous?.zones ?? [], Zones);
  const wanted = config.zones.flatMap(zone =>
    zone.interfaces.map(iface => ({ name: routerPortName(zone.name, iface.name), zone, iface })),
  );
  const indexes = allocate(wanted, previous?.interfaces ?? [], Interfaces);
  const segments = new Map(numbers.segments.map(segment => [segment.name, segment]));
  const zones = config.zones.map(zone => ({
    name: zone.name,
    index: zoneIndexes.get(zone.name)!,
    config: zone,
  }));
  const interfaces = wanted.map(({ name, zone, iface }): PlannedInterface => {
    const { index, domains, config: segment } = segments.get(iface.segment)!;
    return {
      name,
      index: indexes.get(name)!,
      config: iface,
      zone: zoneIndexes.get(zone.name)!,
      port: numbers.ports.get(name)!,
      segment: index,
      domain: domainOf(domains, iface.vlan),
      tpid: segment.tpid,
    };
  });
  const ruleNumbers = { zones: zoneIndexes, interfaces: indexes };
  const isCompiled = config.rules.numbers === numbersKey(ruleNumbers);
  const { compiled } = isCompiled ? config.rules : compileZones(config.zones, ruleNumbers);
  const zoneNames = new Map(zones.map(({ name, index }) => [index, name]));
  const { Services = 0, Backends = 0 } = config.capacities;
  const placed = zones.flatMap(zone => placeServices(zone, indexes));
  return {
    services: planServices(placed, previous?.services ?? [], { Services, Backends }),
    zones: zones.sort((a, b) => a.index - b.index),
    interfaces: interfaces.sort((a, b) => a.index - b.index),
    routes: zones.flatMap(zone => planRoutes(zone, interfaces)),
    neighbours: zones.flatMap(zone => planNeighbours(zone, interfaces)),
    timersSec: { linux: timersOf(config.zones, 'linux'), strict: timersOf(config.zones, 'strict') },
    rules: compiled,
    counterKeys: counterKeys(compiled, zone => zoneNames.get(zone)!),
  };
}

function placeServices(
  { name, index, config }: PlannedZone,
  interfaces: ReadonlyMap<string, number>,
): PlacedService[] {
  return config.services.map(({ service, interface: speaker }) => ({
    zone: { name, index },
    iface: interfaces.get(routerPortName(name, speaker))!,
    service,
  }));
}

function planRoutes(
  { index, config }: PlannedZone,
  interfaces: readonly PlannedInterface[],
): PlannedRoute[] {
  const own = interfaces.filter(({ zone }) => zone === index);
  const byName = new Map(own.map(iface => [iface.config.name, iface.index]));
  const connected = own.flatMap(({ index: iface, config: { addresses } }): PlannedRoute[] =>
    connectedSubnets({ addresses }).map(subnet => ({
      zone: index,
      to: prefixOf(subnet),
      kind: RouteKind.Link,
      iface,
    })),
  );
  const configured = config.routes.map(({ to, kind, via, interface: name }): PlannedRoute => {
    const iface = name === undefined ? 0 : byName.get(name)!;
    if (kind !== 'unicast') return { zone: index, to, kind: KINDS[kind], iface };
    if (via === undefined) return { zone: index, to, kind: RouteKind.Link, iface };
    return { zone: index, to, kind: RouteKind.Via, iface, via };
  });
  return [...connected, ...configured];
}

function prefixOf(subnet: string): IpPrefix {
  const [ip = '', bits] = subnet.split('/');
  return { ip, prefixBits: Number(bits) };
}

function planNeighbours(
  { index, config }: PlannedZone,
  interfaces: readonly PlannedInterface[],
): PlannedZoneNeighbour[] {
  return config.neighbours.map(({ ip, mac, interface: name }) => {
    const iface = interfaces.find(other => other.zone === index && other.config.name === name)!;
    return { iface: iface.index, ip, mac };
  });
}

/** What any zone of a profile says of its timers holds for the profile. */
function timersOf(zones: readonly ZoneConfig[], profile: 'linux' | 'strict'): number[] {
  const said = zones.filter(({ conntrack }) => conntrack.profile === profile);
  return timersSec(profile, Object.assign({}, ...said.map(zone => zone.conntrack.timeoutsSec)));
}

/** How many routes a zone has. */
export function routeCount({ interfaces, routes }: ZoneConfig): number {
  return interfaces.reduce((sum, iface) => sum + connectedSubnets(iface).length, routes.length);
}

/** `10.9.0.0/16`. */
export function routeText({ to }: Pick<PlannedRoute, 'to'>): string {
  return subnetOf(to);
}
