/**
 * A validated configuration with every default filled in: what the YAML file means. Names
 * are the file's (schema/sluice.schema.json), where each is described.
 */
import type { Capacities } from '../core.js';

/** First and last VLAN, both included. */
export type VidRange = readonly [first: number, last: number];

export type PortKind = 'tap' | 'packet' | 'udp' | 'pcap' | 'memory';

export interface VlanConfig {
  mode: 'access' | 'trunk' | 'tunnel';
  /** Of access and tunnel ports. */
  vid: number;
  /** Of trunk ports; 0: untagged frames are refused. */
  native: number;
  nativeTagged: boolean;
  /** Sorted, not overlapping; with the native VLAN. */
  allowed: readonly VidRange[];
  priorityTags: 'never' | 'nonZero' | 'always';
}

export interface Tag {
  /** 0x8100 or 0x88a8. */
  tpid: number;
  vid: number;
}

export interface TagsConfig {
  match: readonly Tag[];
  pop: number;
  push: readonly Tag[];
}

/** Zero: no limit. */
export interface StormConfig {
  broadcastPerSec: number;
  multicastPerSec: number;
  unicastPerSec: number;
}

export interface PortConfig {
  name: string;
  kind: PortKind;
  segment?: string;
  up: boolean;
  learning: boolean;
  flood: boolean;
  multicastFlood: boolean;
  broadcastFlood: boolean;
  hairpin: boolean;
  isolated: boolean;
  locked: boolean;
  neighbourSuppress: boolean;
  /** 0: none. */
  group: number;
  /** 0: no limit. */
  mtuBytes: number;
  offload: boolean;
  netns?: string;
  device: string;
  /** Of packet ports, and always there. */
  interface?: string;
  mac?: string;
  /** Only in a VLAN-aware segment, and always there. */
  vlan?: VlanConfig;
  tags?: TagsConfig;
  storm: StormConfig;
}

export interface FdbConfig {
  /** First byte highest. */
  mac: bigint;
  /** None: the switch itself. */
  port?: string;
  /** 0 in a plain segment. */
  vid: number;
  kind: 'static' | 'permanent';
}

export interface NeighbourConfig {
  /** In the one form RFC 5952 gives it. */
  ip: string;
  /** First byte highest. */
  mac: bigint;
  /** 0 in a plain segment. */
  vid: number;
  router: boolean;
}

export interface SegmentConfig {
  name: string;
  vlanAware: boolean;
  tpid: number;
  ageSec: number;
  /** 0: none. */
  learnLimit: number;
  limitPolicy: 'refuse' | 'evictOldest';
  staticMove: 'drop' | 'forward';
  arpTermination: boolean;
  fdb: readonly FdbConfig[];
  neighbours: readonly NeighbourConfig[];
}

export interface Config {
  name: string;
  /** Absent: the caller chooses. */
  control?: string;
  /** Absent: the caller chooses. */
  seed?: bigint;
  capacities: Capacities;
  ports: readonly PortConfig[];
  segments: readonly SegmentConfig[];
}
