/** What a file says once it fits the schema, defaults filled in. See config.ts. */
import type { RawService } from './raw-service.js';
import type { GatewayMode, ZoneNetwork } from '../rules/zone-network.js';
import type { OverlayConfig, PortConfig, StormConfig, VlanConfig } from './config.js';
import type {
  ConntrackConfig,
  NatConfig,
  RouteConfig,
  ZoneConfig,
  ZoneNeighbourConfig,
} from './zone-config.js';

export type RawVids = string | number | (string | number)[];

export interface RawVlan {
  mode: VlanConfig['mode'];
  vid?: number;
  native?: number;
  nativeTagged?: boolean;
  allowed?: RawVids;
  priorityTags: VlanConfig['priorityTags'];
}

export interface RawTags {
  match: string[];
  pop: number;
  push: string[];
}

export interface RawPort extends Omit<
  PortConfig,
  'name' | 'mtuBytes' | 'offload' | 'device' | 'vlan' | 'tags' | 'storm'
> {
  mtuBytes?: number;
  offload?: boolean;
  device?: string;
  vlan?: RawVlan;
  tags?: RawTags;
  storm?: StormConfig;
}

export interface RawFdb {
  mac: string;
  port?: string;
  dst?: string;
  vid?: number;
  kind: 'static' | 'permanent';
}

export interface RawNeighbour {
  ip: string;
  mac: string;
  vid?: number;
  router: boolean;
}

export interface RawOverlay extends Omit<OverlayConfig, 'udpPort' | 'mtuBytes'> {
  udpPort?: number;
  mtuBytes?: number;
}

export interface RawUnderlay {
  port: string;
  addresses: string[];
  gateways: string[];
  mac?: string;
  mtuBytes: number;
  vteps: { address: string; mtuBytes?: number }[];
}

export interface RawSegment {
  vlanAware: boolean;
  vlanProtocol: '802.1q' | '802.1ad';
  ageSec: number;
  learnLimit: number;
  limitPolicy: 'refuse' | 'evictOldest';
  staticMove: 'drop' | 'forward';
  arpTermination?: boolean;
  overlay?: RawOverlay;
  fdb: RawFdb[];
  neighbours: RawNeighbour[];
}

export interface RawInterface {
  segment: string;
  addresses: string[];
  mac?: string;
  mtuBytes: number;
  vlan?: number;
  inspect?: boolean;
}

export interface RawNetwork extends Pick<ZoneNetwork, 'icc' | 'internal' | 'masquerade'> {
  gatewayMode: GatewayMode;
  hostBinding?: string | string[];
  masqueradeAs?: string | string[];
  trustedInterfaces: string[];
  allowDirectRouting: boolean;
}

export interface RawPublish {
  ip: string | string[];
  network: string;
  ports: (string | number)[];
}

export interface RawRoute {
  to: string;
  via?: string;
  interface?: string;
  kind: RouteConfig['kind'];
}

export interface RawZone extends Pick<ZoneConfig, 'forwarding' | 'reversePath'> {
  interfaces: Record<string, RawInterface>;
  routes: RawRoute[];
  neighbours: (Omit<ZoneNeighbourConfig, 'mac'> & { mac: string })[];
  conntrack: ConntrackConfig;
  nat: Omit<NatConfig, 'firstPort' | 'lastPort'> & { ports: string };
  networks?: Record<string, RawNetwork>;
  publish: RawPublish[];
  iptables?: string;
  ip6tables?: string;
  services: Record<string, RawService>;
  ipvsadm?: string;
  noBackend: ZoneConfig['noBackend'];
}

export interface RawConfig {
  name?: string;
  control?: string;
  seed?: number;
  capacities: Record<string, number>;
  ports: Record<string, RawPort>;
  segments: Record<string, RawSegment>;
  underlays: Record<string, RawUnderlay>;
  zones: Record<string, RawZone>;
}
