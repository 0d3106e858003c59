/**
 * Endpoints of a running core, beside the packet loop: keeps the records, and writes what
 * they change into the core, between two batches. A change that finds no room is taken back.
 */
import { FdbKind, Status } from '../../assembly/abi.js';
import { applyPlan } from '../config/apply.js';
import { type VtepNumbers, insertVtep, noRoom } from '../config/apply-overlay.js';
import type { Plan } from '../config/plan.js';
import { type VtepKey, ipOf } from '../config/plan-overlay.js';
import type { Core } from '../core.js';
import { parseIp } from '../frame/address.js';
import { macText } from '../frame/mac.js';
import {
  type EndpointChange,
  type EndpointRecord,
  EndpointTable,
  type Place,
} from './endpoints.js';
import {
  configuredRecords,
  fits,
  isConfigured,
  portOf,
  vtepOf,
  withEndpoints,
} from './plan-endpoints.js';

/** Which records to take away. */
export type EndpointSelector =
  | { domain: number; id: string }
  | { domain: number; mac: bigint; place?: Place }
  | { domain: number; ip: string; mac?: bigint };

export interface Removed {
  removed: number;
  /** Ids of whole endpoints that say the same, and stay. */
  keptBy: string[];
}

/** A record, and whether it is in force for where its address is, and for its neighbour. */
export interface ShownEndpoint {
  record: EndpointRecord;
  isPlaced: boolean;
  isNeighbour: boolean;
  isConfigured: boolean;
}

export class EndpointControl {
  private table = new EndpointTable();
  /** As configured. */
  private plan: Plan | undefined;
  private vteps: VtepNumbers = new Map();
  private ports = new Map<string, number>();

  constructor(private readonly core: Core) {}

  /** `before` is the plan the core has, as the caller knows it. All of it or nothing. */
  apply(plan: Plan, before: Plan | undefined): void {
    const next = this.table.fork();
    const old = before === undefined ? undefined : withEndpoints(before, this.table);
    const isFit = fits(plan);
    for (const record of [...next.all()]) {
      if (!isConfigured(record) && !isFit(record)) next.remove(record.domain, record.id);
    }
    reconfigure(next, plan, this.plan);
    this.vteps = applyPlan(this.core, withEndpoints(plan, next), old);
    this.table = next;
    this.plan = plan;
    this.ports = new Map(plan.ports.map(({ name, index }) => [name, index]));
  }

  /** Throws a `ConfigError` when there is no room; then nothing has changed. */
  add(record: EndpointRecord): void {
    const { table } = this;
    const old = table.get(record.domain, record.id);
    const changes = table.add(record);
    try {
      for (const change of changes) this.write(change);
    } catch (error) {
      const back = old === undefined ? table.remove(record.domain, record.id) : table.add(old);
      for (const change of back) this.write(change);
      throw error;
    }
  }

  /** Records of whole endpoints go only by their id. */
  remove(selector: EndpointSelector): Removed {
    const found = this.select(selector);
    const isWhole = ({ place, ip }: EndpointRecord): boolean =>
      place !== undefined && ip !== undefined;
    const going = 'id' in selector ? found : found.filter(record => !isWhole(record));
    for (const { domain, id } of going) {
      for (const change of this.table.remove(domain, id)) this.write(change);
    }
    const kept = found.filter(record => !going.includes(record));
    return { removed: going.length, keptBy: kept.map(({ id }) => id) };
  }

  private select(selector: EndpointSelector): EndpointRecord[] {
    const { domain } = selector;
    if ('id' in selector) {
      const found = this.table.get(domain, selector.id);
      return found === undefined ? [] : [found];
    }
    if ('ip' in selector) {
      const { ip, mac } = selector;
      return this.table.neighboursOf(domain, ip).filter(one => (mac ?? one.mac) === one.mac);
    }
    const { mac, place } = selector;
    return this.table.placesOf(domain, mac).filter(one => (place ?? one.place) === one.place);
  }

  /** Takes away what says where addresses of a domain (none: any) or a port are. Returns how many. */
  flush(filter: { domain?: number; port?: number }): number {
    let removed = 0;
    for (const { domain, id, place } of [...this.table.all()]) {
      if (place === undefined || (filter.domain ?? domain) !== domain) continue;
      const port = portOf(place);
      const index = port === undefined ? undefined : this.ports.get(port);
      if (filter.port !== undefined && filter.port !== index) continue;
      for (const change of this.table.remove(domain, id)) this.write(change);
      removed++;
    }
    return removed;
  }

