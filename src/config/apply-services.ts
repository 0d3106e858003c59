/**
 * Writes services of a plan into a core: what differs from the plan before. Two steps around
 * the zones: `releaseServices` takes away what goes, with the addresses it had; `writeServices`
 * writes behind the interfaces.
 */
import { Family, Status } from '../../assembly/abi.js';
import { ServiceFlag } from '../../assembly/service-abi.js';
import type { Core } from '../core.js';
import { type CoreKey, NOBODY } from '../service-table.js';
import type { Service, ServiceKey } from '../service/model.js';
import { CORE_FORWARDING, schedulerOf } from '../service/schedulers.js';
import { NO_BACKEND } from '../service/weighted.js';
import { expectOk } from '../core-status.js';
import { noRoom } from './apply-overlay.js';
import { type PlannedBackend, type PlannedService, backendKey } from './plan-services.js';
import type { Capacities } from '../core.js';

/** IANA protocol numbers. */
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
const MS_PER_SEC = 1000;

/** Keys by which packets find a service: of a range one a port. */
export function coreKeys(key: ServiceKey, iface: number): CoreKey[] {
  if (key.kind === 'mark') {
    return [{ mark: key.mark, family: key.family === 'ipv4' ? Family.Ipv4 : Family.Ipv6 }];
  }
  const { address, port, lastPort = port } = key;
  const protocol = PROTOCOLS[key.protocol];
  return Array.from({ length: lastPort - port + 1 }, (_, i) => ({
    address,
    protocol,
    port: port + i,
    iface,
  }));
}

/** What a service is, other than what it may change while it has connections. */
function placeOf({ name, index, zone, iface }: PlannedService): string {
  return [name, index, zone, iface].join();
}

function byPlace(services: readonly PlannedService[]): Map<string, PlannedService> {
  return new Map(services.map(service => [placeOf(service), service]));
}

/** Whether writing them may meet a table without room. */
export function haveOtherServices(
  wanted: readonly PlannedService[],
  previous: readonly PlannedService[],
): boolean {
  const had = byPlace(previous);
  if (takenOver(wanted, previous).size > 0) return true;
  return wanted.some(service => {
    const old = had.get(placeOf(service));
    return old === undefined || !hasSameLookup(old, service) || listOf(old) !== listOf(service);
  });
}

/** Numbers of backends that other ones have now: when no number was free. */
function takenOver(
  wanted: readonly PlannedService[],
  previous: readonly PlannedService[],
): Set<number> {
  const had = new Map<number, string>();
  for (const service of previous) {
    for (const { index, backend } of service.backends) {
      had.set(index, backendKey(service.name, backend));
    }
  }
  const taken = new Set<number>();
  for (const service of wanted) {
    for (const { index, backend } of service.backends) {
      const key = had.get(index);
      if (key !== undefined && key !== backendKey(service.name, backend)) taken.add(index);
    }
  }
  return taken;
}

/** A service that has lost these backends, and with them its table. */
function without(service: PlannedService, taken: ReadonlySet<number>): PlannedService {
  const backends = service.backends.filter(({ index }) => !taken.has(index));
  if (backends.length === service.backends.length) return service;
  const { lookup: _, ...rest } = service;
  return { ...rest, backends };
}

