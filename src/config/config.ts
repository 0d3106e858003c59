/**
 * A validated configuration with every default filled in: what the YAML file means. Names
 * are the file's (schema/sluice.schema.json), where each is described.
 */
import type { Capacities } from '../core.js';
import type { CompiledZones, ZoneConfig } from './zone-config.js';

/** First and last VLAN, both included. */
export type VidRange = readonly [first: number, last: number];

/** Tunnel and router ports are not configured: overlays and interfaces of zones have one each. */
export type PortKind = 'tap' | 'packet' | 'udp' | 'pcap' | 'memory' | 'tunnel' | 'router';

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
  /** Neither port nor `dst`: the switch itself. */
  port?: string;
  /** Tunnel end it is behind, in the one form RFC 5952 gives its address. */
  dst?: string;
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

/** One of our own addresses. */
export interface UnderlayAddress {
  /** In the one form RFC 5952 gives it, as all addresses here. */
  ip: string;
  prefixBits: number;
}

export interface VtepConfig {
  ip: string;
  /** 0: the underlay's. */
  mtuBytes: number;
}

export interface UnderlayConfig {
  name: string;
  /** Name of a port. */
  port: string;
  /** At most one of each family. */
  addresses: readonly UnderlayAddress[];
  gateways: readonly string[];
  /** None: the device's, if it has one. */
  mac?: bigint;
  mtuBytes: number;
  /** Only those that something is special about. */
  vteps: readonly VtepConfig[];
}

export interface OverlayConfig {
  /** 24 bits. */
  vni: number;
  /** Name of an underlay. */
  underlay: string;
  encapsulation: 'vxlan' | 'geneve';
  udpPort: number;
  /** Addresses of other tunnel ends. */
  peers: readonly string[];
  bum: 'drop' | 'replicate' | 'multicast';
  /** Only with bum multicast, and always there. */
  group?: string;
  learning: boolean;
  ttl: number | 'inherit';
  tos: number | 'inherit';
  df: 'unset' | 'set' | 'inherit';
  udpChecksum: 'auto' | 'always' | 'never';
  strictFlags: boolean;
  innerVlan: 'pass' | 'strip' | 'drop';
  symmetricPorts: boolean;
  mssClamp: boolean;
  /** Longest inner IP packet. */
  mtuBytes: number;
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
  /** Never of a VLAN-aware segment. */
  overlay?: OverlayConfig;
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
  /** Those that the file itself says: a running switch must have them, others it may not. */
  writtenCapacities: readonly (keyof Capacities)[];
  ports: readonly PortConfig[];
  segments: readonly SegmentConfig[];
  underlays: readonly UnderlayConfig[];
  zones: readonly ZoneConfig[];
  rules: CompiledZones;
}