  /** Whether an address is somewhere by a record. */
  has(domain: number, mac: bigint): boolean {
    return this.table.placesOf(domain, mac).length > 0;
  }

  show(): ShownEndpoint[] {
    const { table } = this;
    return Array.from(table.all(), record => {
      const { domain, mac, ip, place } = record;
      return {
        record,
        isPlaced: place !== undefined && table.placesOf(domain, mac).at(-1) === record,
        isNeighbour: ip !== undefined && table.neighboursOf(domain, ip).at(-1) === record,
        isConfigured: isConfigured(record),
      };
    });
  }

  private write(change: EndpointChange): void {
    switch (change.kind) {
      case 'place':
        return this.writePlace(change.domain, change.place, change.isUsed);
      case 'fdb':
        return this.writeEntry(change.domain, change.mac, change.place);
      case 'neighbour':
        return this.writeNeighbour(change);
    }
  }

  /** A tunnel end may send where addresses are behind it. */
  private writePlace(domain: number, place: Place, isUsed: boolean): void {
    const key = vtepOf(place);
    const overlay = this.plan?.overlays.find(other => other.domain === domain);
    if (key === undefined || overlay === undefined) return;
    const { overlays } = this.core;
    if (isUsed) {
      const { underlay, name, index } = overlay;
      const vtep = { key, underlay, ip: ipOf(key), mtuBytes: 0 };
      const number = this.vteps.get(key) ?? insertVtep(this.core, this.plan!, vtep);
      this.vteps.set(key, number);
      const status = overlays.allowPeer(index, number, true);
      if (status === Status.Ok) return;
      throw noRoom(
        `segments.${name}.overlay.peers`,
        ipOf(key),
        'peers',
        this.plan!.capacities.Peers,
      );
    }
    const number = this.vteps.get(key);
    if (number === undefined || overlay.senders.includes(key)) return;
    overlays.allowPeer(overlay.index, number, false);
    this.core.fdbFlush({ port: overlays.placeOf(number), domain });
    if (this.isNeeded(key, place)) return;
    overlays.removeVtep(number);
    this.vteps.delete(key);
  }

  /** Whether anything else names a tunnel end. */
  private isNeeded(key: VtepKey, place: Place): boolean {
    const { vteps, overlays } = this.plan!;
    if (vteps.some(vtep => vtep.key === key)) return true;
    return overlays.some(({ domain }) => this.table.isUsed(domain, place));
  }

  private writeEntry(domain: number, mac: bigint, place: Place | undefined): void {
    if (place === undefined) {
      this.core.fdbRemove(mac, domain);
      return;
    }
    const kind = place === 'self' ? FdbKind.Permanent : FdbKind.Static;
    const status = this.core.fdbInsert({ mac, domain, port: this.portAt(place), kind });
    if (status === Status.Ok) return;
    if (status === Status.OutOfRange) throw new Error('fdb: no such port or domain');
    throw noRoom('fdb', macText(mac), 'fdbEntries', this.plan?.capacities.FdbEntries);
  }

  private portAt(place: Place): number {
    const vtep = vtepOf(place);
    const port = portOf(place);
    const number = vtep === undefined ? undefined : this.vteps.get(vtep);
    if (number !== undefined) return this.core.overlays.placeOf(number);
    return (port === undefined ? undefined : this.ports.get(port)) ?? this.plan!.capacities.Ports;
  }

  private writeNeighbour(change: Extract<EndpointChange, { kind: 'neighbour' }>): void {
    const { domain, mac, isRouter = false } = change;
    const ip = parseIp(change.ip)!;
    if (mac === undefined) {
      this.core.neighbours.remove(ip, domain);
      return;
    }
    const status = this.core.neighbours.insert({ ip, domain, mac, isRouter });
    if (status === Status.Ok) return;
    throw noRoom('neighbours', change.ip, 'neighbours', this.plan?.capacities.Neighbours);
  }
}

/** Takes over what has changed in the configuration, as the newest. */
function reconfigure(table: EndpointTable, plan: Plan, previous: Plan | undefined): void {
  const keyOf = ({ domain, id }: EndpointRecord): string => `${domain} ${id}`;
  const records = configuredRecords(plan);
  const old = previous === undefined ? [] : configuredRecords(previous);
  const before = new Map(old.map(record => [keyOf(record), record]));
  const now = new Set(records.map(keyOf));
  for (const record of old) if (!now.has(keyOf(record))) table.remove(record.domain, record.id);
  for (const record of records) {
    const was = before.get(keyOf(record));
    const isSame =
      was?.mac === record.mac && was.place === record.place && was.isRouter === record.isRouter;
    if (!isSame) table.add(record);
  }
}
