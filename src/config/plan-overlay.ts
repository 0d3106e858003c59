/** Underlays, overlays and tunnel ends of a configuration, in numbers as far as they have any. */
import { parseIp } from '../frame/address.js';
import { macNumber } from '../frame/mac.js';
import type { Config, OverlayConfig, PortConfig, UnderlayConfig } from './config.js';
import { INNER_PORT } from './inner-port.js';
import { isIpv4, isIpv4Text } from './ip.js';
import { tunnelPortNames } from './overlay.js';
import type { UdpEndpoint } from './plan-port.js';

export interface PlannedUnderlay {
  name: string;
  index: number;
  config: UnderlayConfig;
  /** Index of its port. */
  port: number;
  /** Frames are addressed with ARP and ND; else somebody below does that. */
  resolvesNextHops: boolean;
  /** None: that of the port's device, or no matter. */
  mac?: bigint;
}

/** Names a tunnel end: the underlay, a blank, its IP address. */
export type VtepKey = string;

export interface PlannedVtep {
  key: VtepKey;
  /** Index. */
  underlay: number;
  ip: string;
  /** 0: the underlay's. */
  mtuBytes: number;
}

export interface PlannedOverlay {
  /** Of the segment. */
  name: string;
  index: number;
  config: OverlayConfig;
  domain: number;
  /** Index, as are the following. */
  underlay: number;
  tunnelPort: number;
  /** Targets of replication, in the order of the file; from place `peerStart` on. */
  peers: VtepKey[];
  peerStart: number;
  /** Tunnel ends that may send: peers, and those that addresses are behind. */
  senders: VtepKey[];
  group?: VtepKey;
}

/** Of a port without a device: locally administered, as Docker makes them. */
const MADE_MAC_START = [0x02, 0x42];
const MADE_MAC_IP_BYTES = 4;

export function vtepKey(underlay: string, ip: string): VtepKey {
  return `${underlay} ${ip}`;
}

/** The address in a key. */
export function ipOf(key: VtepKey): string {
  return key.slice(key.indexOf(' ') + 1);
}

/** A port for the tunnel of each overlay: an ordinary member of its segment. */
export function tunnelPorts(config: Pick<Config, 'segments'>): PortConfig[] {
  const names = tunnelPortNames(config.segments);
  return config.segments.flatMap(({ name, overlay }): PortConfig[] =>
    overlay === undefined ? [] : [tunnelPort(names.get(name)!, name, overlay)],
  );
}

function tunnelPort(name: string, segment: string, { learning }: OverlayConfig): PortConfig {
  return {
    name,
    ...INNER_PORT,
    kind: 'tunnel',
    segment,
    learning,
    flood: true,
  };
}

/** Where each port that carries an underlay listens, by its name. */
export function udpEndpoints({ underlays, segments }: Config): Map<string, UdpEndpoint> {
  return new Map(
    underlays.map(({ name, port, addresses }) => {
      const overlays = segments.flatMap(({ overlay }) =>
        overlay?.underlay === name ? [overlay] : [],
      );
      const udpPorts = new Set(overlays.map(({ udpPort }) => udpPort));
      const groups = new Set(overlays.flatMap(({ group }) => group ?? []));
      return [
        port,
        {
          addresses: addresses.map(({ ip }) => ip),
          udpPorts: [...udpPorts].sort((a, b) => a - b),
          ...(groups.size > 0 && { groups: [...groups].sort() }),
        },
      ];
    }),
  );
}

export function planUnderlay(
  config: UnderlayConfig,
  index: number,
  port: { index: number; config: PortConfig },
): PlannedUnderlay {
  const { kind } = port.config;
  const mac = config.mac ?? (kind === 'memory' || kind === 'pcap' ? madeMac(config) : undefined);
  return {
    name: config.name,
    index,
    config,
    port: port.index,
    resolvesNextHops: kind !== 'udp',
    ...(mac !== undefined && { mac }),
  };
}

/** 02:42 and the IPv4 address, or the end of the IPv6 one. */
function madeMac({ addresses }: UnderlayConfig): bigint {
  const address = addresses.find(({ ip }) => isIpv4Text(ip)) ?? addresses[0]!;
  const bytes = parseIp(address.ip)!;
  const last = isIpv4(bytes) ? bytes : bytes.subarray(-MADE_MAC_IP_BYTES);
  return macNumber(Uint8Array.of(...MADE_MAC_START, ...last));
}

interface Numbers {
  /** Of the overlay, by segment name. */
  indexes: ReadonlyMap<string, number>;
  domains: ReadonlyMap<string, number>;
  underlays: ReadonlyMap<string, number>;
  /** Of ports, by name. */
  ports: ReadonlyMap<string, number>;
}

/** In the order of indexes; lists of peers lie one behind the other. */
export function planOverlays(config: Pick<Config, 'segments'>, numbers: Numbers): PlannedOverlay[] {
  const names = tunnelPortNames(config.segments);
  let peerStart = 0;
  const overlays = config.segments.flatMap(({ name, overlay, fdb }): PlannedOverlay[] => {
    if (overlay === undefined) return [];
    const underlay = numbers.underlays.get(overlay.underlay)!;
    const keyOf = (ip: string): VtepKey => vtepKey(overlay.underlay, ip);
    const peers = overlay.peers.map(keyOf);
    const behind = fdb.flatMap(({ dst }) => (dst === undefined ? [] : [keyOf(dst)]));
    const planned = {
      name,
      index: numbers.indexes.get(name)!,
      config: overlay,
      domain: numbers.domains.get(name)!,
      underlay,
      tunnelPort: numbers.ports.get(names.get(name)!)!,
      peers,
      peerStart,
      senders: behind.length === 0 ? peers : [...new Set([...peers, ...behind])],
      ...(overlay.group !== undefined && { group: keyOf(overlay.group) }),
    };
    peerStart += peers.length;
    return [planned];
  });
  return overlays.sort((a, b) => a.index - b.index);
}

/** Every tunnel end that something names, once. */
export function planVteps(
  underlays: readonly PlannedUnderlay[],
  overlays: readonly PlannedOverlay[],
): PlannedVtep[] {
  const vteps = new Map<VtepKey, PlannedVtep>();
  for (const { index, name, config } of underlays) {
    for (const { ip, mtuBytes } of config.vteps) {
      const key = vtepKey(name, ip);
      vteps.set(key, { key, underlay: index, ip, mtuBytes });
    }
  }
  const add = (key: VtepKey, underlay: number): void => {
    if (vteps.has(key)) return;
    vteps.set(key, { key, underlay, ip: ipOf(key), mtuBytes: 0 });
  };
  for (const { senders, group, underlay } of overlays) {
    for (const key of senders) add(key, underlay);
    if (group !== undefined) add(group, underlay);
  }
  return [...vteps.values()];
}
