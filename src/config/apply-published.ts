/** Ends flows of containers and published ports that a reload takes away or brings. */
import type { Core } from '../core.js';
import { formatIp } from '../frame/address.js';
import type { Range } from '../rules/model.js';
import type { PublishedPort } from '../rules/publish.js';
import type { Flow } from '../zone-table.js';
import { isIpv4Text } from './ip.js';
import type { PlannedZone, ZonesPlan } from './plan-zones.js';

/** IANA protocol numbers. */
const PROTOCOLS: Record<PublishedPort['protocol'], number> = { tcp: 6, udp: 17, sctp: 132 };

/** What changes in one zone. */
interface Change {
  /** Addresses of containers that are gone. */
  gone: ReadonlySet<string>;
  /** Ports that are new or gone: a binding never inherits flows of the one before. */
  ports: readonly PublishedPort[];
  /** Addresses of the zone. */
  own: ReadonlySet<string>;
}

export function endPublished(core: Core, plan: ZonesPlan, previous: ZonesPlan | undefined): void {
  const changes = new Map<number, Change>();
  for (const old of previous?.zones ?? []) {
    const zone = plan.zones.find(({ name }) => name === old.name);
    const change = zone === undefined ? undefined : changeOf(old, zone);
    if (change !== undefined) changes.set(old.index, change);
  }
  if (changes.size === 0) return;
  for (const flow of core.zones.flows()) {
    const change = changes.get(flow.zone);
    if (change !== undefined && isEnded(flow, change)) core.zones.removeFlow(flow);
  }
}

function changeOf({ config: old }: PlannedZone, { config }: PlannedZone): Change | undefined {
  const stay = new Set(config.containers);
  const gone = new Set(old.containers.filter(ip => !stay.has(ip)));
  const ports = [...without(old.published, config.published)];
  ports.push(...without(config.published, old.published));
  if (gone.size + ports.length === 0) return undefined;
  const all = [...old.interfaces, ...config.interfaces];
  return { gone, ports, own: new Set(all.flatMap(one => one.addresses.map(({ ip }) => ip))) };
}

function without(all: readonly PublishedPort[], less: readonly PublishedPort[]): PublishedPort[] {
  const keys = new Set(less.map(port => JSON.stringify(port)));
  return all.filter(port => !keys.has(JSON.stringify(port)));
}

function isEnded({ protocol, original, reply }: Flow, { gone, ports, own }: Change): boolean {
  const destination = formatIp(original.destination);
  const answers = formatIp(reply.source);
  if ([formatIp(original.source), destination, answers].some(ip => gone.has(ip))) return true;
  return ports.some(port => {
    if (PROTOCOLS[port.protocol] !== protocol) return false;
    const { containerIp, containerPorts, hostIp, hostPorts } = port;
    const isBehind = answers === containerIp && isIn(reply.sourcePort, containerPorts);
    if (hostPorts === undefined) return isBehind;
    if (!isIn(original.destinationPort, hostPorts)) return false;
    const isAny = hostIp === (isIpv4Text(destination) ? '0.0.0.0' : '::');
    return isBehind || destination === hostIp || (isAny && own.has(destination));
  });
}

function isIn(port: number, { first, last }: Range): boolean {
  return port >= first && port <= last;
}
