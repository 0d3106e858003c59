/** Neighbours of a segment: from what a file says to addresses, one entry each. */
import { formatIp, parseIp } from '../frame/address.js';
import type { NeighbourConfig } from './config.js';
import type { Problem } from './config-error.js';
import { isGroupMac, parseMac } from '../frame/mac.js';
import type { RawNeighbour, RawSegment } from './raw.js';
import { show } from './schema.js';
import { checkEntryVid } from './vlan.js';

const IPV4_BYTES = 4;
const IPV4_LOOPBACK = 127;
const IPV4_FIRST_GROUP = 224; // RFC 5771 §3; what is behind it is reserved
const IPV6_GROUP = 0xff; // RFC 4291 §2.7

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
  if (ip === undefined || !isStation(ip)) {
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

/** Not unspecified, not a loopback, not a group. */
function isStation(ip: Uint8Array): boolean {
  const first = ip[0]!;
  if (ip.length === IPV4_BYTES) {
    return first !== 0 && first !== IPV4_LOOPBACK && first < IPV4_FIRST_GROUP;
  }
  const isLow = ip.subarray(0, -1).every(byte => byte === 0) && ip.at(-1)! <= 1;
  return first !== IPV6_GROUP && !isLow;
}
