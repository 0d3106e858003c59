/**
 * From what a file says to what it means: fills in the defaults that depend on something
 * else, and checks what no schema can, which is how the parts fit together.
 */
import type {
  Config,
  FdbConfig,
  PortConfig,
  PortKind,
  SegmentConfig,
  Tag,
  TagsConfig,
  UnderlayConfig,
} from './config.js';
import { checkCapacities, normaliseCapacities, writtenCapacities } from './capacities.js';
import type { Problem } from './config-error.js';
import { isGroupMac, parseMac } from '../frame/mac.js';
import { normaliseNeighbours } from './neighbours.js';
import type { RawConfig, RawFdb, RawPort, RawSegment, RawTags } from './raw.js';
import {
  type Underlays,
  checkOverlays,
  checkTunnelNames,
  normaliseOverlay,
  tunnelPortNames,
} from './overlay.js';
import { checkRouterNames } from './router-ports.js';
import { normaliseUnderlays, remoteIp } from './underlays.js';
import { unknownName } from './unknown-name.js';
import { checkEntryVid, normaliseVlan } from './vlan.js';
import type { ZoneConfig } from './zone-config.js';
import { firstRules } from './zone-rules.js';
import { normaliseZones } from './zones.js';

/** IEEE 802.1Q-2018 table 9-1. */
const TPID_CUSTOMER = 0x8100;
const TPID_SERVICE = 0x88a8;

const TAP_MTU_BYTES = 1500; // RFC 894: the payload of an Ethernet frame
const MAX_DEVICE_CHARACTERS = 15; // IFNAMSIZ - 1

/** Kinds behind which is a network. */
const LIVE_KINDS: readonly PortKind[] = ['tap', 'packet', 'udp'];
/** Keys that only some kinds have. */
const KINDS_WITH = {
  netns: LIVE_KINDS,
  device: ['tap'],
  mac: ['tap'],
  interface: ['packet'],
} as const satisfies Partial<Record<keyof RawPort, readonly PortKind[]>>;

const NO_STORM_LIMITS = { broadcastPerSec: 0, multicastPerSec: 0, unicastPerSec: 0 };

/** Of a file: its name without its ending, and where other files are looked for. */
export interface Origin {
  name: string;
  folder: string;
  /** Zones that it changes, on a reload. */
  before?: readonly ZoneConfig[];
}

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normalise(raw: RawConfig, origin: Origin, problems: Problem[]): Config {
  const ports = Object.entries(raw.ports).map(([name, port]) =>
    normalisePort(raw, name, port, problems),
  );
  const underlays = normaliseUnderlays(raw, problems);
  const byName: Underlays = new Map(underlays.map(underlay => [underlay.name, underlay]));
  const segments = Object.entries(raw.segments).map(([name, segment]) =>
    normaliseSegment(raw, name, { segment, underlays: byName }, problems),
  );
  checkDevices(ports, problems);
  checkOverlays(segments, problems);
  checkTunnelNames(segments, ports, problems);
  const zones = normaliseZones(raw, origin, problems);
  checkRouterNames(zones, portOwners(ports, segments), problems);
  const rules = firstRules(zones, problems);
  const sized = { ports, segments, underlays, zones, rules };
  const capacities = normaliseCapacities(raw.capacities, sized);
  checkCapacities(capacities, sized, problems);
  return {
    name: raw.name ?? origin.name,
    ...(raw.control !== undefined && { control: raw.control }),
    ...(raw.seed !== undefined && { seed: BigInt(raw.seed) }),
    capacities,
    writtenCapacities: writtenCapacities(raw.capacities),
    ports,
    segments,
    underlays,
    zones,
    rules,
  };
}

/** Names of ports that are there without zones, and what has them. */
function portOwners(
  ports: readonly PortConfig[],
  segments: readonly SegmentConfig[],
): Map<string, string> {
  const tunnels = [...tunnelPortNames(segments)].map(([segment, name]): [string, string] => [
    name,
    `the tunnel port of segments.${segment}`,
  ]);
  return new Map([
    ...ports.map(({ name }): [string, string] => [name, `ports.${name}`]),
    ...tunnels,
  ]);
}

