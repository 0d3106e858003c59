/** Zones: from what a file says to what it means, and what must fit together about them. */
import type { Problem } from './config-error.js';
import type { RawConfig, RawZone } from './raw.js';
import { show } from './schema.js';
import type { ConntrackConfig, NatConfig, ZoneConfig } from './zone-config.js';
import { checkMacs, normaliseInterfaces } from './zone-interfaces.js';
import { normaliseNetworks } from './zone-networks.js';
import { normaliseRoutes, normaliseZoneNeighbours } from './zone-routes.js';
import { readRules } from './zone-rules.js';
import { readIpvsadm } from './zone-ipvsadm.js';
import { checkKeys, normaliseServices } from './zone-services.js';
import type { TimerName } from './zone-timers.js';

const MOST_PORT = 65535;
const NOTHING_SAID: Pick<RawZone, 'routes' | 'neighbours'> = { routes: [], neighbours: [] };
const NO_NETWORKS: Pick<RawZone, 'publish'> = { publish: [] };

/**
 * Rule files are looked for from `folder` on; ports chosen `before` stay. Adds what is wrong to
 * `problems`; the result only counts if nothing was added.
 */
export function normaliseZones(
  raw: RawConfig,
  { folder, before = [] }: { folder: string; before?: readonly ZoneConfig[] },
  problems: Problem[],
): ZoneConfig[] {
  const zones = Object.entries(raw.zones).map(([name, zone]) => {
    const path = `zones.${name}`;
    const count = problems.length;
    const interfaces = normaliseInterfaces(`${path}.interfaces`, raw, zone, problems);
    // Where these are wrong, what is on the link is not known.
    const wrong = problems.length > count;
    const { routes, neighbours } = wrong ? NOTHING_SAID : zone;
    const texts = readRules(path, zone, folder, problems);
    const { chosen = [] } = before.find(zone => zone.name === name) ?? {};
    const published = normaliseNetworks(
      path,
      wrong ? NO_NETWORKS : zone,
      interfaces,
      { texts, chosen },
      problems,
    );
    return {
      name,
      forwarding: zone.forwarding,
      reversePath: zone.reversePath,
      interfaces,
      routes: normaliseRoutes(`${path}.routes`, routes, interfaces, problems),
      neighbours: normaliseZoneNeighbours(`${path}.neighbours`, neighbours, interfaces, problems),
      conntrack: zone.conntrack,
      nat: normaliseNat(`${path}.nat.ports`, zone, problems),
      rules: published.rules ?? texts,
      published: published.ports,
      chosen: published.chosen,
      containers: published.containers,
      services: servicesOf(path, zone, folder, interfaces, problems),
      noBackend: zone.noBackend,
    };
  });
  checkTimeouts(zones, problems);
  checkMacs(zones, raw, problems);
  return zones;
}

/** Those of `services`, then those of `ipvsadm`. */
function servicesOf(
  path: string,
  { services, ipvsadm }: RawZone,
  folder: string,
  interfaces: ZoneConfig['interfaces'],
  problems: Problem[],
): ZoneConfig['services'] {
  const own = normaliseServices(`${path}.services`, services, interfaces, problems);
  const read = readIpvsadm(path, ipvsadm, folder, interfaces, problems);
  if (read.length > 0) checkKeys(`${path}.ipvsadm`, [...own, ...read], problems);
  return [...own, ...read];
}

function normaliseNat(path: string, { nat }: RawZone, problems: Problem[]): NatConfig {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(nat.ports) ?? [];
  const [firstPort, lastPort] = [Number(first ?? 0), Number(last ?? 0)];
  if (firstPort === 0 || firstPort > lastPort || lastPort > MOST_PORT) {
    const problem = `expected a range of ports like 32768-60999, got ${show(nat.ports)}`;
    problems.push({ path, problem });
  }
  const { portSelect, mapping, filtering } = nat;
  return { portSelect, mapping, filtering, firstPort, lastPort };
}

/** Timers belong to a profile, so zones of one cannot say different things of them. */
function checkTimeouts(
  zones: readonly { name: string; conntrack: ConntrackConfig }[],
  problems: Problem[],
): void {
  const first = new Map<string, { zone: string; seconds: number }>();
  for (const { name, conntrack } of zones) {
    const { profile, timeoutsSec } = conntrack;
    for (const [timer, seconds] of Object.entries(timeoutsSec) as [TimerName, number][]) {
      const other = first.get(`${profile} ${timer}`);
      first.set(`${profile} ${timer}`, other ?? { zone: name, seconds });
      if (other === undefined || other.seconds === seconds) continue;
      const why = `as in zones.${other.zone}, which has the profile ${profile} too`;
      const path = `zones.${name}.conntrack.timeoutsSec.${timer}`;
      problems.push({ path, problem: `expected ${other.seconds}, ${why}, got ${seconds}` });
    }
  }
}
