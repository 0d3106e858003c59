/** Routes and neighbours of a zone. */
import { formatIp, parseIp } from '../frame/address.js';
import { isGroupMac, parseMac } from '../frame/mac.js';
import type { Problem } from './config-error.js';
import {
  isInPrefix,
  isIpv4,
  isIpv4Text,
  isLinkLocal,
  isStationIp,
  parseAddress,
  subnetOf,
} from './ip.js';
import type { RawRoute, RawZone } from './raw.js';
import { show } from './schema.js';
import { unknownName } from './unknown-name.js';
import type { InterfaceConfig, IpPrefix, RouteConfig, ZoneNeighbourConfig } from './zone-config.js';

const DEFAULT_IPV4: IpPrefix = { ip: '0.0.0.0', prefixBits: 0 };
const DEFAULT_IPV6: IpPrefix = { ip: '::', prefixBits: 0 };
const IPV4_BITS = 32;
const IPV6_BITS = 128;

type Interfaces = readonly InterfaceConfig[];

/** Subnets that routes lead to the link of an interface: those of its addresses, each once. */
export function connectedSubnets({ addresses }: Pick<InterfaceConfig, 'addresses'>): string[] {
  const routed = addresses.filter(({ ip }) => !isLinkLocal(ip));
  const subnets = routed.filter(({ ip, prefixBits }) => prefixBits < bitsOf(ip)).map(subnetOf);
  return [...new Set(subnets)];
}

function bitsOf(ip: string): number {
  return isIpv4Text(ip) ? IPV4_BITS : IPV6_BITS;
}

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normaliseRoutes(
  path: string,
  routes: readonly RawRoute[],
  interfaces: Interfaces,
  problems: Problem[],
): RouteConfig[] {
  const owners = new Map<string, string>();
  for (const iface of interfaces) {
    for (const subnet of connectedSubnets(iface)) owners.set(subnet, `interface ${iface.name}`);
  }
  return routes.flatMap((raw, index): RouteConfig[] => {
    const route = normaliseRoute(`${path}[${index}]`, raw, interfaces, problems);
    if (route === undefined) return [];
    const to = `${route.to.ip}/${route.to.prefixBits}`;
    const owner = owners.get(to);
    owners.set(to, owner ?? `${path}[${index}]`);
    if (owner !== undefined) {
      const problem = `expected a prefix of its own, got ${to}, that of ${owner}`;
      problems.push({ path: `${path}[${index}].to`, problem });
    }
    return [route];
  });
}

function normaliseRoute(
  path: string,
  raw: RawRoute,
  interfaces: Interfaces,
  problems: Problem[],
): RouteConfig | undefined {
  const refuse = (key: string, problem: string): undefined => {
    problems.push({ path: key === '' ? path : `${path}.${key}`, problem });
  };
  const to = prefixOf(raw);
  if (typeof to === 'string') return refuse('to', to);
  if (raw.kind !== 'unicast') {
    for (const key of ['via', 'interface'] as const) {
      if (raw[key] !== undefined)
        return refuse(key, `expected none with kind ${raw.kind}, got ${show(raw[key])}`);
    }
    return { to, kind: raw.kind };
  }
  if (raw.interface !== undefined && !interfaces.some(({ name }) => name === raw.interface)) {
    const names = interfaces.map(({ name }) => name);
    problems.push(unknownName(`${path}.interface`, raw.interface, names));
    return undefined;
  }
  if (raw.via !== undefined) return viaGateway(to, raw.via, raw.interface, interfaces, refuse);
  if (raw.interface === undefined)
    return refuse('', 'expected via, an interface or a kind, got none');
  return { to, kind: 'unicast', interface: raw.interface };
}

/** The destination, or what is wrong with it. */
function prefixOf({ to, via }: RawRoute): IpPrefix | string {
  if (to === 'default') {
    const gateway = via === undefined ? undefined : parseIp(via);
    if (gateway !== undefined) return isIpv4(gateway) ? DEFAULT_IPV4 : DEFAULT_IPV6;
    if (via !== undefined) return DEFAULT_IPV4; // what is wrong with via is told
    return 'expected 0.0.0.0/0 or ::/0, as there is no via, got default';
  }
  const parsed = parseAddress(to);
  if (parsed === undefined)
    return `expected a prefix like 10.9.0.0/16, or default, got ${show(to)}`;
  const prefix = { ip: formatIp(parsed.ip), prefixBits: parsed.prefixBits };
  const subnet = subnetOf(prefix);
  if (subnet === `${prefix.ip}/${prefix.prefixBits}`) return prefix;
  return `expected ${subnet}, the prefix without bits of a host, got ${to}`;
}