function normalisePort(
  raw: RawConfig,
  name: string,
  port: RawPort,
  problems: Problem[],
): PortConfig {
  const path = `ports.${name}`;
  const isTap = port.kind === 'tap';
  const isLive = LIVE_KINDS.includes(port.kind);
  const { vlan, tags, ...rest } = port;
  const segment = port.segment === undefined ? undefined : raw.segments[port.segment];
  if (port.segment !== undefined && segment === undefined) {
    problems.push(unknownName(`${path}.segment`, port.segment, Object.keys(raw.segments)));
  }
  checkKind(path, port, problems);
  const vlanConfig = normaliseVlan(`${path}.vlan`, vlan, segment, problems);
  return {
    ...rest,
    name,
    mtuBytes: port.mtuBytes ?? (isTap ? TAP_MTU_BYTES : 0),
    offload: port.offload ?? isLive,
    device: port.device ?? name,
    storm: { ...NO_STORM_LIMITS, ...port.storm },
    ...(vlanConfig !== undefined && { vlan: vlanConfig }),
    ...(tags !== undefined && { tags: normaliseTags(`${path}.tags`, tags, problems) }),
  };
}

function checkKind(path: string, port: RawPort, problems: Problem[]): void {
  const { kind } = port;
  for (const [key, kinds] of Object.entries(KINDS_WITH)) {
    if (port[key as keyof typeof KINDS_WITH] === undefined) continue;
    if ((kinds as readonly PortKind[]).includes(kind)) continue;
    const problem = `expected only on ports of kind ${kinds.join(', ')}, got it on kind ${kind}`;
    problems.push({ path: `${path}.${key}`, problem });
  }
  if (kind === 'packet' && port.interface === undefined) {
    const problem = 'expected the name of an interface, got nothing';
    problems.push({ path: `${path}.interface`, problem });
  }
  if (kind === 'udp' && port.segment !== undefined) {
    const problem = `expected none on kind udp, whose frames are an underlay's, got ${port.segment}`;
    problems.push({ path: `${path}.segment`, problem });
  }
}

function normaliseTags(path: string, tags: RawTags, problems: Problem[]): TagsConfig {
  if (tags.pop > tags.match.length) {
    const problem = `expected 0..${tags.match.length}, got ${tags.pop}`;
    problems.push({ path: `${path}.pop`, problem });
  }
  return { match: tags.match.map(parseTag), pop: tags.pop, push: tags.push.map(parseTag) };
}

function parseTag(text: string): Tag {
  const [protocol = '', vid] = text.split(' ');
  return { tpid: tpidOf(protocol), vid: Number(vid) };
}

function tpidOf(protocol: string): number {
  return protocol === '802.1ad' ? TPID_SERVICE : TPID_CUSTOMER;
}

function normaliseSegment(
  raw: RawConfig,
  name: string,
  { segment, underlays }: { segment: RawSegment; underlays: Underlays },
  problems: Problem[],
): SegmentConfig {
  const { vlanProtocol, fdb, neighbours: _neighbours, overlay: rawOverlay, ...rest } = segment;
  const overlay = normaliseOverlay(name, segment, underlays, problems);
  const underlay = rawOverlay === undefined ? undefined : underlays.get(rawOverlay.underlay);
  if (segment.limitPolicy === 'evictOldest' && segment.learnLimit === 0) {
    const problem = 'expected a limit, as limitPolicy is evictOldest, got 0';
    problems.push({ path: `segments.${name}.learnLimit`, problem });
  }
  const seen = new Set<string>();
  const entries = fdb.map((entry, index) => {
    const path = `segments.${name}.fdb[${index}]`;
    const key = `${entry.mac.toLowerCase()} ${entry.vid ?? 0}`;
    if (seen.has(key)) {
      problems.push({ path: `${path}.mac`, problem: `expected one entry an address, got ${key}` });
    }
    seen.add(key);
    const base = normaliseFdb(segment, entry, { path, problems });
    return { ...base, ...entryPlace(raw, name, entry, { path, problems, underlay }) };
  });
  return {
    ...rest,
    name,
    tpid: tpidOf(vlanProtocol),
    arpTermination: segment.arpTermination ?? overlay !== undefined,
    ...(overlay !== undefined && { overlay }),
    fdb: entries,
    neighbours: normaliseNeighbours(name, segment, problems),
  };
}

