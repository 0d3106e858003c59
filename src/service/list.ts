/**
 * Services as `ipvsadm -L -n` lists them, with what is seen of them; columns are those of
 * `print_title` and `print_service_entry` of ipvsadm 1.31, blanks at the ends of lines too.
 */
import type { Backend, Forwarding, Service, ServiceProtocol } from './model.js';
import { compareBackends, compareKeys } from './order.js';
import { addressText, backendText, maskText } from './print.js';

/** Of IPVS since Linux 2.6.27; scripts look for the line that it stands in. */
const IPVS_VERSION = '1.2.1';
const PROTOCOL_NAME: Readonly<Record<ServiceProtocol, string>> = {
  tcp: 'TCP',
  udp: 'UDP',
  sctp: 'SCTP',
};
const FORWARD_NAME: Readonly<Record<Forwarding, string>> = {
  nat: 'Masq',
  direct: 'Route',
  tunnel: 'Tunnel',
};
const SERVICE_COLUMNS = 33;
const BACKEND_COLUMNS = 28;
const LOCAL = 'Prot LocalAddress:Port';
const LOCAL_PADDED = LOCAL.padEnd(SERVICE_COLUMNS);
const REMOTE = '  -> RemoteAddress:Port';

/** Connections that a backend has. */
export interface BackendConnections {
  /** Established; all others are inactive. */
  readonly active: number;
  readonly inactive: number;
  /** Persistence templates: clients that are to come back to it. */
  readonly persistent: number;
}

