/** Zones of a validated configuration: part of config.ts, whose head applies here too. */
import type { Range, RuleSet } from '../rules/model.js';
import type { CompiledRules } from '../rules/compile.js';
import type { PublishedPort } from '../rules/publish.js';
import type { Service } from '../service/model.js';
import type { TimerName } from './zone-timers.js';

/** A prefix, its address in the one form RFC 5952 gives it, as all addresses here. */
export interface IpPrefix {
  ip: string;
  prefixBits: number;
}

export interface InterfaceConfig {
  name: string;
  /** Name of a segment. */
  segment: string;
  addresses: readonly IpPrefix[];
  /** First byte highest. */
  mac: bigint;
  /** Longest IP packet. */
  mtuBytes: number;
  /** Rules see what stays in the segment. */
  inspect: boolean;
  /** 0 in a plain segment, and only there. */
  vlan: number;
}

export interface RouteConfig {
  to: IpPrefix;
  kind: 'unicast' | 'blackhole' | 'unreachable' | 'prohibit';
  /** Absent: the destination is on the link. */
  via?: string;
  /** Name of an interface; of unicast routes, and always there. */
  interface?: string;
}

export interface ZoneNeighbourConfig {
  ip: string;
  /** First byte highest. */
  mac: bigint;
  /** Name of an interface. */
  interface: string;
}

export interface ConntrackConfig {
  profile: 'linux' | 'strict';
  loose: boolean;
  liberal: boolean;
  keepFlows: boolean;
  /** 0: no limit of its own. */
  mostFlows: number;
  /** Only those that are said. */
  timeoutsSec: Readonly<Partial<Record<TimerName, number>>>;
}

export interface NatConfig {
  portSelect: 'preserve' | 'sequential' | 'random';
  mapping: 'addressAndPort' | 'endpoint';
  filtering: 'addressAndPort' | 'address' | 'endpoint';
  /** Of what port selection chooses from; both included. */
  firstPort: number;
  lastPort: number;
}

/** Rules of one family, read and checked. */
export interface ZoneRuleSet {
  set: RuleSet;
  /** What its places are places of: a file, or the path in the configuration. */
  file: string;
}

/** A service, and who speaks for its address. */
export interface ServiceConfig {
  service: Service;
  /** Name of an interface. */
  interface: string;
}

/** Host ports that were chosen for an entry of `publish`, which keeps them across reloads. */
export interface ChosenPorts {
  /** What the entry says, in one form. */
  entry: string;
  hostPorts: Range;
}

export interface ZoneConfig {
  name: string;
  forwarding: boolean;
  reversePath: 'off' | 'loose' | 'strict';
  interfaces: readonly InterfaceConfig[];
  routes: readonly RouteConfig[];
  neighbours: readonly ZoneNeighbourConfig[];
  conntrack: ConntrackConfig;
  nat: NatConfig;
  /** At most one of each family. */
  rules: readonly ZoneRuleSet[];
  /** Ports that the host shows for containers. */
  published: readonly PublishedPort[];
  chosen: readonly ChosenPorts[];
  /** Addresses of containers that may publish. */
  containers: readonly string[];
  services: readonly ServiceConfig[];
  /** What becomes of connections whose backend was taken away. */
  noBackend: 'reschedule' | 'drop' | 'expire' | 'reset';
}

/** The rules of all zones, for the numbers that zones and interfaces had. */
export interface CompiledZones {
  /** Those numbers, as `numbersKey` writes them. */
  numbers: string;
  compiled: CompiledRules;
}