function viaGateway(
  to: IpPrefix,
  text: string,
  wanted: string | undefined,
  interfaces: Interfaces,
  refuse: (key: string, problem: string) => undefined,
): RouteConfig | undefined {
  const bytes = parseIp(text);
  if (bytes === undefined || !isStationIp(bytes))
    return refuse('via', `expected the IP address of a gateway, got ${show(text)}`);
  const via = formatIp(bytes);
  if (isIpv4Text(via) !== isIpv4Text(to.ip)) {
    const family = isIpv4Text(to.ip) ? 'IPv4' : 'IPv6';
    return refuse('via', `expected an ${family} address, as that of the prefix, got ${via}`);
  }
  if (isOwn(via, interfaces))
    return refuse('via', `expected another address than one of the zone's own, got ${via}`);
  const links = linksOf(via, interfaces);
  if (wanted !== undefined && (links.includes(wanted) || isLinkLocal(via)))
    return { to, kind: 'unicast', via, interface: wanted };
  if (wanted !== undefined)
    return refuse('via', `expected an address on a subnet of ${wanted}, got ${via}`);
  if (isLinkLocal(via))
    return refuse('interface', `expected one, as ${via} is on every link, got nothing`);
  const [link] = links;
  if (link === undefined)
    return refuse('via', `expected an address on a subnet of an interface, got ${via}`);
  return { to, kind: 'unicast', via, interface: link };
}

function isOwn(ip: string, interfaces: Interfaces): boolean {
  return interfaces.some(({ addresses }) => addresses.some(own => own.ip === ip));
}

/** Interfaces in whose subnets an address is, that of the longest prefix first. */
function linksOf(ip: string, interfaces: Interfaces): string[] {
  const links = interfaces.flatMap(({ name, addresses }) =>
    addresses.filter(own => isInPrefix(ip, own)).map(({ prefixBits }) => ({ name, prefixBits })),
  );
  return links.sort((a, b) => b.prefixBits - a.prefixBits).map(({ name }) => name);
}

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normaliseZoneNeighbours(
  path: string,
  neighbours: RawZone['neighbours'],
  interfaces: Interfaces,
  problems: Problem[],
): ZoneNeighbourConfig[] {
  const seen = new Set<string>();
  return neighbours.map((raw, index) => {
    const place = `${path}[${index}]`;
    const mac = parseMac(raw.mac)!;
    if (mac === 0n || isGroupMac(mac)) {
      const problem = `expected the address of one station, got ${raw.mac}`;
      problems.push({ path: `${place}.mac`, problem });
    }
    const bytes = parseIp(raw.ip);
    const ip = bytes === undefined ? raw.ip : formatIp(bytes);
    const fault = neighbourFault(ip, raw.interface, interfaces);
    if (!interfaces.some(({ name }) => name === raw.interface)) {
      const names = interfaces.map(({ name }) => name);
      problems.push(unknownName(`${place}.interface`, raw.interface, names));
    } else if (fault !== undefined) {
      problems.push({ path: `${place}.ip`, problem: fault });
    }
    const key = `${raw.interface} ${ip}`;
    if (seen.has(key)) {
      problems.push({ path: `${place}.ip`, problem: `expected one entry an address, got ${ip}` });
    }
    seen.add(key);
    return { ip, mac, interface: raw.interface };
  });
}

/** Why an address cannot be that of a neighbour there; undefined: it can. */
function neighbourFault(ip: string, name: string, interfaces: Interfaces): string | undefined {
  const bytes = parseIp(ip);
  if (bytes === undefined || !isStationIp(bytes))
    return `expected the IP address of one station, got ${show(ip)}`;
  if (isOwn(ip, interfaces))
    return `expected another address than one of the zone's own, got ${ip}`;
  if (linksOf(ip, interfaces).includes(name) || isLinkLocal(ip)) return undefined;
  return `expected an address on a subnet of ${name}, got ${ip}`;
}
