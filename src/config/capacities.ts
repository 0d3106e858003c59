/**
 * Sizes: what a file says of them; else what it needs with room to grow on a reload, which
 * cannot change them: a power of two above twice the need, and never less than LEAST.
 */
import type { Capacities } from '../core.js';
import type { Config } from './config.js';
import type { Problem } from './config-error.js';
import { lookupSlots } from '../service/lookup.js';
import type { Service } from '../service/model.js';
import { routeCount } from './plan-zones.js';
import { routerPorts } from './router-ports.js';
import { counterCount } from './zone-rules.js';

/** Parts of a configuration that take room. */
export type Sized = Pick<Config, 'ports' | 'segments' | 'underlays' | 'zones' | 'rules'>;

/** `FdbEntries` is a name of the core, `fdbEntries` one of the file. */
type Name = keyof Capacities;

const LEAST_BLOCK = 256;
const WORD_BYTES = 4;
/** Both directions, by two ways through the rules. */
const SHARES_A_BACKEND = 4;

interface Need {
  used: number;
  /** None: it is full when it is full, see apply.ts. */
  what?: string;
  /** Where it is configured. */
  path: string;
}

/** Least and most of the sizes that follow from what is configured. */
const LEAST: Record<string, [least: number, most: number]> = {
  Ports: [128, 16384],
  Segments: [128, 65535],
  FdbEntries: [65536, 4194304],
  Neighbours: [1024, 1048576],
  FloodTargets: [128, 65535],
  Underlays: [4, 255],
  Overlays: [16, 65535],
  Vteps: [64, 32768],
  Peers: [256, 1048576],
};

/** Likewise, where there are zones; else they are 0. */
const ZONE_LEAST: Record<string, [least: number, most: number]> = {
  Zones: [4, 1024],
  Interfaces: [16, 16384],
  Routes: [1024, 1048576],
  Adjacencies: [1024, 65535],
  Flows: [65536, 16777216],
  RuleBytes: [65536, 268435456],
  Rules: [1024, 4194304],
  Paths: [4096, 1048576],
};

/** Likewise, where zones have services. */
const SERVICE_LEAST: Record<string, [least: number, most: number]> = {
  Services: [64, 65536],
  ServiceKeys: [1024, 1048576],
  Backends: [1024, 1048575],
  Shares: [4096, 4194304],
  BalanceBytes: [1048576, 1073741824],
};

/** `raw` has what the file says, and schema defaults of sizes that follow from nothing. */
export function normaliseCapacities(raw: Record<string, number>, sized: Sized): Capacities {
  const sizes: Record<string, number> = {};
  const hasZones = sized.zones.length > 0 || (raw['zones'] ?? 0) > 0;
  const hasServices =
    hasZones &&
    (sized.zones.some(({ services }) => services.length > 0) || (raw['services'] ?? 0) > 0);
  const limits = {
    ...LEAST,
    ...(hasZones && ZONE_LEAST),
    ...(hasServices && SERVICE_LEAST),
  };
  for (const name of Object.keys({ ...ZONE_LEAST, ...SERVICE_LEAST })) sizes[name] = 0;
  for (const [name, { used }] of Object.entries(needsOf(sized))) {
    const [least, most] = limits[name] ?? [];
    if (least === undefined || most === undefined) continue;
    sizes[name] = Math.min(Math.max(withRoom(used), least), most);
  }
  for (const [key, value] of Object.entries(raw)) sizes[coreName(key)] = value;
  return sizes as Capacities;
}

/** Those that do not follow from what is configured; a reload must not change them. */
export function writtenCapacities(raw: Record<string, number>): Name[] {
  return Object.keys(raw).map(key => coreName(key) as Name);
}

function withRoom(used: number): number {
  return used === 0 ? 0 : 2 ** Math.ceil(Math.log2(2 * used));
}

/** Adds a problem for each size that is too small. */
export function checkCapacities(capacities: Capacities, sized: Sized, problems: Problem[]): void {
  for (const [name, { used, what, path }] of Object.entries(needsOf(sized))) {
    const most = capacities[name as Name];
    if (what === undefined || most === undefined || used <= most) continue;
    const key = `capacities.${fileName(name)}`;
    problems.push({ path, problem: `expected at most ${most} ${what} (${key}), got ${used}` });
  }
}

