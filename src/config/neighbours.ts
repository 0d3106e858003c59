/** Neighbours of a segment: from what a file says to addresses, one entry each. */
import { formatIp, parseIp } from '../frame/address.js';
import type { NeighbourConfig } from './config.js';
import type { Problem } from './config-error.js';
import { isGroupMac, parseMac } from '../frame/mac.js';
import { isStationIp } from './ip.js';
import type { RawNeighbour, RawSegment } from './raw.js';
import { show } from './schema.js';
import { checkEntryVid } from './vlan.js';

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normaliseNeighbours(
  name: string,
  segment: RawSegment,
  problems: Problem[],
): NeighbourConfig[] {
  const seen = new Set<string>();
  return segment.neighbours.map((entry, index) => {
    const path = `segments.${name}.neighbours[${index}]`;
    const neighbour = normalise(path, entry, problems);
    checkEntryVid(`${path}.vid`, segment, entry.vid, problems);
    const key = `${neighbour.ip} ${neighbour.vid}`;
    if (seen.has(key)) {
      problems.push({ path: `${path}.ip`, problem: `expected one entry an address, got ${key}` });
    }
    seen.add(key);
    return neighbour;
  });
}

function normalise(path: string, entry: RawNeighbour, problems: Problem[]): NeighbourConfig {
  const ip = parseIp(entry.ip);
  if (ip === undefined || !isStationIp(ip)) {
    const problem = `expected the IP address of one station, got ${show(entry.ip)}`;
    problems.push({ path: `${path}.ip`, problem });
  }
  const mac = parseMac(entry.mac)!;
  if (mac === 0n || isGroupMac(mac)) {
    const problem = `expected the address of one station, got ${entry.mac}`;
    problems.push({ path: `${path}.mac`, problem });
  }
  return {
    ip: ip === undefined ? entry.ip : formatIp(ip),
    mac,
    vid: entry.vid ?? 0,
    router: entry.router,
  };
}