/** Tables are compared by what they say: they may have come by different ways. */
function hasSameLookup(
  { lookup: one }: PlannedService,
  { lookup: other }: PlannedService,
): boolean {
  if (one === other || one === undefined || other === undefined) return one === other;
  return one.length === other.length && Buffer.compare(bytesOf(one), bytesOf(other)) === 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function listOf({ backends }: PlannedService): string {
  return backends.map(({ index }) => index).join();
}

export function releaseServices(
  core: Core,
  wanted: readonly PlannedService[],
  previous: readonly PlannedService[],
): void {
  const stay = byPlace(wanted);
  const taken = takenOver(wanted, previous);
  for (const service of previous) {
    if (stay.has(placeOf(service))) {
      vacate(core, service, taken);
      continue;
    }
    for (const key of coreKeys(service.service.key, service.iface)) {
      core.services.removeKey(service.index, key);
    }
    core.services.remove(service.index);
  }
}

/** Takes backends away whose numbers are needed. */
function vacate(core: Core, service: PlannedService, taken: ReadonlySet<number>): void {
  const { index, backends } = without(service, taken);
  if (backends.length === service.backends.length) return;
  const members = backends.map(backend => backend.index);
  expectOk(core.services.setMembers(index, members), `service ${index} members`);
  for (const backend of service.backends) {
    if (taken.has(backend.index)) core.services.removeBackend(backend.index);
  }
}

/** Throws a ConfigError when a table has no room. */
export function writeServices(
  core: Core,
  wanted: readonly PlannedService[],
  previous: readonly PlannedService[],
  capacities: Capacities,
): void {
  const had = byPlace(previous);
  const taken = takenOver(wanted, previous);
  for (const service of wanted) {
    const old = had.get(placeOf(service));
    writeService(core, service, old && without(old, taken), capacities);
  }
}

/**
 * Writes a service that is new, or changes the one it was. Throws a ConfigError when a table
 * has no room; then the core is as it was.
 */
export function writeService(
  core: Core,
  planned: PlannedService,
  old: PlannedService | undefined,
  capacities: Capacities,
): void {
  const { index, service, backends } = planned;
  setRow(core, planned);
  const before = new Map(old?.backends.map(backend => [backend.index, backend]));
  const added: PlannedBackend[] = [];
  for (const backend of backends) {
    const was = before.get(backend.index);
    before.delete(backend.index);
    if (was === undefined) added.push(backend);
    if (was === undefined || !isSame(was, backend)) writeBackend(core, planned, backend);
  }
  if (!writeMembers(core, planned, old)) {
    for (const backend of added) core.services.removeBackend(backend.index);
    if (old === undefined) core.services.remove(index);
    else restoreRows(core, planned, old);
    const what = 'its backends and lookup table';
    throw noRoom(pathOf(planned), what, 'balanceBytes', capacities.BalanceBytes);
  }
  for (const gone of before.keys()) core.services.removeBackend(gone);
  if (old === undefined) addKeys(core, planned, service.key, capacities);
}

function setRow(core: Core, { index, zone, service }: PlannedService): void {
  core.services.set(index, {
    zone,
    scheduler: schedulerOf(service.scheduler),
    flags: flagsOf(service),
    persistenceMs: (service.persistence?.timeoutSec ?? 0) * MS_PER_SEC,
    maskBits: service.persistence?.maskBits ?? 0,
  });
}

/** What a service and those of its backends that were there before said. */
function restoreRows(core: Core, planned: PlannedService, old: PlannedService): void {
  setRow(core, old);
  const now = new Map(planned.backends.map(backend => [backend.index, backend]));
  for (const backend of old.backends) {
    const changed = now.get(backend.index);
    if (changed !== undefined && !isSame(changed, backend)) writeBackend(core, old, backend);
  }
}

function addKeys(
  core: Core,
  planned: PlannedService,
  key: ServiceKey,
  capacities: Capacities,
): void {
  const { index, iface, name } = planned;
  const keys = coreKeys(key, iface);
  const refused = keys.findIndex(one => core.services.addKey(index, one) !== Status.Ok);
  if (refused < 0) return;
  for (const added of keys.slice(0, refused)) core.services.removeKey(index, added);
  core.services.remove(index);
  throw noRoom(pathOf(planned), name, 'serviceKeys', capacities.ServiceKeys);
}

function flagsOf({ flags, isOnePacket }: Service): number {
  const bits = flags.map(flag =>
    flag.endsWith('-port') ? ServiceFlag.HashPort : ServiceFlag.Fallback,
  );
  return bits.reduce((sum: number, bit) => sum | bit, isOnePacket ? ServiceFlag.OnePacket : 0);
}

function isSame({ backend: one }: PlannedBackend, { backend: other }: PlannedBackend): boolean {
  return one.weight === other.weight && one.upper === other.upper && one.lower === other.lower;
}

function writeBackend(
  core: Core,
  { index }: PlannedService,
  { index: id, backend }: PlannedBackend,
): void {
  const { forwarding, ...row } = backend;
  if (forwarding === 'tunnel') throw new Error('service: tunnels are not to be had');
  const status = core.services.setBackend(id, index, {
    ...row,
    forwarding: CORE_FORWARDING[forwarding],
  });
  if (status !== Status.Ok) throw new Error(`core: backend ${id}: ${Status[status]}`);
}

/** List and table, unless both are as they were. False: there is no room. */
function writeMembers(
  core: Core,
  planned: PlannedService,
  old: PlannedService | undefined,
): boolean {
  const { index, backends, lookup } = planned;
  const isSameList = old !== undefined && listOf(old) === listOf(planned);
  if (isSameList && hasSameLookup(old, planned)) return true;
  const members = Uint32Array.from(backends, backend => backend.index);
  const table = new Uint32Array(lookup?.length ?? 0);
  for (let slot = 0; slot < table.length; slot++) {
    const place = lookup![slot]!;
    table[slot] = place === NO_BACKEND ? NOBODY : members[place]!;
  }
  const status = core.services.setMembers(index, members, table);
  if (status === Status.Ok) return true;
  if (status === Status.Full) return false;
  throw new Error(`core: service ${index}: ${Status[status]}`);
}

function pathOf({ name }: PlannedService): string {
  const [zone = ''] = name.split(' ');
  return `zones.${zone}.services`;
}