function needsOf(sized: Sized): Record<string, Need> {
  const { ports, segments, underlays, zones } = sized;
  const overlays = segments.flatMap(({ overlay }) => overlay ?? []);
  const evicting = segments.filter(segment => segment.limitPolicy === 'evictOldest');
  const sum = (counts: number[]): number => counts.reduce((total, count) => total + count, 0);
  const need = (path: string, used: number, what?: string): Need => ({
    path,
    used,
    ...(what !== undefined && { what }),
  });
  const routers = routerPorts(zones);
  const inner = [
    ...(overlays.length > 0 ? ['tunnel'] : []),
    ...(routers.length > 0 ? ['router'] : []),
  ];
  const among = inner.length === 0 ? '' : `, ${inner.join(' and ')} ports among them`;
  const pairs = segments.map(pairsOf);
  return {
    Ports: need('ports', ports.length + overlays.length + routers.length, `ports${among}`),
    Segments: need('segments', segments.length, 'segments'),
    VlanSegments: need(
      'segments',
      segments.filter(segment => segment.vlanAware).length,
      'VLAN-aware segments',
    ),
    FdbEntries: need('segments', sum(segments.map(({ fdb }) => fdb.length))),
    EvictEntries: need(
      'segments',
      sum(evicting.map(segment => segment.learnLimit)),
      'entries in segments that evict the oldest',
    ),
    Neighbours: need('segments', sum(segments.map(s => s.neighbours.length)), 'neighbours'),
    FloodTargets: need(
      'segments',
      mostTargets([...ports, ...routers], segments),
      'copies of one frame',
    ),
    Underlays: need('underlays', underlays.length, 'underlays'),
    Overlays: need('segments', overlays.length, 'overlays'),
    Vteps: need('segments', vtepsOf({ segments, underlays }).size, 'tunnel ends'),
    Peers: need('segments', sum(pairs), 'pairs of an overlay and a tunnel end'),
    ...zoneNeeds(sized, need),
  };
}

function zoneNeeds(
  { zones, rules: { compiled } }: Sized,
  need: (path: string, used: number, what?: string) => Need,
): Record<string, Need> {
  const sum = (count: (zone: Sized['zones'][number]) => number): number =>
    zones.reduce((total, zone) => total + count(zone), 0);
  const counters = counterCount(compiled);
  return {
    Zones: need('zones', zones.length, 'zones'),
    Interfaces: need(
      'zones',
      sum(zone => zone.interfaces.length),
      'interfaces',
    ),
    Routes: need('zones', sum(routeCount), 'routes, those to subnets of interfaces among them'),
    Adjacencies: need(
      'zones',
      sum(zone => zone.neighbours.length),
      'neighbours',
    ),
    Flows: need('zones', 0),
    RuleBytes: need('zones', counters === 0 ? 0 : compiled.program.length, 'bytes of rules'),
    Rules: need('zones', Math.max(counters, compiled.states), 'rules and policies'),
    Paths: need('zones', 0),
    ...serviceNeeds(zones, need),
  };
}

function serviceNeeds(
  zones: Sized['zones'],
  need: (path: string, used: number, what?: string) => Need,
): Record<string, Need> {
  const services = zones.flatMap(zone => zone.services.map(({ service }) => service));
  const sum = (count: (service: Service) => number): number =>
    services.reduce((total, service) => total + count(service), 0);
  const backends = sum(service => service.backends.length);
  return {
    Services: need('zones', services.length, 'services'),
    ServiceKeys: need('zones', sum(keyCount), 'addresses and ports of services'),
    Backends: need('zones', backends, 'backends'),
    Shares: need('zones', SHARES_A_BACKEND * backends),
    BalanceBytes: need('zones', sum(blockBytes)),
  };
}

function keyCount({ key }: Service): number {
  if (key.kind === 'mark') return 1;
  return (key.lastPort ?? key.port) - key.port + 1;
}

/** Blocks of the core: powers of two from 256 bytes on, for a list, a ranking and a table. */
function blockBytes(service: Service): number {
  const block = (words: number): number =>
    words === 0 ? 0 : Math.max(LEAST_BLOCK, 2 ** Math.ceil(Math.log2(words * WORD_BYTES)));
  return 2 * block(service.backends.length) + block(lookupSlots(service));
}

/** Tunnel ends that may send into a segment's overlay. */
function pairsOf({ overlay, fdb }: Config['segments'][number]): number {
  if (overlay === undefined) return 0;
  if (fdb.length === 0) return overlay.peers.length;
  return new Set([...overlay.peers, ...fdb.flatMap(({ dst }) => dst ?? [])]).size;
}

function mostTargets(ports: Sized['ports'], segments: Sized['segments']): number {
  const members = new Map<string | undefined, number>();
  for (const { segment } of ports) members.set(segment, (members.get(segment) ?? 0) + 1);
  const targets = segments.map(({ name, overlay }) => {
    const own = members.get(name) ?? 0;
    return own + (overlay?.bum === 'replicate' ? overlay.peers.length : 1);
  });
  return targets.reduce((most, count) => Math.max(most, count), 0);
}

/** All tunnel ends that are named, as `UNDERLAY IP`. */
function vtepsOf({ segments, underlays }: Pick<Sized, 'segments' | 'underlays'>): Set<string> {
  const vteps = new Set<string>();
  for (const { name, vteps: special } of underlays) {
    for (const { ip } of special) vteps.add(`${name} ${ip}`);
  }
  for (const { overlay, fdb } of segments) {
    if (overlay === undefined) continue;
    const { underlay, peers, group } = overlay;
    for (const ip of peers) vteps.add(`${underlay} ${ip}`);
    for (const { dst } of fdb) if (dst !== undefined) vteps.add(`${underlay} ${dst}`);
    if (group !== undefined) vteps.add(`${underlay} ${group}`);
  }
  return vteps;
}

function coreName(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1);
}

/** `fdbEntries` of `FdbEntries`. */
export function fileName(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
