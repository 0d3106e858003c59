/** What the API shows of services, and the way back for who lists them. */
import { formatIp, parseIp } from '../frame/address.js';
import { Count } from '../service-counts.js';
import type { Backend, Service } from '../service/model.js';
import { keyName } from '../service/names.js';
import type { CountedService } from '../switch-services.js';

/** In: from clients; out: to them. Since the start, or since they were zeroed. */
export interface TotalsView {
  connections: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
}

export interface BackendView extends Omit<Backend, 'address'> {
  address: string;
  /** Connections now: established, and all others. */
  active: number;
  inactive: number;
  /** Clients that persistence holds to it. */
  persistent: number;
  /** It has reached its upper limit, and gets no connection. */
  isOverloaded: boolean;
  counters: TotalsView;
}

export interface ServiceView {
  /** `tcp 10.0.0.5:80`, `mark 7`. */
  name: string;
  protocol: string | null;
  address: string | null;
  port: number | null;
  lastPort: number | null;
  mark: number | null;
  family: 'ipv4' | 'ipv6';
  scheduler: Service['scheduler'];
  flags: Service['flags'];
  persistence: NonNullable<Service['persistence']> | null;
  tableSlots: number | null;
  onePacket: boolean;
  /** Connections that nobody could take. */
  refused: number;
  /** Of backends that are gone too. */
  counters: TotalsView;
  backends: BackendView[];
}

/** `persistent`: clients by number of the backend. */
export function serviceView(
  { planned, sums, backends }: CountedService,
  persistent: ReadonlyMap<number, number>,
): ServiceView {
  const { key, scheduler, flags, persistence, tableSlots, isOnePacket } = planned.service;
  const own = key.kind === 'address' ? key : undefined;
  const ipFamily = own?.address.length === 16 ? 'ipv6' : 'ipv4';
  return {
    name: keyName(key),
    protocol: own?.protocol ?? null,
    address: own === undefined ? null : formatIp(own.address),
    port: own?.port ?? null,
    lastPort: own?.lastPort ?? null,
    mark: key.kind === 'mark' ? key.mark : null,
    family: key.kind === 'mark' ? key.family : ipFamily,
    scheduler,
    flags,
    persistence: persistence ?? null,
    tableSlots: tableSlots ?? null,
    onePacket: isOnePacket,
    refused: sums[Count.Refused]!,
    counters: [sums, ...backends].map(totalsOf).reduce(plus),
    backends: planned.backends.map(({ backend, index }, i) => {
      const row = backends[i]!;
      const { address, ...rest } = backend;
      return {
        address: formatIp(address),
        ...rest,
        active: row[Count.Active]!,
        inactive: row[Count.Inactive]!,
        persistent: persistent.get(index) ?? 0,
        isOverloaded: row[Count.IsOverloaded] !== 0,
        counters: totalsOf(row),
      };
    }),
  };
}

function totalsOf(row: Float64Array): TotalsView {
  return {
    connections: row[Count.Connections]!,
    inPackets: row[Count.InPackets]!,
    outPackets: row[Count.OutPackets]!,
    inBytes: row[Count.InBytes]!,
    outBytes: row[Count.OutBytes]!,
  };
}

function plus(one: TotalsView, other: TotalsView): TotalsView {
  return {
    connections: one.connections + other.connections,
    inPackets: one.inPackets + other.inPackets,
    outPackets: one.outPackets + other.outPackets,
    inBytes: one.inBytes + other.inBytes,
    outBytes: one.outBytes + other.outBytes,
  };
}

/** The service that a view is of. */
export function serviceOfView(view: ServiceView): Service {
  const { mark, family, scheduler, flags, persistence, tableSlots, onePacket } = view;
  const key: Service['key'] =
    mark !== null
      ? { kind: 'mark', mark, family }
      : {
          kind: 'address',
          protocol: view.protocol as 'tcp' | 'udp' | 'sctp',
          address: parseIp(view.address!)!,
          port: view.port!,
          ...(view.lastPort !== null && { lastPort: view.lastPort }),
        };
  return {
    key,
    scheduler,
    flags,
    ...(persistence !== null && { persistence }),
    ...(tableSlots !== null && { tableSlots }),
    isOnePacket: onePacket,
    backends: view.backends.map(({ address, port, forwarding, weight, upper, lower }) => ({
      address: parseIp(address)!,
      ...{ port, forwarding, weight, upper, lower },
    })),
  };
}
