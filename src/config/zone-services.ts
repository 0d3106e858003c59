/** Services of a zone: from what a file says to what it means. */
import { parseIp } from '../frame/address.js';
import type { Backend, Service, ServiceKey, ServiceProtocol } from '../service/model.js';
import { keyName } from '../service/names.js';
import { DEFAULT_TABLE_SLOTS } from '../service/maglev.js';
import type { Problem } from './config-error.js';
import { canonicalIp, isInPrefix, isIpv4, isStationIp } from './ip.js';
import type { RawBackend, RawService } from './raw-service.js';
import { show } from './schema.js';
import { unknownName } from './unknown-name.js';
import type { InterfaceConfig, ServiceConfig } from './zone-config.js';

const MOST_PORT = 65535;
const MOST_RANGE = 1024;
const IPV4_BITS = 32;
const IPV6_BITS = 128;
const PORTS = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/;
/** A service without ports is of all of them, of one protocol: ipvsadm(8) `-t VIP:0`. */
const ALL_PORTS = ['0/tcp'];

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normaliseServices(
  path: string,
  raw: Record<string, RawService>,
  interfaces: readonly InterfaceConfig[],
  problems: Problem[],
): ServiceConfig[] {
  const services = Object.entries(raw).flatMap(([name, service]) =>
    normaliseService(`${path}.${name}`, service, interfaces, problems),
  );
  checkKeys(path, services, problems);
  return services;
}

/** One for each entry of `ports`. */
function normaliseService(
  path: string,
  raw: RawService,
  interfaces: readonly InterfaceConfig[],
  problems: Problem[],
): ServiceConfig[] {
  const before = problems.length;
  const family = familyOf(path, raw, problems);
  const iface = interfaceOf(path, raw, interfaces, problems);
  checkScheduler(path, raw, problems);
  if (problems.length > before) return [];
  const keys =
    raw.mark === undefined
      ? addressKeys(path, raw, problems)
      : [markKey(path, raw, family, problems)];
  return keys.flatMap((key): ServiceConfig[] => {
    if (key === undefined) return [];
    const backends = raw.backends.flatMap((backend, i) =>
      normaliseBackend(`${path}.backends.${i}`, backend, key, family, problems),
    );
    checkBackends(`${path}.backends`, backends, problems);
    const service = serviceOf(raw, key, family, backends);
    if (service.isOnePacket && (key.kind === 'mark' || key.protocol !== 'udp')) {
      problems.push({
        path: `${path}.onePacket`,
        problem: `expected udp ports, got ${keyName(key)}`,
      });
    }
    return [{ service, interface: iface }];
  });
}

type FamilyName = 'ipv4' | 'ipv6';

function familyOf(path: string, raw: RawService, problems: Problem[]): FamilyName {
  if ((raw.vip === undefined) === (raw.mark === undefined)) {
    const got = raw.vip === undefined ? 'neither' : 'both';
    problems.push({ path, problem: `expected a vip or a mark, got ${got}` });
    return 'ipv4';
  }
  if (raw.vip === undefined) {
    const first = parseIp(raw.backends[0]?.address ?? '');
    return first === undefined || isIpv4(first) ? 'ipv4' : 'ipv6';
  }
  const ip = parseIp(raw.vip);
  if (ip !== undefined && isStationIp(ip)) return isIpv4(ip) ? 'ipv4' : 'ipv6';
  const problem = `expected an address of a station, got ${show(raw.vip)}`;
  problems.push({ path: `${path}.vip`, problem });
  return 'ipv4';
}

/** Who speaks for the address: who is said, or is on its subnet, or the first. */
function interfaceOf(
  path: string,
  { vip, interface: wanted }: RawService,
  interfaces: readonly InterfaceConfig[],
  problems: Problem[],
): string {
  const names = interfaces.map(({ name }) => name);
  if (wanted !== undefined && !names.includes(wanted)) {
    problems.push(unknownName(`${path}.interface`, wanted, names));
  }
  if (wanted !== undefined) return wanted;
  const speaker = speakerFor(vip, interfaces);
  if (speaker === undefined) {
    problems.push({ path, problem: 'expected an interface in the zone, got none' });
  }
  return speaker ?? '';
}

/** Interface that an address is on the subnet of, or the first; undefined: there is none. */
export function speakerFor(
  vip: string | undefined,
  interfaces: readonly InterfaceConfig[],
): string | undefined {
  const isNear = ({ addresses }: InterfaceConfig): boolean =>
    vip !== undefined && addresses.some(prefix => isInPrefix(canonicalIp(vip), prefix));
  return (interfaces.find(isNear) ?? interfaces[0])?.name;
}

function checkScheduler(path: string, raw: RawService, problems: Problem[]): void {
  const { scheduler, hashPort, fallback, tableSlots } = raw;
  const said = { hashPort, fallback };
  for (const [key, value] of Object.entries(said)) {
    if (!value || scheduler === 'sh' || scheduler === 'mh') continue;
    problems.push({
      path: `${path}.${key}`,
      problem: `expected scheduler sh or mh, got ${scheduler}`,
    });
  }
  if (tableSlots === undefined) return;
  const problem =
    scheduler === 'mh'
      ? isPrime(tableSlots) || `expected a prime, got ${tableSlots}`
      : `expected scheduler mh, got ${scheduler}`;
  if (problem !== true) problems.push({ path: `${path}.tableSlots`, problem });
}

