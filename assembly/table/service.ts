/**
 * Services: virtual IPs of zones (features §7). A service is known by keys: a protocol, an
 * address and a port, or all ports; or a mark. Several keys may lead to one service, as of a
 * range of ports. Rows are found by numbers that the host gives; keys by a hash table whose key
 * is a secret hash, compared in full with its row.
 *
 * Its backends are a list of numbers in a block (blocks.ts) in the host's order; schedulers
 * that look up have a table of such numbers in another. Both are made outside and put in place
 * between two batches.
 */
import { Capacity } from '../abi';
import { Core, SERVICE_BYTES, SERVICE_KEY_ROW_BYTES } from '../memory';
import { ServiceFlag } from '../service-abi';
import { Backend, indexOfReference } from './backend';
import { Blocks } from './blocks';
import { Buckets, mix } from './buckets';
import { rank } from './ranking';
import { Zone } from './zone';

const ZONE_SHIFT: u64 = 32;
const PROTOCOL_SHIFT: u64 = 48;
const PORT_SHIFT: u64 = 16;
/** Of keys that are marks: no protocol. */
const MARK_PROTOCOL: u32 = 0xff;

@unmanaged
export class Service {
  /** 1: it is a service. */
  inUse: u32;
  zone: u32;
  scheduler: u32;
  flags: u32;
  /** 0: not persistent. */
  persistenceMs: u32;
  maskBits: u32;
  /** Numbers of its backends, in order. */
  members: usize;
  memberCount: u32;
  /** Numbers of backends by hash; 0: it has none. */
  lookup: usize;
  lookupSize: u32;
  /** Place of the backend chosen last, and weight it was chosen by: rr, wrr. */
  cursor: u32;
  cursorWeight: u32;
  /** Of the weights of its backends. */
  weightDivisor: u32;
  weightMost: u32;
  index: u32;
  /** Keys that lead here. */
  keys: u32;
  /** Choices made: what random ones go by. */
  choices: u64;
  /** Of backends that are gone. */
  connections: u64;
  inPackets: u64;
  inBytes: u64;
  outPackets: u64;
  outBytes: u64;
  /** First packets that nobody could take. */
  refused: u64;
  /** table/ranking.ts; 0: it has none. */
  ranking: usize;
  /** 1: clients or destinations have been given a backend. */
  hasAffinities: u32;

  static at(services: usize, index: u32): Service {
    return changetype<Service>(services + <usize>index * SERVICE_BYTES);
  }

  has(flag: ServiceFlag): bool {
    return (this.flags & (<u32>flag)) != 0;
  }

  /** Member `place` of a service; it is there. */
  member(core: Core, place: u32): Backend {
    return Backend.at(core.backends, load<u32>(this.members + ((<usize>place) << 2)));
  }

  /** Backend at a place of the lookup table; null: nobody's. */
  lookedUp(core: Core, place: u32): Backend {
    const index = load<u32>(this.lookup + ((<usize>place) << 2));
    const none = changetype<Backend>(0);
    if (index >= core.capacity(Capacity.Backends)) return none;
    const backend = Backend.at(core.backends, index);
    return backend.service == this.index + 1 ? backend : none;
  }
}

if (offsetof<Service>() != SERVICE_BYTES) ERROR('Service must be SERVICE_BYTES long');

@unmanaged
class KeyRow {
  head: u64;
  tail: u64;
  /** Zone, port, protocol. */
  place: u64;
  /** Service + 1; 0: free. */
  service: u32;
  /** Of free rows: the next, + 1. */
  next: u32;
}

if (offsetof<KeyRow>() != SERVICE_KEY_ROW_BYTES) ERROR('KeyRow must be 32 bytes');

function keyRow(core: Core, index: u32): KeyRow {
  return changetype<KeyRow>(core.serviceKeyRows + <usize>index * SERVICE_KEY_ROW_BYTES);
}

function placeOf(zone: u32, protocol: u32, port: u32): u64 {
  return (<u64>port) | ((<u64>zone) << PORT_SHIFT) | ((<u64>protocol) << PROTOCOL_SHIFT);
}

function hashOf(core: Core, head: u64, tail: u64, place: u64): u64 {
  return mix(mix(mix(head ^ core.salt) ^ tail) ^ place ^ ((<u64>1) << ZONE_SHIFT)) | 1;
}

