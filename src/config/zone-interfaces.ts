/** Interfaces of zones and their addresses. */
import { formatIp, parseIp } from '../frame/address.js';
import { isGroupMac, macNumber, macText, parseMac } from '../frame/mac.js';
import type { Problem } from './config-error.js';
import {
  checkMtu,
  isIpv4,
  isIpv4Text,
  isLinkLocal,
  isStationIp,
  parseAddress,
  subnetOf,
} from './ip.js';
import type { RawConfig, RawInterface, RawZone } from './raw.js';
import { show } from './schema.js';
import { unknownName } from './unknown-name.js';
import type { InterfaceConfig, IpPrefix, ZoneConfig } from './zone-config.js';

/** Locally administered, as Docker makes them. */
const MADE_MAC_START = [0x02, 0x42];
const MADE_MAC_IP_BYTES = 4;

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normaliseInterfaces(
  path: string,
  raw: RawConfig,
  zone: RawZone,
  problems: Problem[],
): InterfaceConfig[] {
  const before = problems.length;
  const interfaces = Object.entries(zone.interfaces).map(([name, iface]) => {
    const place = `${path}.${name}`;
    checkSegment(place, raw, iface, problems);
    const addresses = normaliseAddresses(`${place}.addresses`, iface, problems);
    checkMtu(`${place}.mtuBytes`, iface.mtuBytes, addresses, problems);
    const { segment, mtuBytes, vlan = 0 } = iface;
    const mac = normaliseMac(`${place}.mac`, iface, addresses, problems);
    const inspect = iface.inspect ?? zone.networks?.[name]?.icc === false;
    return { name, segment, addresses, mac, mtuBytes, vlan, inspect };
  });
  if (problems.length === before) checkAddresses(path, interfaces, problems);
  return interfaces;
}

function checkSegment(
  path: string,
  raw: RawConfig,
  iface: RawInterface,
  problems: Problem[],
): void {
  const { vlan } = iface;
  const segment = raw.segments[iface.segment];
  if (segment === undefined) {
    problems.push(unknownName(`${path}.segment`, iface.segment, Object.keys(raw.segments)));
    return;
  }
  if (segment.vlanAware === (vlan !== undefined)) return;
  const problem = segment.vlanAware
    ? 'expected a VLAN, as the segment is VLAN aware, got nothing'
    : `expected none, as the segment is not VLAN aware, got ${vlan}`;
  problems.push({ path: `${path}.vlan`, problem });
}

function normaliseAddresses(
  path: string,
  { addresses }: RawInterface,
  problems: Problem[],
): IpPrefix[] {
  return addresses.flatMap((text, index): IpPrefix[] => {
    const parsed = parseAddress(text);
    if (parsed !== undefined && text.includes('/') && isStationIp(parsed.ip)) {
      return [{ ip: formatIp(parsed.ip), prefixBits: parsed.prefixBits }];
    }
    const problem = `expected an IP address with its prefix, like 10.0.0.1/16, got ${show(text)}`;
    problems.push({ path: `${path}[${index}]`, problem });
    return [];
  });
}

/** That of the file, else 02:42 and the IPv4 address, or the end of the IPv6 one. */
function normaliseMac(
  path: string,
  { mac: text, addresses: said }: RawInterface,
  addresses: readonly IpPrefix[],
  problems: Problem[],
): bigint {
  if (text !== undefined) {
    const mac = parseMac(text)!;
    if (mac !== 0n && !isGroupMac(mac)) return mac;
    problems.push({ path, problem: `expected the address of one station, got ${text}` });
    return 0n;
  }
  const speaker = addresses.find(({ ip }) => isIpv4Text(ip)) ?? addresses[0];
  if (speaker === undefined) {
    if (said.length > 0) return 0n; // what is wrong with them is told
    problems.push({ path, problem: 'expected one, as there is no IP address, got nothing' });
    return 0n;
  }
  const bytes = parseIp(speaker.ip)!;
  const last = isIpv4(bytes) ? bytes : bytes.subarray(-MADE_MAC_IP_BYTES);
  return macNumber(Uint8Array.of(...MADE_MAC_START, ...last));
}

/** In a zone an address is there once, and a subnet on one interface, but for link-local ones. */
function checkAddresses(
  path: string,
  interfaces: readonly InterfaceConfig[],
  problems: Problem[],
): void {
  const owners = new Map<string, string>();
  const subnets = new Map<string, string>();
  for (const { name, addresses } of interfaces) {
    addresses.forEach((address, index) => {
      if (isLinkLocal(address.ip)) return;
      const place = `${path}.${name}.addresses[${index}]`;
      const owner = owners.get(address.ip);
      owners.set(address.ip, owner ?? name);
      if (owner !== undefined) {
        const problem = `expected an address of its own, got ${address.ip} of ${path}.${owner}`;
        problems.push({ path: place, problem });
        return;
      }
      const subnet = subnetOf(address);
      const other = subnets.get(subnet);
      subnets.set(subnet, other ?? name);
      if (other === undefined || other === name) return;
      const problem = `expected a subnet of its own, got ${subnet} of ${path}.${other}`;
      problems.push({ path: place, problem });
    });
  }
}

/** Nobody else in a segment has the MAC address of an interface. */
export function checkMacs(
  zones: readonly Pick<ZoneConfig, 'name' | 'interfaces'>[],
  raw: RawConfig,
  problems: Problem[],
): void {
  const owners = new Map<string, string>();
  for (const [name, { fdb }] of Object.entries(raw.segments)) {
    fdb.forEach(({ mac, vid = 0 }, index) => {
      owners.set(`${name} ${vid} ${parseMac(mac)}`, `segments.${name}.fdb[${index}]`);
    });
  }
  for (const zone of zones) {
    for (const { name, segment, vlan, mac } of zone.interfaces) {
      const path = `zones.${zone.name}.interfaces.${name}`;
      const key = `${segment} ${vlan} ${mac}`;
      const owner = owners.get(key);
      owners.set(key, owner ?? path);
      if (owner === undefined || mac === 0n) continue;
      const problem = `expected an address of its own in segment ${segment}`;
      problems.push({
        path: `${path}.mac`,
        problem: `${problem}, got ${macText(mac)} of ${owner}`,
      });
    }
  }
}
