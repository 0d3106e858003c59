/** Services of a running switch in the forms of `ipvsadm -L -n`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseIp } from '../frame/address.js';
import type { ApiClient } from '../api/client.js';
import type { ConnectionView } from '../api/connection-views.js';
import type { ServicesView } from '../api/service-routes.js';
import { type ServiceView, type TotalsView, serviceOfView } from '../api/service-views.js';
import type { ListOptions } from '../service/command.js';
import { listConnections } from '../service/list-connections.js';
import {
  type ListingOptions,
  type Rates,
  listPersistent,
  listRates,
  listServices,
  listStats,
  listThresholds,
  listTunnels,
} from '../service/list.js';

type What = ListOptions['what'];

/** Between the two looks that rates are made of. */
const SAMPLE_MS = 1000;

/** A service with rates, where they were asked for. */
export type Sample = ServiceView & { rates?: Rates; backendRates?: Rates[] };

export interface Listed {
  view: Omit<ServicesView, 'services'> & { services: Sample[] };
  text: string;
}

/** Asks twice, a second apart, where rates are wanted. */
export async function readList(
  client: ApiClient,
  query: { zone?: string | undefined; service?: string | undefined },
  what: What,
  options: ListingOptions,
): Promise<Listed> {
  const first = await client.services(query);
  if (what !== 'rate') return { view: first, text: textOf(first.services, what, options) };
  const began = process.hrtime.bigint();
  await sleep(SAMPLE_MS);
  const second = await client.services(query);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const services = withRates(first.services, second.services, seconds);
  return { view: { ...second, services }, text: textOf(services, what, options) };
}

/** What came in between counts from zero for who was not there before. */
export function withRates(
  before: readonly ServiceView[],
  after: readonly ServiceView[],
  seconds: number,
): Sample[] {
  const services = new Map(before.map(service => [service.name, service]));
  return after.map(service => {
    const old = services.get(service.name);
    const backends = new Map(old?.backends.map(one => [endOf(one), one.counters]));
    return {
      ...service,
      rates: ratesOf(old?.counters, service.counters, seconds),
      backendRates: service.backends.map(one =>
        ratesOf(backends.get(endOf(one)), one.counters, seconds),
      ),
    };
  });
}

function endOf({ address, port }: { address: string; port: number }): string {
  return `${address} ${port}`;
}

function ratesOf(before: TotalsView | undefined, after: TotalsView, seconds: number): Rates {
  // Less than before: counters were zeroed in between.
  const rate = (column: keyof TotalsView): number => {
    const since = after[column] - (before?.[column] ?? 0);
    return Math.round((since < 0 ? after[column] : since) / seconds);
  };
  return {
    connectionsPerSec: rate('connections'),
    inPacketsPerSec: rate('inPackets'),
    outPacketsPerSec: rate('outPackets'),
    inBytesPerSec: rate('inBytes'),
    outBytesPerSec: rate('outBytes'),
  };
}

const NO_RATES: Rates = {
  connectionsPerSec: 0,
  inPacketsPerSec: 0,
  outPacketsPerSec: 0,
  inBytesPerSec: 0,
  outBytesPerSec: 0,
};

function textOf(services: readonly Sample[], what: What, options: ListingOptions): string {
  const held = services.map(view => ({ service: serviceOfView(view), backends: view.backends }));
  switch (what) {
    case 'services':
      return listServices(held, options);
    case 'thresholds':
      return listThresholds(held, options);
    case 'persistent':
      return listPersistent(held, options);
    case 'tunnels':
      return listTunnels(held, options);
    case 'stats':
      return listStats(
        services.map(view => ({
          service: serviceOfView(view),
          whole: view.counters,
          backends: view.backends.map(({ counters }) => counters),
        })),
        options,
      );
    case 'rate':
      return listRates(
        services.map(view => ({
          service: serviceOfView(view),
          whole: view.rates ?? NO_RATES,
          backends: view.backendRates ?? view.backends.map(() => NO_RATES),
        })),
        options,
      );
  }
}

export function connectionsText(views: readonly ConnectionView[]): string {
  const end = ({ address, port }: ConnectionView['client']) => ({
    address: parseIp(address)!,
    port,
  });
  return listConnections(
    views.map(({ protocol, client, virtual, backend, ...rest }) => ({
      ...rest,
      protocol: protocol ?? undefined,
      client: end(client),
      virtual: end(virtual),
      backend: end(backend),
    })),
  );
}