function isPrime(number: number): boolean {
  for (let by = 2; by * by <= number; by++) if (number % by === 0) return false;
  return number > 1;
}

function markKey(
  path: string,
  { mark, ports }: RawService,
  family: FamilyName,
  problems: Problem[],
): ServiceKey {
  if (ports !== undefined) {
    problems.push({ path: `${path}.ports`, problem: 'expected none beside a mark, got some' });
  }
  return { kind: 'mark', mark: mark!, family };
}

function addressKeys(
  path: string,
  { vip, ports = ALL_PORTS }: RawService,
  problems: Problem[],
): (ServiceKey | undefined)[] {
  const address = parseIp(vip!)!;
  return ports.map((text, i): ServiceKey | undefined => {
    const [, first, last, protocol = 'tcp'] = PORTS.exec(text) ?? [];
    const port = Number(first ?? NaN);
    const lastPort = Number(last ?? first ?? NaN);
    const isRange = last !== undefined;
    const isRight = lastPort <= MOST_PORT && (isRange ? port > 0 && lastPort > port : true);
    if (!isRight || lastPort - port >= MOST_RANGE) {
      const wanted = 'a port or a range of up to 1024 ports like 80, 8000-8010 or 53/udp';
      const problem = `expected ${wanted}, got ${show(text)}`;
      problems.push({ path: `${path}.ports.${i}`, problem });
      return undefined;
    }
    const key = { kind: 'address', protocol: protocol as ServiceProtocol, address, port } as const;
    return isRange ? { ...key, lastPort } : key;
  });
}

function normaliseBackend(
  path: string,
  raw: RawBackend,
  key: ServiceKey,
  family: FamilyName,
  problems: Problem[],
): Backend[] {
  const address = parseIp(raw.address);
  if (address === undefined || !isStationIp(address) || isIpv4(address) !== (family === 'ipv4')) {
    const wanted = family === 'ipv4' ? 'an IPv4' : 'an IPv6';
    const problem = `expected ${wanted} address of a station, got ${show(raw.address)}`;
    problems.push({ path: `${path}.address`, problem });
    return [];
  }
  // Nothing but translation changes a port.
  const { forwarding, weight, upper, lower } = raw;
  const single = key.kind === 'address' && key.lastPort === undefined ? key.port : 0;
  const port = raw.port ?? single;
  if (forwarding !== 'nat' && port !== single) {
    const problem = `expected ${single}, as ${forwarding} forwarding changes no port, got ${port}`;
    problems.push({ path: `${path}.port`, problem });
  }
  return [{ address, port, forwarding, weight, upper, lower }];
}

function checkBackends(path: string, backends: readonly Backend[], problems: Problem[]): void {
  const seen = new Set<string>();
  backends.forEach(({ address, port }, i) => {
    const text = `${address.join('.')} ${port}`;
    if (seen.has(text))
      problems.push({ path: `${path}.${i}`, problem: 'Destination already exists' });
    seen.add(text);
  });
}

function serviceOf(
  raw: RawService,
  key: ServiceKey,
  family: FamilyName,
  backends: readonly Backend[],
): Service {
  const { scheduler, persistence, onePacket, tableSlots, hashPort, fallback } = raw;
  const bits = family === 'ipv4' ? IPV4_BITS : IPV6_BITS;
  const flags = [
    ...(fallback ? ([`${scheduler as 'sh' | 'mh'}-fallback`] as const) : []),
    ...(hashPort ? ([`${scheduler as 'sh' | 'mh'}-port`] as const) : []),
  ];
  return {
    key,
    scheduler,
    flags,
    ...(scheduler === 'mh' && { tableSlots: tableSlots ?? DEFAULT_TABLE_SLOTS }),
    ...(persistence !== undefined && {
      persistence: {
        timeoutSec: persistence.timeoutSec,
        maskBits: Math.min(persistence.maskBits ?? bits, bits),
      },
    }),
    isOnePacket: onePacket,
    backends,
  };
}

/** No two services of a zone are known by the same. */
export function checkKeys(
  path: string,
  services: readonly Pick<ServiceConfig, 'service'>[],
  problems: Problem[],
): void {
  const owners = new Set<string>();
  for (const { service } of services) {
    for (const name of keyNames(service.key)) {
      if (owners.has(name)) {
        problems.push({ path, problem: `expected each address and port once, got ${name} twice` });
        return;
      }
      owners.add(name);
    }
  }
}

function keyNames(key: ServiceKey): string[] {
  if (key.kind === 'mark' || key.lastPort === undefined) return [keyName(key)];
  const { lastPort, ...single } = key;
  const ports = Array.from({ length: lastPort - key.port + 1 }, (_, i) => key.port + i);
  return ports.map(port => keyName({ ...single, port }));
}
