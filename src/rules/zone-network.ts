/** What the rules of a zone are made from: the bridge networks of a host. */
import type { Family } from './model.js';
import type { PublishedPort } from './publish.js';

/**
 * `nat`: only published ports can be reached; `nat-unprotected`: every port, by whoever has
 * a route; `routed`: published ports at the container's own address, no translation;
 * `isolated`: as an internal network, and no gateway address.
 */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

type ByFamily<Value> = { readonly [F in Family]?: Value };

/** Docker's options of a bridge network, `com.docker.network.bridge.*`. */
export interface ZoneNetwork {
  /** Name of the bridge interface. */
  readonly bridge: string;
  /** `172.18.0.0/16`; a family without one is off. */
  readonly subnet: ByFamily<string>;
  /** Addresses of its containers: guarded against direct routing. */
  readonly containers: ByFamily<readonly string[]>;
  /** Whether its containers may talk to one another. */
  readonly icc: boolean;
  /** No way in or out. */
  readonly internal: boolean;
  readonly masquerade: boolean;
  readonly gatewayMode: ByFamily<GatewayMode>;
  /** What packets that leave have as their source; undefined: that of the way out. */
  readonly hostAddress?: ByFamily<string>;
  /** Where ports are published if they do not say. */
  readonly hostBinding?: ByFamily<string>;
  /** Interfaces from where containers may be reached by their own addresses. */
  readonly trustedInterfaces?: readonly string[];
  readonly allowDirectRouting?: boolean;
}

export interface Zone {
  readonly networks: readonly ZoneNetwork[];
  readonly ports: readonly PublishedPort[];
}

export function gatewayMode(network: ZoneNetwork, family: Family): GatewayMode {
  return network.gatewayMode[family] ?? 'nat';
}

export function isRouted(network: ZoneNetwork, family: Family): boolean {
  return gatewayMode(network, family) === 'routed';
}

export function isInternal(network: ZoneNetwork, family: Family): boolean {
  return network.internal || gatewayMode(network, family) === 'isolated';
}
