/**
 * Services of a configuration in numbers. A service keeps its number while its key exists, a
 * backend while its service has that address, port and forwarding, so what they have counted
 * and the flows they have survive a reload.
 */
import { formatIp } from '../frame/address.js';
import { lookupTable } from '../service/lookup.js';
import type { Backend, Service } from '../service/model.js';
import { backendName, keyName } from '../service/names.js';
import { allocate } from './plan-indexes.js';

export interface PlannedBackend {
  /** `10.0.0.6:80`. */
  name: string;
  index: number;
  backend: Backend;
}

export interface PlannedService {
  /** `host tcp 10.0.0.5:80`: zone and key. */
  name: string;
  index: number;
  /** Index, as is `iface`: the one that speaks for the address. */
  zone: number;
  iface: number;
  service: Service;
  /** In order, as the core has them. */
  backends: PlannedBackend[];
  /** Places in `backends`; none: the scheduler looks nothing up. */
  lookup?: Uint16Array;
}

/** A service of a zone, and where. */
export interface PlacedService {
  zone: { name: string; index: number };
  iface: number;
  service: Service;
}

export interface ServiceSizes {
  Services: number;
  Backends: number;
}

/** There is room: capacities.ts has seen to it. */
export function planServices(
  placed: readonly PlacedService[],
  previous: readonly PlannedService[],
  { Services, Backends }: ServiceSizes,
): PlannedService[] {
  const named = placed.map(one => ({ ...one, name: serviceName(one) }));
  const indexes = allocate(named, previous, Services);
  const had = previous.flatMap(service => service.backends.map(one => keyed(service, one)));
  const wanted = named.flatMap(service =>
    service.service.backends.map(backend => ({ name: backendKey(service.name, backend) })),
  );
  const backendIndexes = allocate(wanted, had, Backends);
  const before = new Map(previous.map(service => [service.name, service]));
  return named.map(({ name, zone, iface, service }) => {
    const numberOf = (backend: Backend): number => backendIndexes.get(backendKey(name, backend))!;
    const place = { name, index: indexes.get(name)!, zone: zone.index, iface };
    return planService(place, service, before.get(name), numberOf);
  });
}

/** One service; `old` is what was there by its name. */
export function planService(
  place: Pick<PlannedService, 'name' | 'index' | 'zone' | 'iface'>,
  service: Service,
  old: PlannedService | undefined,
  numberOf: (backend: Backend) => number,
): PlannedService {
  const backends = service.backends.map(backend => ({
    name: backendName(backend),
    index: numberOf(backend),
    backend,
  }));
  const lookup = lookupOf(service, old);
  return { ...place, service, backends, ...(lookup !== undefined && { lookup }) };
}

export function serviceName({ zone, service }: Pick<PlacedService, 'zone' | 'service'>): string {
  return `${zone.name} ${keyName(service.key)}`;
}

function keyed(
  { name }: PlannedService,
  { index, backend }: PlannedBackend,
): {
  name: string;
  index: number;
} {
  return { name: backendKey(name, backend), index };
}

/** A backend that is reached in another way is another one. */
export function backendKey(service: string, { address, port, forwarding }: Backend): string {
  return `${service} > ${formatIp(address)} ${port} ${forwarding}`;
}

/** The table there was, if nothing it depends on has changed. */
function lookupOf(service: Service, old: PlannedService | undefined): Uint16Array | undefined {
  if (old !== undefined && lookupKey(old.service) === lookupKey(service)) return old.lookup;
  return lookupTable(service);
}

function lookupKey({ scheduler, tableSlots, backends }: Service): string {
  const texts = backends.map(backend => `${backendName(backend)} ${backend.weight}`);
  return [scheduler, tableSlots, ...texts].join();
}
