/**
 * Services of a running switch and their numbers, on the control thread: what a change of some
 * of them is for the core, without a look at those that stay. It is made anew of the plan after
 * a reload; `change` plans, `commit` makes it so.
 */
import type { Capacities } from '../core.js';
import { formatIp } from '../frame/address.js';
import type { Backend, Service, ServiceKey } from '../service/model.js';
import { keyName } from '../service/names.js';
import { ConfigError, type Problem } from './config-error.js';
import { NumberPool } from './number-pool.js';
import { type PlannedService, backendKey, planService, serviceName } from './plan-services.js';
import type { PlannedZone, ZonesPlan } from './plan-zones.js';
import { type SentService, packService } from './sent-services.js';
import { routerPortName } from './router-ports.js';
import type { ServiceConfig } from './zone-config.js';
import { checkKeys, speakerFor } from './zone-services.js';

/** What differs, by the numbers of services. */
export interface ServicesChange {
  /** New, or other than before. */
  changed: SentService[];
  removed: number[];
}

interface Planned {
  changed: PlannedService[];
  removed: number[];
  zone: PlannedZone;
  /** Of the zone, in order. */
  services: PlannedService[];
  freedBackends: number[];
}

export class ServiceBook {
  /** By the index of the zone and the name of the service. */
  private readonly zones = new Map<number, Map<string, PlannedService>>();
  private readonly serviceNumbers: NumberPool;
  private readonly backendNumbers: NumberPool;

  constructor(
    private readonly plan: ZonesPlan,
    capacities: Capacities,
  ) {
    const { services } = plan;
    for (const { index } of plan.zones) this.zones.set(index, new Map());
    for (const service of services) this.zones.get(service.zone)!.set(service.name, service);
    const backends = services.flatMap(service => service.backends.map(({ index }) => index));
    const used = services.map(({ index }) => index);
    this.serviceNumbers = new NumberPool(capacities.Services ?? 0, used);
    this.backendNumbers = new NumberPool(capacities.Backends ?? 0, backends);
  }

  servicesOf({ index }: PlannedZone): PlannedService[] {
    return [...(this.zones.get(index)?.values() ?? [])];
  }

  /** What becomes of a zone with these services. Throws a ConfigError; nothing has changed. */
  change(zone: PlannedZone, wanted: readonly Service[]): Planned {
    const taken = { services: [] as number[], backends: [] as number[] };
    try {
      return this.planChange(zone, wanted, taken);
    } catch (error) {
      this.serviceNumbers.give(taken.services);
      this.backendNumbers.give(taken.backends);
      throw error;
    }
  }

  private planChange(zone: PlannedZone, wanted: readonly Service[], taken: Taken): Planned {
    const before = this.zones.get(zone.index)!;
    const same = new Map([...before.values()].map(planned => [planned.service, planned]));
    checkServices(
      zone,
      wanted,
      wanted.filter(service => !same.has(service)),
    );
    const changed: PlannedService[] = [];
    const services = wanted.map(service => {
      const stays = same.get(service);
      if (stays !== undefined) return stays;
      const old = before.get(serviceName({ zone, service }));
      const planned = this.planOne(zone, keepSlots(service, old), old, taken);
      changed.push(planned);
      return planned;
    });
    const names = new Set(services.map(({ name }) => name));
    const gone = [...before.values()].filter(({ name }) => !names.has(name));
    const used = new Set(changed.flatMap(({ backends }) => backends.map(({ index }) => index)));
    const olds = changed.flatMap(({ name }) => before.get(name) ?? []);
    const had = [...gone, ...olds].flatMap(({ backends }) => backends.map(({ index }) => index));
    return {
      zone,
      services,
      changed,
      removed: gone.map(({ index }) => index),
      freedBackends: had.filter(index => !used.has(index)),
    };
  }

