/** Services of a running switch, on the control thread: read, and changed without a reload. */
import type { Plan } from './config/plan.js';
import type { PlannedService } from './config/plan-services.js';
import type { PlannedZone, ZonesPlan } from './config/plan-zones.js';
import { ServiceBook } from './config/service-book.js';
import type { LoopClient } from './loop-client.js';
import { Count } from './service-counts.js';
import type { HeldClient } from './service-table.js';
import type { Service, ServiceKey } from './service/model.js';
import { keyName } from './service/names.js';

/** Rows of a request for counts: the loop does not stop for all of them at once. */
const PAGE_ROWS = 4096;

export interface SwitchParts {
  loop: Pick<LoopClient, 'ask'>;
  inTurn: <T>(run: () => Promise<T>) => Promise<T>;
  plan: () => Plan;
  useZones: (zones: ZonesPlan) => void;
}

/** What the services of a zone are to be. */
export interface ServicesWanted {
  services: readonly Service[];
  /** Whose counters begin again. */
  zeroed: readonly ServiceKey[];
  /** Nothing changes; tables of the core without room are not found. */
  isTest?: boolean;
}

/** A service and what it has counted: rows of `Count.Columns`. */
export interface CountedService {
  planned: PlannedService;
  sums: Float64Array;
  /** In the order of `planned.backends`. */
  backends: Float64Array[];
}

export class SwitchServices {
  /** Made when services are first changed, and anew after a reload. */
  private book: ServiceBook | undefined;

  constructor(private readonly parts: SwitchParts) {}

  /** The plan is another one. */
  forget(): void {
    this.book = undefined;
  }

  /** Those of a zone with their counts; `name`: only the one with this name. */
  read(zone: string, name?: string): Promise<CountedService[]> {
    return this.parts.inTurn(async () => {
      const counted: CountedService[] = [];
      for (const page of pagesOf(this.servicesOf(this.zoneNamed(zone), name))) {
        counted.push(...(await this.readPage(page, counted.length === 0)));
      }
      return counted;
    });
  }

  private async readPage(
    page: readonly PlannedService[],
    isFirst: boolean,
  ): Promise<CountedService[]> {
    const services = page.map(({ index }) => index);
    const counts = await this.parts.loop.ask({ kind: 'serviceCounts', services, isFirst });
    const row = (rows: Float64Array, i: number): Float64Array =>
      rows.subarray(i * Count.Columns, (i + 1) * Count.Columns);
    let next = 0;
    return page.map((planned, i) => ({
      planned,
      sums: row(counts.services, i),
      backends: planned.backends.map(() => row(counts.backends, next++)),
    }));
  }

  /** Changes services as `change` says, all or nothing, until the next reload. */
  change(
    zoneName: string,
    change: (services: readonly Service[]) => ServicesWanted,
  ): Promise<void> {
    return this.parts.inTurn(async () => {
      const { loop, plan, useZones } = this.parts;
      const zone = this.zoneNamed(zoneName);
      this.book ??= new ServiceBook(plan().zones, plan().capacities);
      const { book } = this;
      const wanted = change(book.servicesOf(zone).map(({ service }) => service));
      const planned = book.change(zone, wanted.services);
      if (wanted.isTest === true) return book.forget(planned);
      const sent = book.sent(planned);
      try {
        if (sent.changed.length + sent.removed.length > 0) {
          await loop.ask({ kind: 'servicesUse', ...sent });
        }
      } catch (error) {
        book.forget(planned);
        throw error;
      }
      useZones(book.commit(planned, plan().zones));
      await this.zero(zone, wanted.zeroed);
    });
  }

  private async zero(zone: PlannedZone, keys: readonly ServiceKey[]): Promise<void> {
    if (keys.length === 0) return;
    const names = new Set(keys.map(keyName));
    const services = this.servicesOf(zone)
      .filter(({ service }) => names.has(keyName(service.key)))
      .map(({ index }) => index);
    await this.parts.loop.ask({ kind: 'serviceZero', services });
  }

  /** Clients that persistence holds, in pieces between which the loop goes on. */
  async *clients(): AsyncGenerator<HeldClient> {
    let first = 0;
    do {
      const page = await this.parts.loop.ask({ kind: 'serviceClients', first });
      yield* page.clients;
      first = page.next;
    } while (first !== 0);
  }

  private zoneNamed(name: string): PlannedZone {
    const zone = this.parts.plan().zones.zones.find(other => other.name === name);
    if (zone === undefined) throw new Error(`zone ${name} is gone`);
    return zone;
  }

  private servicesOf({ index }: PlannedZone, name?: string): PlannedService[] {
    const own = this.parts.plan().zones.services.filter(({ zone }) => zone === index);
    return name === undefined ? own : own.filter(({ service }) => keyName(service.key) === name);
  }
}

/** Services in groups of some rows each. */
function* pagesOf(services: readonly PlannedService[]): Generator<PlannedService[]> {
  let page: PlannedService[] = [];
  let rows = 0;
  for (const service of services) {
    page.push(service);
    rows += 1 + service.backends.length;
    if (rows < PAGE_ROWS) continue;
    yield page;
    page = [];
    rows = 0;
  }
  if (page.length > 0) yield page;
}

/** Without what the loop does not read of services. */
export function withoutServices(plan: ZonesPlan): ZonesPlan {
  const zones = plan.zones.map(zone => ({ ...zone, config: { ...zone.config, services: [] } }));
  return { ...plan, zones };
}
