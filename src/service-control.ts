/**
 * Services of a running core, beside the packet loop: changes of some of them without the
 * others, and what they have counted.
 */
import { Region } from '../assembly/abi.js';
import { haveOtherServices, releaseServices, writeServices } from './config/apply-services.js';
import type { PlannedService } from './config/plan-services.js';
import { unpackService } from './config/sent-services.js';
import type { ServicesChange } from './config/service-book.js';
import type { Capacities, Core } from './core.js';
import type { Request, Results } from './loop-messages.js';
import { type ServiceCounts, writeBackendCounts, writeServiceCounts } from './service-counts.js';

export type ServiceRequest = Extract<Request, { kind: `service${string}` }>;

export class ServiceControl {
  /** What the core has, by number. */
  private services = new Map<number, PlannedService>();
  private capacities: Capacities = {} as Capacities;

  constructor(private readonly core: Core) {}

  /** Those of a plan that has been applied. */
  reset(services: readonly PlannedService[], capacities: Capacities): void {
    this.services = new Map(services.map(service => [service.index, service]));
    this.capacities = capacities;
  }

  get all(): PlannedService[] {
    return [...this.services.values()];
  }

  perform(request: ServiceRequest): Results[ServiceRequest['kind']] {
    switch (request.kind) {
      case 'servicesUse':
        return this.use(request);
      case 'serviceCounts':
        return this.counts(request.services, request.isFirst);
      case 'serviceZero':
        return this.zero(request.services);
      case 'serviceClients':
        return this.core.services.clientPage(request.first);
    }
  }

  /** All of it or nothing. Throws a ConfigError when there is no room. */
  private use({ changed: sent, removed }: ServicesChange): void {
    const { core, capacities } = this;
    const touched = [...removed, ...sent.map(({ index }) => index)];
    const before = touched.flatMap(index => this.services.get(index) ?? []);
    const changed = sent.map(one => unpackService(one, this.services.get(one.index)));
    // One is written all or nothing; that takes no copy of the core.
    const mayHalfFail = touched.length > 1 && haveOtherServices(changed, before);
    const undo = mayHalfFail ? core.bytes.slice(0, core.region(Region.Arena)) : undefined;
    try {
      releaseServices(core, changed, before);
      writeServices(core, changed, before, capacities);
    } catch (error) {
      if (undo !== undefined) core.bytes.set(undo);
      throw error;
    }
    for (const index of removed) this.services.delete(index);
    for (const service of changed) this.services.set(service.index, service);
  }

  /** Of these services and their backends, in order; `isFirst` brings counters up to date. */
  private counts(numbers: readonly number[], isFirst: boolean): ServiceCounts {
    const { services } = this.core;
    if (isFirst) services.fold();
    const members = numbers.map(number => this.services.get(number)!.backends);
    const backends = members.flat().map(({ index }) => index);
    return {
      services: writeServiceCounts(services, numbers),
      backends: writeBackendCounts(services, backends),
    };
  }

  private zero(numbers: readonly number[]): void {
    const { services } = this.core;
    services.fold();
    for (const number of numbers) services.zero(number);
  }
}
