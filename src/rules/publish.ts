/** Binds what `-p` publishes to host addresses and ports of a container. */
import { isIpv4Text } from '../config/ip.js';
import type { Family, Range } from './model.js';
import type { PortAllocator } from './port-allocator.js';
import { portCount, type PublishProtocol, type PublishSpec } from './publish-spec.js';
import { isInternal, isRouted, type ZoneNetwork } from './zone-network.js';

export { parsePublish, type PublishSpec } from './publish-spec.js';
export { PortAllocator, PortTakenError } from './port-allocator.js';
export { zoneRules, zoneText } from './zone-rules.js';
export type { GatewayMode, Zone, ZoneNetwork } from './zone-network.js';

/** A container's port or ports as the host shows them; one family. */
export interface PublishedPort {
  readonly bridge: string;
  readonly containerIp: string;
  readonly containerPorts: Range;
  readonly protocol: PublishProtocol;
  readonly hostIp: string;
  /** As many as there are container ports. Undefined: reached by its own address only. */
  readonly hostPorts: Range | undefined;
}

/** The container that publishes: its network and its addresses there. */
export interface Endpoint {
  readonly network: ZoneNetwork;
  readonly ipv4?: string;
  readonly ipv6?: string;
}

const WILDCARDS: Readonly<Record<Family, string>> = { ipv4: '0.0.0.0', ipv6: '::' };
const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/**
 * One port for each family that the host address and the container have, all with the same
 * host ports. Throws PortTakenError; then nothing is taken.
 */
export function bindPort(
  spec: PublishSpec,
  endpoint: Endpoint,
  allocator: PortAllocator,
): PublishedPort[] {
  const { containerPorts, protocol, hostPorts } = spec;
  const hosts = hostsOf(spec, endpoint);
  const isNat = (family: Family): boolean => !isRouted(endpoint.network, family);
  const addresses = hosts.filter(host => isNat(host.family)).map(host => host.hostIp);
  const count = portCount(containerPorts);
  const given =
    addresses.length === 0
      ? undefined
      : allocator.allocate({ addresses, protocol, count, within: hostPorts });
  return hosts.map(({ family, hostIp }) => ({
    bridge: endpoint.network.bridge,
    containerIp: endpoint[family]!,
    containerPorts,
    protocol,
    hostIp,
    hostPorts: isNat(family) ? given : undefined,
  }));
}

/** Gives the host ports back that `bindPort` took. */
export function unbindPort(ports: readonly PublishedPort[], allocator: PortAllocator): void {
  for (const { hostIp, protocol, hostPorts } of ports)
    if (hostPorts !== undefined) allocator.release([hostIp], protocol, hostPorts);
}

function hostsOf(spec: PublishSpec, endpoint: Endpoint): { family: Family; hostIp: string }[] {
  const { network } = endpoint;
  return FAMILIES.flatMap(family => {
    if (endpoint[family] === undefined || isInternal(network, family)) return [];
    const hostIp = spec.hostIp ?? network.hostBinding?.[family] ?? WILDCARDS[family];
    return isIpv4Text(hostIp) === (family === 'ipv4') ? [{ family, hostIp }] : [];
  });
}
