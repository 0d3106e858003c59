/** Underlays: from what a file says to addresses, and what must fit together about them. */
import { formatIp, parseIp } from '../frame/address.js';
import { isGroupMac, parseMac } from '../frame/mac.js';
import type { UnderlayAddress, UnderlayConfig, VtepConfig } from './config.js';
import type { Problem } from './config-error.js';
import { canonicalIp, checkMtu, isIpv4Text, isStationIp, parseAddress } from './ip.js';
import type { RawConfig, RawUnderlay } from './raw.js';
import { show } from './schema.js';
import { unknownName } from './unknown-name.js';

const CARRIER_KINDS: readonly string[] = ['udp', 'packet', 'pcap', 'memory'];

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normaliseUnderlays(raw: RawConfig, problems: Problem[]): UnderlayConfig[] {
  const owners = new Map<string, string>();
  return Object.entries(raw.underlays).map(([name, underlay]) => {
    const path = `underlays.${name}`;
    checkPort(path, raw, underlay.port, problems);
    const owner = owners.get(underlay.port);
    if (owner !== undefined) {
      const problem = `expected a port of its own, got ${underlay.port} of underlays.${owner}`;
      problems.push({ path: `${path}.port`, problem });
    }
    owners.set(underlay.port, name);
    return normalise(name, raw, underlay, problems);
  });
}

function checkPort(path: string, raw: RawConfig, name: string, problems: Problem[]): void {
  const port = raw.ports[name];
  if (port === undefined) {
    problems.push(unknownName(`${path}.port`, name, Object.keys(raw.ports)));
    return;
  }
  if (!CARRIER_KINDS.includes(port.kind)) {
    const problem = `expected a port of kind udp or packet, got ${name} of kind ${port.kind}`;
    problems.push({ path: `${path}.port`, problem });
  }
  if (port.segment !== undefined) {
    const problem = `expected a port without a segment, got ${name} of segment ${port.segment}`;
    problems.push({ path: `${path}.port`, problem });
  }
}

function normalise(
  name: string,
  raw: RawConfig,
  underlay: RawUnderlay,
  problems: Problem[],
): UnderlayConfig {
  const path = `underlays.${name}`;
  const { port, mtuBytes } = underlay;
  const addresses = normaliseAddresses(path, underlay, problems);
  const made = { name, port, mtuBytes, addresses, gateways: [], vteps: [] };
  const gateways = normaliseGateways(path, underlay, made, problems);
  checkLink(path, underlay, raw.ports[port]?.kind, problems);
  checkMtu(`${path}.mtuBytes`, mtuBytes, addresses, problems);
  const mac = normaliseMac(`${path}.mac`, underlay.mac, problems);
  const vteps = normaliseVteps(path, underlay, made, problems);
  return { ...made, gateways, vteps, ...(mac !== undefined && { mac }) };
}

function normaliseAddresses(
  path: string,
  { addresses }: RawUnderlay,
  problems: Problem[],
): UnderlayAddress[] {
  const made = addresses.map((text, index): UnderlayAddress => {
    const parsed = parseAddress(text);
    if (parsed !== undefined && isStationIp(parsed.ip)) {
      return { ip: formatIp(parsed.ip), prefixBits: parsed.prefixBits };
    }
    const problem = `expected an IP address with its prefix, like 192.168.0.2/24, got ${show(text)}`;
    problems.push({ path: `${path}.addresses[${index}]`, problem });
    return { ip: text, prefixBits: 0 };
  });
  const ips = made.map(({ ip }) => ip);
  checkOneOfFamily(`${path}.addresses`, ips, problems);
  return made;
}

function checkOneOfFamily(path: string, ips: readonly string[], problems: Problem[]): void {
  const [first, second] = ips;
  if (first === undefined || second === undefined) return;
  if (isIpv4Text(first) !== isIpv4Text(second)) return;
  const problem = `expected one of each family at most, got ${second} after ${first}`;
  problems.push({ path: `${path}[1]`, problem });
}

function normaliseGateways(
  path: string,
  { gateways }: RawUnderlay,
  underlay: UnderlayConfig,
  problems: Problem[],
): string[] {
  const made = gateways.map((text, index) =>
    remoteIp(`${path}.gateways[${index}]`, text, underlay, problems),
  );
  checkOneOfFamily(`${path}.gateways`, made, problems);
  return made;
}

/** The kernel routes and addresses what goes by sockets. */
function checkLink(
  path: string,
  underlay: RawUnderlay,
  kind: string | undefined,
  problems: Problem[],
): void {
  if (kind !== 'udp') return;
  const problem = 'expected none, as the port is of kind udp, got';
  if (underlay.gateways.length > 0) {
    problems.push({ path: `${path}.gateways`, problem: `${problem} ${show(underlay.gateways)}` });
  }
  if (underlay.mac !== undefined) {
    problems.push({ path: `${path}.mac`, problem: `${problem} ${underlay.mac}` });
  }
}

function normaliseMac(
  path: string,
  text: string | undefined,
  problems: Problem[],
): bigint | undefined {
  if (text === undefined) return undefined;
  const mac = parseMac(text)!;
  if (mac === 0n || isGroupMac(mac)) {
    problems.push({ path, problem: `expected the address of one station, got ${text}` });
  }
  return mac;
}

function normaliseVteps(
  path: string,
  raw: RawUnderlay,
  underlay: UnderlayConfig,
  problems: Problem[],
): VtepConfig[] {
  const seen = new Set<string>();
  return raw.vteps.map(({ address, mtuBytes = 0 }, index) => {
    const place = `${path}.vteps[${index}]`;
    const ip = remoteIp(`${place}.address`, address, underlay, problems);
    if (mtuBytes > underlay.mtuBytes) {
      const problem = `expected at most ${underlay.mtuBytes}, the underlay's, got ${mtuBytes}`;
      problems.push({ path: `${place}.mtuBytes`, problem });
    }
    if (mtuBytes > 0) checkMtu(`${place}.mtuBytes`, mtuBytes, [{ ip }], problems);
    if (seen.has(ip)) {
      const problem = `expected one entry an address, got ${ip}`;
      problems.push({ path: `${place}.address`, problem });
    }
    seen.add(ip);
    return { ip, mtuBytes };
  });
}

/** Why an address cannot be that of another end in this underlay; undefined: it can. */
export function remoteFault(
  text: string,
  { name, addresses }: Pick<UnderlayConfig, 'name' | 'addresses'>,
): string | undefined {
  const bytes = parseIp(text);
  if (bytes === undefined || !isStationIp(bytes)) {
    return `expected the IP address of one tunnel end, got ${show(text)}`;
  }
  const ip = formatIp(bytes);
  if (addresses.some(own => own.ip === ip)) {
    return `expected another address than our own in underlay ${name}, got ${ip}`;
  }
  return familyFault(ip, { name, addresses });
}

/** Likewise, for the family only. */
export function familyFault(
  ip: string,
  { name, addresses }: Pick<UnderlayConfig, 'name' | 'addresses'>,
): string | undefined {
  if (addresses.some(own => isIpv4Text(own.ip) === isIpv4Text(ip))) return undefined;
  const family = isIpv4Text(ip) ? 'IPv6' : 'IPv4';
  return `expected an ${family} address, as underlay ${name} has no other, got ${ip}`;
}

/** The address of another end in its one form. */
export function remoteIp(
  path: string,
  text: string,
  underlay: UnderlayConfig,
  problems: Problem[],
): string {
  const problem = remoteFault(text, underlay);
  if (problem !== undefined) problems.push({ path, problem });
  return canonicalIp(text);
}
