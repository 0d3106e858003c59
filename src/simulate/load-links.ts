/** Stations and links of a topology file. */
import { show } from '../config/schema.js';
import { parseIp } from '../frame/address.js';
import { isGroupMac, macBytes, parseMac } from '../frame/mac.js';
import type { Impairments } from './impairments.js';
import { type LoadContext, checkEnd } from './load-context.js';
import type { RawLink, RawStation, RawTopology } from './raw.js';
import { type NamedLink, type NamedStation, nsOf } from './topology.js';

const BITS_PER_MBIT = 1e6;

/** Stations, whose names become ends. */
export function loadStations(raw: RawTopology, context: LoadContext): NamedStation[] {
  const stations = Object.entries(raw.stations).map(([name, station]) =>
    loadStation(`stations.${name}`, name, station, context),
  );
  for (const { name } of stations) context.ends.add(name);
  return stations;
}

function loadStation(
  path: string,
  name: string,
  { port, mac, addresses, vid }: RawStation,
  context: LoadContext,
): NamedStation {
  if (port !== undefined) checkEnd(`${path}.port`, port, context);
  const number = parseMac(mac)!;
  if (number === 0n || isGroupMac(number)) {
    const problem = `expected the address of one station, got ${mac}`;
    context.problems.push({ path: `${path}.mac`, problem });
  }
  const ips = loadIps(`${path}.addresses`, addresses, context);
  return { name, mac: macBytes(number), ips, vid, ...(port !== undefined && { port }) };
}

function loadIps(path: string, addresses: readonly string[], context: LoadContext): Uint8Array[] {
  return addresses.flatMap((address, index) => {
    const ip = parseIp(address);
    if (ip !== undefined) return [ip];
    const problem = `expected an IP address, got ${show(address)}`;
    context.problems.push({ path: `${path}[${index}]`, problem });
    return [];
  });
}

/** Links, and the cables of stations, which have their names. */
export function loadLinks(raw: RawTopology, context: LoadContext): NamedLink[] {
  const owners = new Map<string, string>();
  for (const [name, { port }] of Object.entries(raw.stations)) {
    if (port === undefined) continue;
    take(owners, port, `stations.${name}.port`, context);
    owners.set(name, `stations.${name}.port`);
  }
  return Object.entries(raw.links).map(([name, link]) => {
    const path = `links.${name}`;
    if (raw.stations[name]?.port !== undefined) {
      const problem = `expected a name of its own, got that of the cable of stations.${name}`;
      context.problems.push({ path, problem });
    }
    link.ends.forEach((end, index) => {
      const at = `${path}.ends[${index}]`;
      if (checkEnd(at, end, context)) take(owners, end, at, context);
    });
    return { name, ends: link.ends, impairments: loadImpairments(path, link, context) };
  });
}

/** Each end is on one link. */
function take(
  owners: Map<string, string>,
  end: string,
  path: string,
  { problems }: LoadContext,
): void {
  const owner = owners.get(end);
  if (owner !== undefined) {
    problems.push({ path, problem: `expected an end on no other link, got ${end} of ${owner}` });
  }
  owners.set(end, path);
}

function loadImpairments(path: string, link: RawLink, context: LoadContext): Impairments {
  const { lossPercent, duplicatePercent, reorderPercent, tooBig, queueBytes } = link;
  const partitions = link.partitions.map(({ fromMs, toMs, ends }, index) => {
    const at = `${path}.partitions[${index}]`;
    if (toMs <= fromMs) {
      const problem = `expected a time after ${fromMs}, got ${toMs}`;
      context.problems.push({ path: `${at}.toMs`, problem });
    }
    ends.forEach((end, i) => checkMember(`${at}.ends[${i}]`, end, link, context));
    return { fromNs: nsOf(fromMs), toNs: nsOf(toMs), ends };
  });
  return {
    delayNs: nsOf(link.delayMs),
    jitterNs: nsOf(link.jitterMs),
    lossPercent,
    duplicatePercent,
    reorderPercent,
    reorderNs: nsOf(link.reorderMs),
    mtuBytes: link.mtuBytes ?? 0,
    tooBig,
    routers: loadIps(`${path}.routers`, link.routers, context),
    rateBitsPerSec: (link.rateMbitPerSec ?? 0) * BITS_PER_MBIT,
    queueBytes,
    partitions,
  };
}

function checkMember(path: string, end: string, link: RawLink, { problems }: LoadContext): void {
  if (link.ends.includes(end)) return;
  problems.push({ path, problem: `expected one of ${link.ends.join(', ')}, got ${show(end)}` });
}
