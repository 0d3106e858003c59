/** What the API shows of a plan and of counters: plain objects with names for numbers. */
import {
  CoreCounter,
  Drop,
  FdbKind,
  Node,
  PORT_COUNTERS,
  PortCounter,
  SegmentCounter,
} from '../../assembly/abi.js';
import { macText } from '../frame/mac.js';
import { type Plan, type PlannedPort, type PlannedSegment, segmentVids } from '../config/plan.js';
import { vidsText } from '../config/vids.js';
import { formatIp } from '../frame/address.js';
import type { Vtep } from '../overlay-table.js';
import { DomainNames, type OverlayView, overlayView } from './overlay-views.js';
import type { FdbEntry } from '../core.js';
import type { CapturedFrame, RawCounters } from '../loop-messages.js';

/** Up, down by configuration, or its device has vanished. */
export type PortState = 'up' | 'down' | 'gone';

export interface PortView {
  name: string;
  index: number;
  kind: string;
  state: PortState;
  segment: string | null;
  device: string | null;
  netns: string | null;
  mtuBytes: number;
  flags: string[];
  group: number;
  /** Name of the underlay it carries. */
  underlay: string | null;
  vlan: VlanView | null;
  storm: { broadcastPerSec: number; multicastPerSec: number; unicastPerSec: number };
}

export interface VlanView {
  port: string;
  segment: string;
  mode: string;
  /** VLAN of untagged frames; 0: refused. */
  pvid: number;
  /** `all`, or `10,12-20`. */
  tagged: string;
  untagged: string;
}

export interface SegmentView {
  name: string;
  index: number;
  vlanAware: boolean;
  vlanProtocol: string;
  vlans: string;
  ageSec: number;
  learnLimit: number;
  limitPolicy: string;
  staticMove: string;
  arpTermination: boolean;
  overlay: OverlayView | null;
  ports: string[];
  learnedEntries: number;
}

export interface FdbView {
  mac: string;
  segment: string;
  /** 0 in a plain segment. */
  vid: number;
  /** Null: behind a tunnel end, or the switch itself. */
  port: string | null;
  /** Address of the tunnel end it is behind. */
  dst: string | null;
  kind: string;
  /** Since the address was last heard. */
  ageSec: number;
}

type Counts = Record<string, number>;

export interface StatsView {
  core: Counts;
  nodes: Counts;
  ports: Record<string, Counts>;
  portDrops: Record<string, Counts>;
  segments: Record<string, Counts>;
}

const FLAGS = [
  'learning',
  'flood',
  'multicastFlood',
  'broadcastFlood',
  'hairpin',
  'isolated',
  'locked',
  'neighbourSuppress',
  'offload',
] as const;
const TPID_SERVICE = 0x88a8;
const MS_PER_SEC = 1000;

export function portView(port: PlannedPort, plan: Plan, isGone: boolean): PortView {
  const { config, index, name } = port;
  const upState = config.up ? 'up' : 'down';
  return {
    name,
    index,
    kind: config.kind,
    state: isGone ? 'gone' : upState,
    segment: config.segment ?? null,
    device: config.kind === 'tap' ? config.device : (config.interface ?? null),
    netns: config.netns ?? null,
    mtuBytes: config.mtuBytes || (port.device?.mtuBytes ?? 0),
    flags: FLAGS.filter(flag => config[flag]),
    group: config.group,
    underlay: plan.underlays.find(underlay => underlay.port === index)?.name ?? null,
    vlan: vlanView(port),
    storm: config.storm,
  };
}

export function vlanView({ config, name, vlans }: PlannedPort): VlanView | null {
  const { vlan } = config;
  if (vlan === undefined) return null;
  return {
    port: name,
    segment: config.segment ?? '',
    mode: vlan.mode,
    pvid: vlan.mode === 'trunk' ? vlan.native : vlan.vid,
    tagged: vidsText(vlans.tagged),
    untagged: vidsText(vlans.untagged),
  };
}

export function segmentView(
  segment: PlannedSegment,
  plan: Plan,
  counters: RawCounters,
): SegmentView {
  const { config, index, name } = segment;
  const column = index * SegmentCounter.Count + SegmentCounter.Entries;
  return {
    name,
    index,
    vlanAware: config.vlanAware,
    vlanProtocol: config.tpid === TPID_SERVICE ? '802.1ad' : '802.1q',
    vlans: vidsText(segmentVids(segment)),
    ageSec: config.ageSec,
    learnLimit: config.learnLimit,
    limitPolicy: config.limitPolicy,
    staticMove: config.staticMove,
    arpTermination: config.arpTermination,
    overlay: overlayView(
      plan,
      plan.overlays.find(overlay => overlay.name === name),
    ),
    ports: plan.ports.filter(port => port.config.segment === name).map(port => port.name),
    learnedEntries: Number(counters.segments[column]),
  };
}

