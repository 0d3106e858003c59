/**
 * Endpoints: who is where, as the control plane says, at run time and in the configuration
 * (features OV-10, OV-14). A record ties a MAC address to a place (a port or a tunnel end),
 * to an IP address, or to both. Pure bookkeeping: what changes for the core is returned.
 *
 * While an endpoint moves between hosts, its records from the old and the new place overlap.
 * All are kept and one is in force: the newest, since where somebody last said it is is where
 * it went. When that one goes, the newest of the others takes over. Records that agree share
 * what is in force, which goes with the last of them.
 *
 * Everything is looked up by key; adding and removing cost what the records of one address
 * cost, which are few.
 */

/** What is equal is one place: `port web`, `vtep fabric 192.168.0.3`, or `self`. */
export type Place = `port ${string}` | `vtep ${string}` | 'self';

export interface EndpointRecord {
  /** Unique in the domain; the same again replaces. */
  id: string;
  /** Forwarding domain. */
  domain: number;
  mac: bigint;
  /** None: says nothing about neighbours. */
  ip?: string;
  isRouter?: boolean;
  /** None: says nothing about where the address is. */
  place?: Place;
}

/** What the core must be told, in this order. */
export type EndpointChange =
  /** Where an address is now; nowhere: it goes. */
  | { kind: 'fdb'; domain: number; mac: bigint; place?: Place }
  | { kind: 'neighbour'; domain: number; ip: string; mac?: bigint; isRouter?: boolean }
  /** The first record of a place in a domain has come, or the last has gone. */
  | { kind: 'place'; domain: number; place: Place; isUsed: boolean };

type Lists = Map<string, EndpointRecord[]>;

const macKey = (domain: number, mac: bigint): string => `${domain} ${mac}`;
const ipKey = (domain: number, ip: string): string => `${domain} ${ip}`;
const placeKey = ipKey;

export class EndpointTable {
  private readonly records = new Map<string, EndpointRecord>();
  /** Oldest first: the last is in force. */
  private readonly byMac: Lists = new Map();
  private readonly byIp: Lists = new Map();
  /** Records of a place in a domain. */
  private readonly uses = new Map<string, number>();

  /** A copy; what happens to it does not happen to this one. */
  fork(): EndpointTable {
    const copy = new EndpointTable();
    for (const record of this.records.values()) copy.put(record);
    return copy;
  }

  get(domain: number, id: string): EndpointRecord | undefined {
    return this.records.get(ipKey(domain, id));
  }

  /** All records, oldest first. */
  all(): IterableIterator<EndpointRecord> {
    return this.records.values();
  }

  /** Records that say where an address is, oldest first. */
  placesOf(domain: number, mac: bigint): readonly EndpointRecord[] {
    return this.byMac.get(macKey(domain, mac)) ?? [];
  }

  /** Records of a neighbour, oldest first. */
  neighboursOf(domain: number, ip: string): readonly EndpointRecord[] {
    return this.byIp.get(ipKey(domain, ip)) ?? [];
  }

  /** Whether any record of the domain is at the place. */
  isUsed(domain: number, place: Place): boolean {
    return this.uses.has(placeKey(domain, place));
  }

  /** What is in force: one record for each address that is somewhere. */
  *placed(): Generator<EndpointRecord> {
    for (const list of this.byMac.values()) yield list.at(-1)!;
  }

  /** Likewise, one for each neighbour. */
  *neighbours(): Generator<EndpointRecord> {
    for (const list of this.byIp.values()) yield list.at(-1)!;
  }

  /** Adds a record as the newest, or replaces the one of its id. The same again: no change. */
  add(record: EndpointRecord): EndpointChange[] {
    const old = this.get(record.domain, record.id);
    if (old !== undefined && isSame(old, record)) return [];
    return this.change([record, ...(old === undefined ? [] : [old])], () => {
      if (old !== undefined) this.take(old);
      this.put(record);
    });
  }

  /** Nothing changes when there is none. */
  remove(domain: number, id: string): EndpointChange[] {
    const old = this.get(domain, id);
    return old === undefined ? [] : this.change([old], () => this.take(old));
  }

  /** Does something to records; the difference it makes. */
  private change(touched: EndpointRecord[], act: () => void): EndpointChange[] {
    const keys = new Touched(touched);
    const before = keys.look(this);
    act();
    return keys.differences(this, before);
  }