interface Report {
  path: string;
  problems: Problem[];
}

function normaliseFdb(
  segment: RawSegment,
  entry: RawFdb,
  { path, problems }: Report,
): Omit<FdbConfig, 'port' | 'dst'> {
  const mac = parseMac(entry.mac)!;
  if (mac === 0n || isGroupMac(mac)) {
    const problem = `expected the address of one station, got ${entry.mac}`;
    problems.push({ path: `${path}.mac`, problem });
  }
  checkEntryVid(`${path}.vid`, segment, entry.vid, problems);
  return { mac, vid: entry.vid ?? 0, kind: entry.kind };
}

/** Behind which port or tunnel end an entry is. */
function entryPlace(
  raw: RawConfig,
  segment: string,
  entry: RawFdb,
  report: Report & { underlay: UnderlayConfig | undefined },
): Pick<FdbConfig, 'port' | 'dst'> {
  const { path, problems } = report;
  if (entry.dst !== undefined) return entryEnd(entry, entry.dst, report);
  if (entry.port === undefined && entry.kind === 'static') {
    problems.push({ path: `${path}.port`, problem: 'expected a port, got nothing' });
  }
  if (entry.port === undefined) return {};
  const port = raw.ports[entry.port];
  if (port === undefined) {
    problems.push(unknownName(`${path}.port`, entry.port, Object.keys(raw.ports)));
  } else if (port.segment !== segment) {
    const problem = `expected a port of segment ${segment}, got ${entry.port}`;
    problems.push({ path: `${path}.port`, problem });
  }
  return { port: entry.port };
}

function entryEnd(
  entry: RawFdb,
  dst: string,
  { path, problems, underlay }: Report & { underlay: UnderlayConfig | undefined },
): Pick<FdbConfig, 'dst'> {
  if (entry.port !== undefined) {
    const problem = `expected either a port or a dst, got both`;
    problems.push({ path: `${path}.port`, problem });
  }
  if (entry.kind !== 'static') {
    const problem = `expected static, as it is behind a tunnel end, got ${entry.kind}`;
    problems.push({ path: `${path}.kind`, problem });
  }
  if (underlay !== undefined) {
    return { dst: remoteIp(`${path}.dst`, dst, underlay, problems) };
  }
  const problem = `expected only in a segment with an overlay, got ${dst}`;
  problems.push({ path: `${path}.dst`, problem });
  return { dst };
}

/** No two ports have one device, and a default device name must fit. */
function checkDevices(ports: readonly PortConfig[], problems: Problem[]): void {
  const owners = new Map<string, string>();
  for (const port of ports) {
    if (port.kind !== 'tap' && port.interface === undefined) continue;
    const path = `ports.${port.name}.${port.kind === 'tap' ? 'device' : 'interface'}`;
    const name = port.interface ?? port.device;
    if (name.length > MAX_DEVICE_CHARACTERS) {
      const problem = `expected at most ${MAX_DEVICE_CHARACTERS} characters, got ${name}`;
      problems.push({ path, problem });
    }
    const device = `${port.netns ?? ''} ${name}`;
    const owner = owners.get(device);
    if (owner !== undefined) {
      const problem = `expected a device of its own, got ${name} of ports.${owner}`;
      problems.push({ path, problem });
    }
    owners.set(device, port.name);
  }
}