  private planOne(
    zone: PlannedZone,
    service: Service,
    old: PlannedService | undefined,
    taken: Taken,
  ): PlannedService {
    const name = serviceName({ zone, service });
    const path = `zones.${zone.name}.services`;
    const had = new Map(
      old?.backends.map(({ backend, index }) => [backendKey(name, backend), index]),
    );
    const index = old?.index ?? this.serviceNumbers.take(path, 'services', taken.services);
    const numberOf = (backend: Backend): number =>
      had.get(backendKey(name, backend)) ??
      this.backendNumbers.take(path, 'backends', taken.backends);
    const iface = old?.iface ?? this.interfaceFor(zone, service.key);
    return planService({ name, index, zone: zone.index, iface }, service, old, numberOf);
  }

  private interfaceFor({ name, config }: PlannedZone, key: ServiceKey): number {
    const vip = key.kind === 'address' ? formatIp(key.address) : undefined;
    const speaker = speakerFor(vip, config.interfaces);
    if (speaker === undefined) {
      throw new ConfigError(`zones.${name}`, 'expected an interface in the zone, got none');
    }
    const full = routerPortName(name, speaker);
    return this.plan.interfaces.find(iface => iface.name === full)!.index;
  }

  /** What the other thread is told of a change that is not committed yet. */
  sent({ zone, changed, removed }: Planned): ServicesChange {
    const before = this.zones.get(zone.index)!;
    return { changed: changed.map(one => packService(one, before.get(one.name))), removed };
  }

  /** Takes back the numbers of a change that the core has refused. */
  forget({ zone, changed }: Planned): void {
    const before = this.zones.get(zone.index)!;
    for (const { name, index, backends } of changed) {
      const old = before.get(name);
      const had = new Set(old?.backends.map(backend => backend.index));
      if (old === undefined) this.serviceNumbers.give([index]);
      this.backendNumbers.give(backends.map(one => one.index).filter(one => !had.has(one)));
    }
  }

  /** The core has it. Returns the zones with it. */
  commit({ zone, services, removed, freedBackends }: Planned, zones: ZonesPlan): ZonesPlan {
    this.serviceNumbers.give(removed);
    this.backendNumbers.give(freedBackends);
    this.zones.set(zone.index, new Map(services.map(service => [service.name, service])));
    const interfaces = new Map(this.plan.interfaces.map(({ index, config }) => [index, config]));
    const configs = services.map(({ service, iface }): ServiceConfig => ({
      service,
      interface: interfaces.get(iface)!.name,
    }));
    return {
      ...zones,
      services: [...this.zones.values()].flatMap(own => [...own.values()]),
      zones: zones.zones.map(other =>
        other.index === zone.index
          ? { ...other, config: { ...other.config, services: configs } }
          : other,
      ),
    };
  }
}

interface Taken {
  services: number[];
  backends: number[];
}

/** What the text of ipvsadm can say, and the core cannot do; `others` are new or changed. */
function checkServices(
  zone: PlannedZone,
  services: readonly Service[],
  others: readonly Service[],
): void {
  const path = `zones.${zone.name}.services`;
  const problems: Problem[] = [];
  for (const { key, backends } of others) {
    if (!backends.some(({ forwarding }) => forwarding === 'tunnel')) continue;
    const problem = `expected -m or -g, as there are no tunnels to backends, got -i`;
    problems.push({ path: `${path}.${keyName(key)}`, problem });
  }
  const hasRange = services.some(({ key }) => key.kind === 'address' && key.lastPort !== undefined);
  if (hasRange) {
    checkKeys(
      path,
      services.map(service => ({ service })),
      problems,
    );
  }
  ConfigError.throwIfAny(problems);
}

/** A text of ipvsadm says nothing of the slots of mh. */
function keepSlots(service: Service, old: PlannedService | undefined): Service {
  const slots = old?.service.tableSlots;
  if (service.scheduler !== 'mh' || service.tableSlots !== undefined) return service;
  return slots === undefined ? service : { ...service, tableSlots: slots };
}
