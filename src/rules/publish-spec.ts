/**
 * What `-p` publishes, in Docker's words:
 * `[hostIP:][hostPort[-end]]:containerPort[-end][/tcp|udp|sctp]`; an IPv6 host in `[]`.
 */
import { ConfigError } from '../config/config-error.js';
import { formatIp, parseIp } from '../frame/address.js';
import type { Range } from './model.js';

export const PUBLISH_PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
export type PublishProtocol = (typeof PUBLISH_PROTOCOLS)[number];

const MAX_PORT = 65535;

export interface PublishSpec {
  /** Undefined: the network's, or every address. */
  readonly hostIp: string | undefined;
  /**
   * Undefined: the allocator chooses. As many as there are container ports, or more where
   * there is one container port: then the first that is free.
   */
  readonly hostPorts: Range | undefined;
  readonly containerPorts: Range;
  readonly protocol: PublishProtocol;
}

/** `path` names the option in a problem: `ports[0]`. Throws ConfigError. */
export function parsePublish(text: string, path = ''): PublishSpec {
  const refuse = (what: string, got: string): ConfigError =>
    new ConfigError(path, `expected ${what}, got ${got === '' ? '""' : got}`);
  const [ports = '', protocol = 'tcp', ...more] = text.split('/');
  const known = PUBLISH_PROTOCOLS.find(name => name === protocol.toLowerCase());
  if (known === undefined || more.length > 0)
    throw refuse('/tcp, /udp or /sctp', text.slice(ports.length));
  const { hostIp, rest } = splitHost(ports, refuse);
  const parts = rest.split(':');
  if (parts.length > 2 || (hostIp !== undefined && parts.length < 2))
    throw refuse('[hostIP:][hostPort]:containerPort', ports);
  const container = parts.at(-1)!;
  const host = parts.length === 2 ? parts[0]! : '';
  const containerPorts = readPorts(container);
  if (containerPorts === undefined) throw refuse('a container port 1..65535', container);
  const hostPorts = host === '' ? undefined : readPorts(host);
  if (host !== '' && hostPorts === undefined) throw refuse('a host port 1..65535', host);
  const isFit = hostPorts === undefined || fits(hostPorts, containerPorts);
  if (!isFit) throw refuse(`as many host ports as container ports`, `${host}:${container}`);
  return { hostIp, hostPorts, containerPorts, protocol: known };
}

type Refuse = (what: string, got: string) => ConfigError;

/** The host address before the ports, if there is one. */
function splitHost(text: string, refuse: Refuse): { hostIp: string | undefined; rest: string } {
  const inBrackets = /^\[(.*)\]:(.*)$/.exec(text);
  const plain = /^([^:]*):([^:]*:[^:]*)$/.exec(text);
  const [, host, rest] = inBrackets ?? plain ?? [];
  if (host === undefined) return { hostIp: undefined, rest: text };
  const ip = parseIp(host);
  const isIpv6 = inBrackets !== null;
  if (ip === undefined || (ip.length === 4) === isIpv6)
    throw refuse(isIpv6 ? 'an IPv6 address in []' : 'a host address', host);
  return { hostIp: formatIp(ip), rest: rest! };
}

/** `80` or `80-90`. */
function readPorts(text: string): Range | undefined {
  const [, low, high = low] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (low === undefined) return undefined;
  const [first, last] = [Number(low), Number(high)];
  return first >= 1 && first <= last && last <= MAX_PORT ? { first, last } : undefined;
}

export function portCount({ first, last }: Range): number {
  return last - first + 1;
}

function fits(host: Range, container: Range): boolean {
  const count = portCount(container);
  return count === 1 || portCount(host) === count;
}
