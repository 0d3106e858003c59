/** Services as `ipvsadm -S -n` prints them (`print_service_entry` with FMT_RULE). */
import { printIp } from '../rules/values.js';
import type { Backend, Forwarding, Service, ServiceKey, ServiceProtocol } from './model.js';
import { inListOrder } from './order.js';

const PROTOCOL_OPTION: Readonly<Record<ServiceProtocol, string>> = {
  tcp: '-t',
  udp: '-u',
  sctp: '--sctp-service',
};
/** A tunnel names its type behind the weight. */
const FORWARD_OPTION: Readonly<Record<Forwarding, string>> = {
  nat: '-m',
  direct: '-g',
  tunnel: '-i',
};
const WHOLE_BITS = { 4: 32, 16: 128 } as const;

export interface PrintOptions {
  /**
   * Print the thresholds of a backend (`-x`, `-y`), on unless it says no. ipvsadm reads them but
   * never prints them, so that what it has saved has lost them.
   */
  readonly thresholds?: boolean;
  /** In the order of `ipvsadm -L`, on unless it says no: then in the order they were added. */
  readonly sort?: boolean;
}

/** A line each, with its end; `applyServiceText` reads them. */
export function printServices(services: readonly Service[], options: PrintOptions = {}): string {
  const { thresholds = true, sort = true } = options;
  return (sort ? inListOrder(services) : services)
    .flatMap(service => [
      printService(service),
      ...service.backends.map(backend => printBackend(service.key, backend, thresholds)),
    ])
    .map(line => `${line}\n`)
    .join('');
}

function printService({ key, scheduler, flags, persistence, isOnePacket }: Service): string {
  const words = [`-A ${keyText(key)} -s ${scheduler}`];
  if (persistence !== undefined) {
    const mask = maskText(key, persistence.maskBits);
    words.push(`-p ${persistence.timeoutSec}`, ...(mask === undefined ? [] : [`-M ${mask}`]));
  }
  if (isOnePacket) words.push('-o');
  if (flags.length > 0) words.push(`-b ${flags.join(',')}`);
  return words.join(' ');
}

function printBackend(key: ServiceKey, backend: Backend, thresholds: boolean): string {
  const { forwarding, weight, upper, lower } = backend;
  const words = [`-a ${keyText(key)} -r ${backendText(backend)}`];
  words.push(FORWARD_OPTION[forwarding], `-w ${weight}`);
  if (forwarding === 'tunnel') words.push('--tun-type ipip');
  if (thresholds && upper > 0) words.push(`-x ${upper}`);
  if (thresholds && lower > 0) words.push(`-y ${lower}`);
  return words.join(' ');
}

/** `-t 10.0.0.1:80`, `-f 1 -6`: also what tells one service from another. */
export function keyText(key: ServiceKey): string {
  const known = KEY_TEXTS.get(key);
  if (known !== undefined) return known;
  const text = makeKeyText(key);
  KEY_TEXTS.set(key, text);
  return text;
}

/** Keys never change, and a command looks at those of all services. */
const KEY_TEXTS = new WeakMap<ServiceKey, string>();

function makeKeyText(key: ServiceKey): string {
  if (key.kind === 'mark') return key.family === 'ipv6' ? `-f ${key.mark} -6` : `-f ${key.mark}`;
  return `${PROTOCOL_OPTION[key.protocol]} ${addressText(key)}`;
}

/** `10.0.0.1:80`, `[fd00::1]:80`, a range `10.0.0.1:8000-8010`. */
export function addressText(
  key: Pick<Backend, 'address' | 'port'> & { readonly lastPort?: number },
): string {
  const ip = printIp(key.address);
  const host = key.address.length === 4 ? ip : `[${ip}]`;
  return `${host}:${key.port}${key.lastPort === undefined ? '' : `-${key.lastPort}`}`;
}

/** `10.0.0.2:80`: also what tells one backend of a service from another. */
export function backendText({ address, port }: Pick<Backend, 'address' | 'port'>): string {
  return addressText({ address, port });
}

/** `255.255.255.0`, `64`; undefined where all bits count, which goes without saying. */
export function maskText(key: ServiceKey, maskBits: number): string | undefined {
  const bytes = key.kind === 'mark' ? (key.family === 'ipv4' ? 4 : 16) : key.address.length;
  if (maskBits === WHOLE_BITS[bytes as 4 | 16]) return undefined;
  if (bytes === 16) return String(maskBits);
  const mask = (0xffffffff << (32 - maskBits)) >>> 0;
  return [24, 16, 8, 0].map(shift => (mask >>> shift) & 0xff).join('.');
}