/** The service of an address, protocol and port (0: all ports) of a zone; null: none. */
export function serviceAt(
  core: Core,
  zone: u32,
  head: u64,
  tail: u64,
  protocol: u32,
  port: u32,
): Service {
  return find(core, head, tail, placeOf(zone, protocol, port));
}

/** The service of a mark. */
export function serviceOfMark(core: Core, zone: u32, family: u32, mark: u32): Service {
  return find(core, family, mark, placeOf(zone, MARK_PROTOCOL, 0));
}

function find(core: Core, head: u64, tail: u64, place: u64): Service {
  const none = changetype<Service>(0);
  const found = Buckets.at(core.serviceKeys).lookup(hashOf(core, head, tail, place));
  if (found == 0) return none;
  const row = keyRow(core, load<u32>(found));
  if (row.head != head || row.tail != tail || row.place != place) return none;
  return Service.at(core.services, row.service - 1);
}

/** Leads a key to a service. False: there is no room, or another service has it. */
export function addKey(
  core: Core,
  service: Service,
  head: u64,
  tail: u64,
  protocol: u32,
  port: u32,
): bool {
  const place = placeOf(service.zone, protocol, port);
  const old = find(core, head, tail, place);
  if (changetype<usize>(old) != 0) return old == service;
  const keys = Buckets.at(core.serviceKeys);
  const index = keys.entries;
  if (index == core.capacity(Capacity.ServiceKeys)) return false;
  const free = core.serviceKeyFree != 0 ? core.serviceKeyFree - 1 : index;
  const row = keyRow(core, free);
  const next = row.next;
  if (!keys.insert(hashOf(core, head, tail, place), free)) return false;
  if (core.serviceKeyFree != 0) core.serviceKeyFree = next;
  row.head = head;
  row.tail = tail;
  row.place = place;
  row.service = service.index + 1;
  service.keys++;
  Zone.at(core.zones, service.zone).serviceKeys++;
  return true;
}

/** Takes a key away. False: it does not lead to this service. */
export function removeKey(
  core: Core,
  service: Service,
  head: u64,
  tail: u64,
  protocol: u32,
  port: u32,
): bool {
  const place = placeOf(service.zone, protocol, port);
  if (find(core, head, tail, place) != service) return false;
  const keys = Buckets.at(core.serviceKeys);
  const found = keys.lookup(hashOf(core, head, tail, place));
  const index = load<u32>(found);
  const row = keyRow(core, index);
  keys.removeAt(found);
  row.service = 0;
  row.next = core.serviceKeyFree;
  core.serviceKeyFree = index + 1;
  service.keys--;
  Zone.at(core.zones, service.zone).serviceKeys--;
  return true;
}

export const PROTOCOL_OF_MARKS: u32 = MARK_PROTOCOL;

/** The backend a reference means; null: it is gone. */
export function backendOf(core: Core, reference: u32): Backend {
  const none = changetype<Backend>(0);
  if (reference == 0) return none;
  const index = indexOfReference(reference);
  if (index >= core.capacity(Capacity.Backends)) return none;
  const backend = Backend.at(core.backends, index);
  return backend.isMeantBy(reference) ? backend : none;
}

/** What round robin goes by: the greatest common divisor and the most of the weights. */
export function weigh(core: Core, service: Service): void {
  let divisor: u32 = 0;
  let most: u32 = 0;
  for (let i: u32 = 0; i < service.memberCount; i++) {
    const weight = service.member(core, i).weight;
    most = max(most, weight);
    divisor = commonDivisor(divisor, weight);
  }
  service.weightDivisor = divisor;
  service.weightMost = most;
}

function commonDivisor(a: u32, b: u32): u32 {
  while (b != 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/** Takes a list, and maybe a lookup table, into use; the ones before are given back. */
export function useMembers(core: Core, service: Service, list: usize, count: u32): void {
  const blocks = Blocks.at(core.balanceBlocks);
  if (service.members != list) blocks.giveBack(service.members);
  service.members = list;
  service.memberCount = count;
  service.cursor = count == 0 ? 0 : min(service.cursor, count - 1);
  weigh(core, service);
  rank(core, service);
}

export function useLookup(core: Core, service: Service, table: usize, size: u32): void {
  if (service.lookup != table) Blocks.at(core.balanceBlocks).giveBack(service.lookup);
  service.lookup = table;
  service.lookupSize = size;
}