  private put(record: EndpointRecord): void {
    const { domain, id, mac, ip, place } = record;
    this.records.set(ipKey(domain, id), record);
    if (place !== undefined) {
      append(this.byMac, macKey(domain, mac), record);
      const key = placeKey(domain, place);
      this.uses.set(key, (this.uses.get(key) ?? 0) + 1);
    }
    if (ip !== undefined) append(this.byIp, ipKey(domain, ip), record);
  }

  private take(record: EndpointRecord): void {
    const { domain, id, mac, ip, place } = record;
    this.records.delete(ipKey(domain, id));
    if (place !== undefined) {
      without(this.byMac, macKey(domain, mac), record);
      const key = placeKey(domain, place);
      const left = this.uses.get(key)! - 1;
      if (left === 0) this.uses.delete(key);
      else this.uses.set(key, left);
    }
    if (ip !== undefined) without(this.byIp, ipKey(domain, ip), record);
  }
}

function append(lists: Lists, key: string, record: EndpointRecord): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [record]);
  else list.push(record);
}

function without(lists: Lists, key: string, record: EndpointRecord): void {
  const left = lists.get(key)!.filter(other => other !== record);
  if (left.length === 0) lists.delete(key);
  else lists.set(key, left);
}

function isSame(a: EndpointRecord, b: EndpointRecord): boolean {
  const isRouter = (a.isRouter ?? false) === (b.isRouter ?? false);
  return a.mac === b.mac && a.ip === b.ip && a.place === b.place && isRouter;
}

/** What was in force for the addresses of some records, at a time. */
interface Look {
  places: (Place | undefined)[];
  neighbours: (EndpointRecord | undefined)[];
  uses: boolean[];
}

/** The addresses and places that a change to some records can make a difference to. */
class Touched {
  private readonly macs: EndpointRecord[];
  private readonly ips: EndpointRecord[];
  private readonly places: EndpointRecord[];

  constructor(records: readonly EndpointRecord[]) {
    const placed = records.filter(({ place }) => place !== undefined);
    this.macs = unique(placed, ({ domain, mac }) => macKey(domain, mac));
    this.places = unique(placed, ({ domain, place }) => placeKey(domain, place!));
    const named = records.filter(({ ip }) => ip !== undefined);
    this.ips = unique(named, ({ domain, ip }) => ipKey(domain, ip!));
  }

  look(table: EndpointTable): Look {
    return {
      places: this.macs.map(({ domain, mac }) => table.placesOf(domain, mac).at(-1)?.place),
      neighbours: this.ips.map(({ domain, ip }) => table.neighboursOf(domain, ip!).at(-1)),
      uses: this.places.map(({ domain, place }) => table.isUsed(domain, place!)),
    };
  }

  /** Places that are new come first, those that are no more last. */
  differences(table: EndpointTable, before: Look): EndpointChange[] {
    const after = this.look(table);
    const entries = this.macs.flatMap(({ domain, mac }, i): EndpointChange[] => {
      const place = after.places[i];
      if (place === before.places[i]) return [];
      return [{ kind: 'fdb', domain, mac, ...(place !== undefined && { place }) }];
    });
    const neighbours = this.ips.flatMap(({ domain, ip }, i): EndpointChange[] => {
      const [old, now] = [before.neighbours[i], after.neighbours[i]];
      if (old?.mac === now?.mac && old?.isRouter === now?.isRouter) return [];
      const { mac, isRouter = false } = now ?? {};
      return [{ kind: 'neighbour', domain, ip: ip!, ...(mac !== undefined && { mac, isRouter }) }];
    });
    const uses = (wanted: boolean): EndpointChange[] =>
      this.places.flatMap(({ domain, place }, i): EndpointChange[] => {
        if (after.uses[i] === before.uses[i] || after.uses[i] !== wanted) return [];
        return [{ kind: 'place', domain, place: place!, isUsed: wanted }];
      });
    return [...uses(true), ...entries, ...neighbours, ...uses(false)];
  }
}

function unique<T>(all: readonly T[], keyOf: (one: T) => string): T[] {
  return [...new Map(all.map(one => [keyOf(one), one])).values()];
}