/** Names for the numbers of FDB entries; made once for a listing. */
export class FdbNames {
  private readonly ports: Map<number, string>;
  private readonly ends: Map<number, string>;
  private readonly domains: DomainNames;

  constructor(plan: Plan, vteps: readonly Vtep[] = []) {
    this.ports = new Map(plan.ports.map(port => [port.index, port.name]));
    const { Ports } = plan.capacities;
    this.ends = new Map(vteps.map(({ index, ip }) => [Ports + index, formatIp(ip)]));
    this.domains = new DomainNames(plan);
  }

  /** Undefined: of a segment that is no more. */
  view(entry: FdbEntry): FdbView | undefined {
    const owner = this.domains.owner(entry.domain);
    if (owner === undefined) return undefined;
    return {
      mac: macText(entry.mac),
      ...owner,
      port: this.ports.get(entry.port) ?? null,
      dst: this.ends.get(entry.port) ?? null,
      kind: FdbKind[entry.kind]!.toLowerCase(),
      ageSec: entry.kind === FdbKind.Dynamic ? Math.floor(entry.ageMs / MS_PER_SEC) : 0,
    };
  }
}

/** Columns of a row by the names of an enum, first letter lower case. */
function row(
  counters: BigUint64Array,
  start: number,
  names: Record<number, string>,
  count: number,
): Counts {
  const counts: Counts = {};
  for (let column = 0; column < count; column++) {
    const name = names[column];
    if (name === undefined || name === 'Count' || name === 'Drops') continue;
    counts[name.charAt(0).toLowerCase() + name.slice(1)] = Number(counters[start + column]);
  }
  return counts;
}

/** Drops of a port by reason; only what happened. */
export function dropsOf(counters: RawCounters, port: number): Counts {
  const drops: Counts = {};
  const start = port * PORT_COUNTERS + PortCounter.Drops;
  for (let reason: Drop = Drop.None + 1; reason < Drop.Count; reason++) {
    const count = Number(counters.ports[start + reason]);
    if (count > 0) drops[Drop[reason]] = count;
  }
  return drops;
}

export function statsView(plan: Plan, counters: RawCounters): StatsView {
  const ports = plan.ports.map(({ name, index }) => {
    const counts = row(counters.ports, index * PORT_COUNTERS, PortCounter, PortCounter.Drops);
    return [name, counts] as const;
  });
  const segments = plan.segments.map(({ name, index }) => {
    const start = index * SegmentCounter.Count;
    return [name, row(counters.segments, start, SegmentCounter, SegmentCounter.Entries + 1)];
  });
  const drops = plan.ports.map(({ name, index }) => [name, dropsOf(counters, index)]);
  return {
    core: row(counters.core, 0, CoreCounter, CoreCounter.Consumed + 1),
    nodes: row(counters.nodes, 0, Node, Node.Count),
    ports: Object.fromEntries(ports),
    portDrops: Object.fromEntries(drops),
    segments: Object.fromEntries(segments),
  };
}

export interface DropsView {
  total: Counts;
  ports: Record<string, Counts>;
}

/** Drops by reason: of all ports there are or ever were, and of each there is. */
export function dropsView(plan: Plan, counters: RawCounters): DropsView {
  const total: Counts = {};
  for (let port = 0; port <= plan.capacities.Ports; port++) {
    for (const [reason, count] of Object.entries(dropsOf(counters, port))) {
      total[reason] = (total[reason] ?? 0) + count;
    }
  }
  const ports = plan.ports.map(({ name, index }) => [name, dropsOf(counters, index)]);
  return { total, ports: Object.fromEntries(ports) };
}

export interface FrameView {
  /** Nanoseconds since 1970, as text: it does not fit a JSON number. */
  stampNs: string;
  /** Null: of a port that is no more. */
  port: string | null;
  direction: 'rx' | 'tx' | 'drop';
  /** Only of drops. */
  reason?: string;
  lengthBytes: number;
  /** In base64; shorter than the frame when it was cut. */
  data: string;
}

export function frameView(frame: CapturedFrame, ports: Map<number, string>): FrameView {
  return {
    stampNs: frame.stampNs.toString(),
    port: ports.get(frame.port) ?? null,
    direction: frame.direction,
    ...(frame.direction === 'drop' && { reason: Drop[frame.reason] }),
    lengthBytes: frame.lengthBytes,
    data: Buffer.from(frame.data).toString('base64'),
  };
}
