/**
 * Writes zones of a plan into a core: what differs from the plan before.
 *
 * Two steps around the ports, since an interface works on a port that is in a segment:
 * `releaseZones` takes out of service what goes or changes its place, before the ports
 * change; `writeZones` writes behind them.
 */
import { Region, Status } from '../../assembly/abi.js';
import { InterfaceOption, ZoneCounter, ZoneOption } from '../../assembly/zone-abi.js';
import type { Core } from '../core.js';
import { parseIp } from '../frame/address.js';
import type { Prefix, Route } from '../zone-table.js';
import { noRoom } from './apply-overlay.js';
import { writeRules } from './apply-rules.js';
import { haveOtherServices, releaseServices, writeServices } from './apply-services.js';
import { writeOptions, writeTimers } from './apply-zone-options.js';
import { endPublished } from './apply-published.js';
import type { Plan } from './plan.js';
import type {
  PlannedInterface,
  PlannedRoute,
  PlannedZone,
  PlannedZoneNeighbour,
  ZonesPlan,
} from './plan-zones.js';
import type { IpPrefix } from './zone-config.js';

const COUNTER_BYTES = 8;
/** What an interface is, other than what it may change while it works. */
function placeOf({
  name,
  index,
  zone,
  port,
  segment,
  domain,
  tpid,
  config,
}: PlannedInterface): string {
  return [name, index, zone, port, segment, domain, tpid, config.mac, config.vlan].join();
}

/** Interfaces that `previous` has in the same place, so that they go on: as they were. */
function keptInterfaces(
  { interfaces }: ZonesPlan,
  previous: ZonesPlan | undefined,
): Map<string, PlannedInterface> {
  const before = new Map(previous?.interfaces.map(iface => [iface.name, iface]));
  return new Map(
    interfaces.flatMap(({ name, ...rest }): [string, PlannedInterface][] => {
      const old = before.get(name);
      return old !== undefined && placeOf(old) === placeOf({ name, ...rest }) ? [[name, old]] : [];
    }),
  );
}

function prefixOf({ ip, prefixBits }: IpPrefix): Prefix {
  return { ip: parseIp(ip)!, bits: prefixBits };
}

function addressTexts({ config }: PlannedInterface): string[] {
  return config.addresses.map(({ ip, prefixBits }) => `${ip}/${prefixBits}`);
}

/** How many addresses, from the first on, stay: the core keeps them in order. */
function keptAddresses(iface: PlannedInterface, old: PlannedInterface | undefined): number {
  if (old === undefined) return 0;
  const [now, before] = [addressTexts(iface), addressTexts(old)];
  const differs = now.findIndex((address, i) => address !== before[i]);
  return differs === -1 ? now.length : differs;
}

function routeKey({ zone, to }: PlannedRoute): string {
  return `${zone} ${to.ip}/${to.prefixBits}`;
}

function isSameRoute(one: PlannedRoute, other: PlannedRoute | undefined): boolean {
  const { kind, iface, via } = one;
  return other?.kind === kind && other.iface === iface && other.via === via;
}

function neighbourKey({ iface, ip }: PlannedZoneNeighbour): string {
  return `${iface} ${ip}`;
}

/** Whether writing the plan may meet a table without room. */
export function mayFillZones(plan: Plan, previous: Plan): boolean {
  const kept = keptInterfaces(plan.zones, previous.zones);
  const routes = new Map(previous.zones.routes.map(route => [routeKey(route), route]));
  const old = new Set(previous.zones.neighbours.map(neighbourKey));
  return (
    plan.zones.routes.some(route => !isSameRoute(route, routes.get(routeKey(route)))) ||
    haveOtherServices(plan.zones.services, previous.zones.services) ||
    plan.zones.neighbours.some(neighbour => !old.has(neighbourKey(neighbour))) ||
    plan.zones.interfaces.some(iface => {
      const before = kept.get(iface.name);
      return keptAddresses(iface, before) < iface.config.addresses.length || before === undefined;
    })
  );
}

export function releaseZones(core: Core, plan: Plan, previous: Plan): void {
  releaseServices(core, plan.zones.services, previous.zones.services);
  const [now, old] = [plan.zones, previous.zones];
  const zones = new Map(now.zones.map(({ index, name }) => [index, name]));
  const routes = new Set(now.routes.map(routeKey));
  for (const route of old.routes) {
    if (!routes.has(routeKey(route))) core.zones.removeRoute(route.zone, prefixOf(route.to));
  }
  releaseNeighbours(core, now, old);
  const kept = keptInterfaces(now, old);
  const byName = new Map(now.interfaces.map(iface => [iface.name, iface]));
  for (const iface of old.interfaces) {
    if (!kept.has(iface.name)) {
      core.zones.resetInterface(iface.index);
      continue;
    }
    const stay = keptAddresses(byName.get(iface.name)!, iface);
    for (const address of iface.config.addresses.slice(stay)) {
      core.zones.setAddress(iface.index, prefixOf(address), false);
    }
  }
  for (const { index, name } of old.zones) {
    if (zones.get(index) === name) continue;
    core.zones.flushFlows(index);
    core.zones.configure(index, ZoneOption.Use, false);
  }
}

/** Also those of an interface that is made anew, which has none then. */
function releaseNeighbours(core: Core, plan: ZonesPlan, previous: ZonesPlan): void {
  const stay = new Set(plan.neighbours.map(neighbourKey));
  const kept = new Set([...keptInterfaces(plan, previous).values()].map(({ index }) => index));
  for (const neighbour of previous.neighbours) {
    if (stay.has(neighbourKey(neighbour)) && kept.has(neighbour.iface)) continue;
    core.zones.removeNeighbour(neighbour.iface, parseIp(neighbour.ip)!);
  }
}