/** Since the start, or since `-Z`. */
export interface Totals {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

export interface Rates {
  readonly connectionsPerSec: number;
  readonly inPacketsPerSec: number;
  readonly outPacketsPerSec: number;
  readonly inBytesPerSec: number;
  readonly outBytesPerSec: number;
}

/** A service and what is seen of each backend, in the order of `service.backends`. */
export interface Seen<T> {
  readonly service: Service;
  readonly backends: readonly T[];
}

/** The same, and of the service as a whole. */
export interface SeenWhole<T> extends Seen<T> {
  readonly whole: T;
}

export interface ListingOptions {
  /** Buckets of the connection table, which the first line shows; none for one service alone. */
  readonly tableSize?: number;
  /** On unless it says no. */
  readonly sort?: boolean;
  /** `--exact`: no K, M, G or T. */
  readonly exact?: boolean;
}

/** `-L -n`. */
export function listServices(
  seen: readonly Seen<BackendConnections>[],
  options: ListingOptions = {},
): string {
  return listing<BackendConnections>(seen, options, {
    title: [`${LOCAL} Scheduler Flags`, `${REMOTE}           Forward Weight ActiveConn InActConn`],
    service: flagLine,
    backend: ({ forwarding, weight }, count) =>
      columns([
        [FORWARD_NAME[forwarding], 7],
        [weight, 6],
        [count.active, 10],
        [count.inactive, 10],
      ]),
  });
}

/** `-L -n --tun-info`. */
export function listTunnels(
  seen: readonly Seen<BackendConnections>[],
  options: ListingOptions = {},
): string {
  return listing<BackendConnections>(seen, options, {
    title: [
      `${LOCAL} Scheduler Flags`,
      `${REMOTE}           Forward TunnelInfo    Weight ActiveConn InActConn`,
    ],
    service: flagLine,
    backend: ({ forwarding, weight }, count) =>
      columns([
        [FORWARD_NAME[forwarding], 7],
        [forwarding === 'tunnel' ? 'ipip' : 'n/a', 13],
        [weight, 6],
        [count.active, 10],
        [count.inactive, 10],
      ]),
  });
}

/** `-L -n --thresholds`. */
export function listThresholds(
  seen: readonly Seen<BackendConnections>[],
  options: ListingOptions = {},
): string {
  return listing<BackendConnections>(seen, options, {
    title: [`${LOCAL_PADDED} Uthreshold Lthreshold ActiveConn InActConn `, REMOTE],
    service: flagLine,
    backend: ({ upper, lower }, count) =>
      columns([
        [upper, 10],
        [lower, 10],
        [count.active, 10],
        [count.inactive, 10],
      ]),
  });
}

/** `-L -n --persistent-conn`. */
export function listPersistent(
  seen: readonly Seen<BackendConnections>[],
  options: ListingOptions = {},
): string {
  return listing<BackendConnections>(seen, options, {
    title: [`${LOCAL_PADDED} Weight    PersistConn ActiveConn InActConn `, REMOTE],
    service: flagLine,
    backend: ({ weight }, count) =>
      columns([
        [weight, 9],
        [count.persistent, 11],
        [count.active, 10],
        [count.inactive, 10],
      ]),
  });
}

/** `-L -n --stats`. */
export function listStats(
  seen: readonly SeenWhole<Totals>[],
  options: ListingOptions = {},
): string {
  const numbers = (totals: Totals): string =>
    [totals.connections, totals.inPackets, totals.outPackets, totals.inBytes, totals.outBytes]
      .map(number => largeNumber(number, options.exact))
      .join('');
  return listing<Totals, SeenWhole<Totals>>(seen, options, {
    title: [`${LOCAL_PADDED}    Conns   InPkts  OutPkts  InBytes OutBytes`, REMOTE],
    service: ({ service, whole }) => `${paddedName(service)}${numbers(whole)}`,
    backend: (_, totals) => numbers(totals),
  });
}

/** `-L -n --rate`. */
export function listRates(seen: readonly SeenWhole<Rates>[], options: ListingOptions = {}): string {
  const large = (number: number): string => largeNumber(number, options.exact);
  // ipvsadm shortens these of a service only.
  const plain = (number: number): string => ` ${String(number).padStart(8)}`;
  const numbers = (rates: Rates, count: (number: number) => string): string =>
    [rates.connectionsPerSec, rates.inPacketsPerSec, rates.outPacketsPerSec].map(count).join('') +
    [rates.inBytesPerSec, rates.outBytesPerSec].map(large).join('');
  return listing<Rates, SeenWhole<Rates>>(seen, options, {
    title: [`${LOCAL_PADDED}      CPS    InPPS   OutPPS    InBPS   OutBPS`, REMOTE],
    service: ({ service, whole }) => `${paddedName(service)}${numbers(whole, large)}`,
    backend: (_, rates) => numbers(rates, plain),
  });
}

/** Nine columns, or as many as it needs with `exact` (`print_largenum`). */
export function largeNumber(number: number, exact = false): string {
  if (exact) return ` ${String(number).padStart(8)}`;
  const shortened = (by: number, unit: string): string =>
    `${String(Math.floor(number / by)).padStart(8)}${unit}`;
  if (number < 1e8) return String(number).padStart(9);
  if (number < 1e9) return shortened(1e3, 'K');
  if (number < 1e11) return shortened(1e6, 'M');
  return number < 1e14 ? shortened(1e9, 'G') : shortened(1e12, 'T');
}

/** The lines of a service and its backends, under a title. */
interface Layout<S, T> {
  readonly title: readonly string[];
  readonly service: (seen: S) => string;
  /** What stands behind the name of the backend. */
  readonly backend: (backend: Backend, seen: T) => string;
}

function listing<T, S extends Seen<T> = Seen<T>>(
  seen: readonly S[],
  { tableSize, sort = true }: ListingOptions,
  { title, service, backend }: Layout<S, T>,
): string {
  const byKey = (a: S, b: S): number => compareKeys(a.service.key, b.service.key);
  const blocks = sorted(seen, sort, byKey).map(each => {
    const pairs = each.service.backends.map((one, i) => [one, each.backends[i]!] as const);
    const lines = sorted(pairs, sort, ([a], [b]) => compareBackends(a, b)).map(
      ([one, count]) => `  -> ${backendText(one).padEnd(BACKEND_COLUMNS)}${backend(one, count)}`,
    );
    return [service(each), ...lines];
  });
  const version = `IP Virtual Server version ${IPVS_VERSION} (size=${tableSize})`;
  const head = tableSize === undefined ? title : [version, ...title];
  return `${[...head, ...blocks.flat()].join('\n')}\n`;
}

function sorted<T>(list: readonly T[], isSorted: boolean, compare: (a: T, b: T) => number): T[] {
  return isSorted ? [...list].sort(compare) : [...list];
}

/** Each behind a blank, padded to its width. */
function columns(cells: readonly (readonly [value: string | number, width: number])[]): string {
  return cells.map(([value, width]) => ` ${String(value).padEnd(width)}`).join('');
}

function paddedName(service: Service): string {
  return serviceName(service).padEnd(SERVICE_COLUMNS);
}

/** `TCP  10.0.0.1:80`, `FWM  1 IPv6`. */
function serviceName({ key }: Service): string {
  if (key.kind === 'mark') return `FWM  ${key.mark}${key.family === 'ipv6' ? ' IPv6' : ''}`;
  return `${PROTOCOL_NAME[key.protocol].padEnd(4)} ${addressText(key)}`;
}

/** `TCP  10.0.0.1:80 sh (sh-port) persistent 300 mask 255.255.255.0`. */
function flagLine({ service }: Seen<unknown>): string {
  const { key, scheduler, flags, persistence, isOnePacket } = service;
  const words = [serviceName(service), scheduler];
  if (flags.length > 0) words.push(`(${flags.join(',')})`);
  if (persistence !== undefined) {
    const mask = maskText(key, persistence.maskBits);
    words.push(`persistent ${persistence.timeoutSec}`);
    if (mask !== undefined) words.push(`mask ${mask}`);
  }
  if (isOnePacket) words.push('ops');
  return words.join(' ');
}
