/** Ports of router interfaces: each interface of a zone has one in its segment. */
import type { PortConfig } from './config.js';
import type { Problem } from './config-error.js';
import { INNER_PORT } from './inner-port.js';
import type { InterfaceConfig, ZoneConfig } from './zone-config.js';

/** `host.docker0`: the zone, a dot, the interface. */
export function routerPortName(zone: string, iface: string): string {
  return `${zone}.${iface}`;
}

/** In the order of zones and interfaces. */
export function routerPorts(zones: readonly ZoneConfig[]): PortConfig[] {
  return zones.flatMap(({ name, interfaces }) =>
    interfaces.map(iface => routerPort(routerPortName(name, iface.name), iface)),
  );
}

/** The FDB says what is for the interface, so nothing unknown needs to go there. */
function routerPort(name: string, { segment, vlan }: InterfaceConfig): PortConfig {
  return {
    name,
    ...INNER_PORT,
    kind: 'router',
    segment,
    learning: false,
    flood: false,
    ...(vlan !== 0 && { vlan: accessTo(vlan) }),
  };
}

function accessTo(vid: number): NonNullable<PortConfig['vlan']> {
  return {
    mode: 'access',
    vid,
    native: 0,
    nativeTagged: false,
    allowed: [[vid, vid]],
    priorityTags: 'never',
  };
}

/** No other port can have the name of an interface's. `taken`: names and what has them. */
export function checkRouterNames(
  zones: readonly ZoneConfig[],
  taken: ReadonlyMap<string, string>,
  problems: Problem[],
): void {
  const owners = new Map(taken);
  for (const zone of zones) {
    for (const iface of zone.interfaces) {
      const name = routerPortName(zone.name, iface.name);
      const path = `zones.${zone.name}.interfaces.${iface.name}`;
      const owner = owners.get(name);
      if (owner !== undefined) {
        const problem = `expected another name, as its port would be ${name}, got that of ${owner}`;
        problems.push({ path, problem });
      }
      owners.set(name, path);
    }
  }
}