/** Behind the ports. Throws a ConfigError when a table has no room. */
export function writeZones(core: Core, plan: Plan, previous: Plan | undefined): void {
  const before = previous?.zones;
  const zones = new Map(before?.zones.map(zone => [zone.name, zone]));
  const kept = keptInterfaces(plan.zones, before);
  for (const zone of plan.zones.zones) {
    if (!zones.has(zone.name)) beginZone(core, zone);
  }
  for (const iface of plan.zones.interfaces) {
    writeInterface(core, plan, iface, kept.get(iface.name));
  }
  for (const iface of plan.zones.interfaces) {
    writeAddresses(core, plan, iface, kept.get(iface.name));
  }
  writeRoutes(core, plan, before);
  writeNeighbours(core, plan, before, kept);
  for (const zone of plan.zones.zones) writeOptions(core, zone, zones.get(zone.name));
  writeTimers(core, plan.zones, before);
  writeRules(core, plan, previous);
  writeServices(core, plan.zones.services, before?.services ?? [], plan.capacities);
  endPublished(core, plan.zones, before);
}

/** An index that a new name takes begins at zero. */
function beginZone(core: Core, { index }: PlannedZone): void {
  const bytes = ZoneCounter.Count * COUNTER_BYTES;
  const start = core.region(Region.ZoneCounters) + index * bytes;
  core.bytes.fill(0, start, start + bytes);
}

/** Zone, MAC address and VLAN are set before the port, which they are looked at with. */
function writeInterface(
  core: Core,
  plan: Plan,
  { name, index, zone, port, config }: PlannedInterface,
  old: PlannedInterface | undefined,
): void {
  const { Zone, Vlan, MtuBytes, Inspect } = InterfaceOption;
  if ((old?.config.inspect ?? false) !== config.inspect) {
    core.zones.configureInterface(index, Inspect, Number(config.inspect));
  }
  if (old?.config.mtuBytes !== config.mtuBytes) {
    core.zones.configureInterface(index, MtuBytes, config.mtuBytes);
  }
  if (old !== undefined) return;
  core.zones.configureInterface(index, Zone, zone + 1);
  core.zones.setMac(index, config.mac);
  core.zones.configureInterface(index, Vlan, config.vlan);
  const status = core.zones.attach(index, port);
  if (status === Status.Ok) return;
  if (status !== Status.Full) throw new Error(`core: interface ${name}: ${Status[status]}`);
  const what = 'its MAC address';
  throw noRoom(pathOf(plan, name), what, 'fdbEntries', plan.capacities.FdbEntries);
}

/** Of an interface: `zones.host.interfaces.docker0`. */
function pathOf({ zones }: Plan, name: string): string {
  const iface = zones.interfaces.find(other => other.name === name)!;
  return `${zonePath(zones, iface.zone)}.interfaces.${iface.config.name}`;
}

function zonePath({ zones }: ZonesPlan, index: number): string {
  return `zones.${zones.find(zone => zone.index === index)?.name}`;
}

function writeAddresses(
  core: Core,
  plan: Plan,
  iface: PlannedInterface,
  old: PlannedInterface | undefined,
): void {
  for (const address of iface.config.addresses.slice(keptAddresses(iface, old))) {
    const status = core.zones.setAddress(iface.index, prefixOf(address));
    if (status === Status.Ok) continue;
    const most = plan.capacities.Interfaces;
    throw noRoom(`${pathOf(plan, iface.name)}.addresses`, address.ip, 'interfaces', most);
  }
}

function writeRoutes(core: Core, plan: Plan, before: ZonesPlan | undefined): void {
  const old = new Map(before?.routes.map(route => [routeKey(route), route]));
  for (const route of plan.zones.routes) {
    if (isSameRoute(route, old.get(routeKey(route)))) continue;
    if (core.zones.insertRoute(coreRoute(route)) === Status.Ok) continue;
    const { ip, prefixBits } = route.to;
    const path = `${zonePath(plan.zones, route.zone)}.routes`;
    throw noRoom(path, `${ip}/${prefixBits}`, 'routes', plan.capacities.Routes);
  }
}

function coreRoute({ zone, to, kind, iface, via }: PlannedRoute): Route {
  const gateway = via === undefined ? undefined : parseIp(via);
  return { zone, to: prefixOf(to), kind, iface, ...(gateway !== undefined && { gateway }) };
}

function writeNeighbours(
  core: Core,
  plan: Plan,
  before: ZonesPlan | undefined,
  kept: ReadonlyMap<string, PlannedInterface>,
): void {
  const stay = new Set([...kept.values()].map(({ index }) => index));
  const old = new Map(before?.neighbours.map(one => [neighbourKey(one), one.mac]));
  for (const neighbour of plan.zones.neighbours) {
    const { iface, ip, mac } = neighbour;
    if (stay.has(iface) && old.get(neighbourKey(neighbour)) === mac) continue;
    if (core.zones.setNeighbour(iface, parseIp(ip)!, mac) === Status.Ok) continue;
    const zone = plan.zones.interfaces.find(({ index }) => index === iface)!.zone;
    const path = `${zonePath(plan.zones, zone)}.neighbours`;
    throw noRoom(path, ip, 'adjacencies', plan.capacities.Adjacencies);
  }
}
