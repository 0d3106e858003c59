/** From the names of a request to the numbers of the core. */
import { FdbKind } from '../../assembly/abi.js';
import { isGroupMac, parseMac } from '../frame/mac.js';
import type { Plan, PlannedPort, PlannedSegment } from '../config/plan.js';
import type { PlannedZone } from '../config/plan-zones.js';
import { domainOf } from '../config/plan-domains.js';
import { nearest } from '../config/nearest.js';
import { ApiError } from './api-error.js';

function find<T extends { name: string }>(what: string, name: string, all: readonly T[]): T {
  const found = all.find(other => other.name === name);
  if (found !== undefined) return found;
  const names = all.map(other => other.name);
  const meant = nearest(name, names);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  const list = names.length === 0 ? 'none' : `one of ${names.join(', ')}`;
  throw new ApiError(404, `${what}: expected ${list}, got ${name}${hint}`);
}

export function portNamed(plan: Plan, name: string): PlannedPort {
  return find('port', name, plan.ports);
}

export function segmentNamed(plan: Plan, name: string): PlannedSegment {
  return find('segment', name, plan.segments);
}

export function zoneNamed(plan: Pick<Plan, 'zones'>, name: string): PlannedZone {
  return find('zone', name, plan.zones.zones);
}

export function macOf(value: unknown): bigint {
  const mac = typeof value === 'string' ? parseMac(value) : undefined;
  if (mac === undefined) {
    throw new ApiError(400, `mac: expected six bytes like 02:42:ac:11:00:02, got ${value}`);
  }
  return mac;
}

/** An address that one station can have. */
export function stationMacOf(value: unknown): bigint {
  const mac = macOf(value);
  if (mac !== 0n && !isGroupMac(mac)) return mac;
  throw new ApiError(400, `mac: expected the address of one station, got ${value}`);
}

export function kindOf(value: unknown): FdbKind {
  if (value === undefined || value === 'static') return FdbKind.Static;
  if (value === 'permanent') return FdbKind.Permanent;
  if (value === 'dynamic') return FdbKind.Dynamic;
  throw new ApiError(400, `kind: expected static, permanent or dynamic, got ${value}`);
}

/** A VLAN from a query or a body; undefined when there is none. */
export function vidOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const vid = Number(value);
  if (Number.isInteger(vid) && vid >= 1 && vid <= 4094) return vid;
  throw new ApiError(400, `vid: expected 1..4094, got ${value}`);
}

/**
 * The forwarding domain of a segment and VLAN. Without a segment: that of the port, or the
 * only one there is.
 */
export function domainNamed(
  plan: Plan,
  segmentName: string | undefined,
  vid: number | undefined,
  port?: PlannedPort,
): number {
  const only = plan.segments.length === 1 ? plan.segments[0]!.name : undefined;
  const name = segmentName ?? port?.config.segment ?? only;
  if (name === undefined) throw new ApiError(400, 'segment: expected a name, got nothing');
  const segment = segmentNamed(plan, name);
  const { vlanAware } = segment.config;
  if (vlanAware && vid === undefined) {
    throw new ApiError(400, `vid: expected a VLAN, as segment ${name} is VLAN aware, got nothing`);
  }
  if (!vlanAware && vid !== undefined) {
    throw new ApiError(400, `vid: expected none, as segment ${name} is not VLAN aware, got ${vid}`);
  }
  const domain = domainOf(segment.domains, vid ?? 0);
  if (domain !== 0) return domain;
  throw new ApiError(404, `vid: expected a VLAN of a port of segment ${name}, got ${vid}`);
}
