/**
 * Control: changes to services between batches (`ServiceRecord`, `ServiceKey`, `BackendRecord`
 * in scratch). Numbers of services and backends are the host's. A change touches the service
 * it is about and nobody else's flows.
 */
import { Capacity, Family, Status } from './abi';
import { Core } from './memory';
import {
  BACKEND_RECORD_BYTES,
  BackendRecord,
  Forwarding,
  MOST_BACKENDS,
  MOST_LOOKUP,
  SERVICE_SUMS_BYTES,
  Scheduler,
  ServiceKey,
  ServiceKeyKind,
  ServiceRecord,
  ServiceSums,
} from './service-abi';
import { familyOf, headAt, storeAddress, tailAt } from './table/address';
import { Purpose, forgetAffinities, ownerOf } from './table/affinity';
import { Backend } from './table/backend';
import { Blocks } from './table/blocks';
import {
  PROTOCOL_OF_MARKS,
  Service,
  addKey,
  removeKey,
  useLookup,
  useMembers,
  weigh,
} from './table/service';
import { rank, rerank } from './table/ranking';
import { foldShares, retireShares } from './table/share';
import { holdVip, releaseVip } from './table/vip';

const MOST_WEIGHT: u32 = 65535;
const MOST_PORT: u32 = 65535;
const WORD: u32 = 4;
const TCP: u32 = 6;
const UDP: u32 = 17;
const SCTP: u32 = 132;

/** Makes number `index` the service in scratch, or changes it. */
export function serviceSet(core: Core, index: u32): Status {
  if (index >= core.capacity(Capacity.Services)) return Status.OutOfRange;
  const record = core.scratch;
  const zone: u32 = load<u16>(record, ServiceRecord.Zone);
  const scheduler: u32 = load<u8>(record, ServiceRecord.Scheduler);
  const maskBits: u32 = load<u8>(record, ServiceRecord.MaskBits);
  if (zone >= core.capacity(Capacity.Zones) || scheduler >= <u32>Scheduler.Count) {
    return Status.OutOfRange;
  }
  if (maskBits > 128) return Status.OutOfRange;
  const service = Service.at(core.services, index);
  if (service.inUse != 0 && service.zone != zone) return Status.OutOfRange;
  const isOtherMask = service.maskBits != maskBits;
  if (service.inUse != 0 && isOtherMask) {
    forgetAffinities(core, ownerOf(service, Purpose.Persistence));
  }
  service.inUse = 1;
  service.index = index;
  service.zone = zone;
  service.scheduler = scheduler;
  service.flags = load<u8>(record, ServiceRecord.Flags);
  service.persistenceMs = load<u32>(record, ServiceRecord.PersistenceMs);
  service.maskBits = maskBits;
  rank(core, service);
  return Status.Ok;
}

/** Takes a service away that has no keys; its backends go with it. */
export function serviceRemove(core: Core, index: u32): Status {
  if (index >= core.capacity(Capacity.Services)) return Status.OutOfRange;
  const service = Service.at(core.services, index);
  if (service.inUse == 0) return Status.NotFound;
  if (service.keys != 0) return Status.OutOfRange;
  for (let place: u32 = 0; place < service.memberCount; place++) {
    retire(core, service.member(core, place));
  }
  forgetAffinities(core, ownerOf(service, Purpose.Persistence));
  forgetAffinities(core, ownerOf(service, Purpose.Locality));
  useMembers(core, service, 0, 0);
  useLookup(core, service, 0, 0);
  memory.fill(changetype<usize>(service), 0, offsetof<Service>());
  return Status.Ok;
}

/** Leads the key in scratch to a service, or no longer. */
export function serviceKey(core: Core, index: u32, isWanted: bool): Status {
  if (index >= core.capacity(Capacity.Services)) return Status.OutOfRange;
  const service = Service.at(core.services, index);
  const record = core.scratch;
  const family: u32 = load<u8>(record, ServiceKey.Family);
  if (service.inUse == 0 || !isFamily(family)) return Status.OutOfRange;
  if (load<u8>(record, ServiceKey.Kind) == <u8>ServiceKeyKind.Mark) {
    const mark: u64 = load<u32>(record, ServiceKey.Mark);
    if (mark == 0) return Status.OutOfRange;
    if (!isWanted) {
      const isGone = removeKey(core, service, family, mark, PROTOCOL_OF_MARKS, 0);
      return isGone ? Status.Ok : Status.NotFound;
    }
    return addKey(core, service, family, mark, PROTOCOL_OF_MARKS, 0) ? Status.Ok : Status.Full;
  }
  const protocol: u32 = load<u8>(record, ServiceKey.Protocol);
  const port: u32 = load<u16>(record, ServiceKey.Port);
  const iface: u32 = load<u16>(record, ServiceKey.Interface);
  if (protocol != TCP && protocol != UDP && protocol != SCTP) return Status.OutOfRange;
  if (iface >= core.capacity(Capacity.Interfaces)) return Status.OutOfRange;
  const head = headAt(record + <usize>ServiceKey.Address, family);
  const tail = tailAt(record + <usize>ServiceKey.Address, family);
  if (!isWanted) {
    if (!removeKey(core, service, head, tail, protocol, port)) return Status.NotFound;
    releaseVip(core, service.zone, head, tail);
    return Status.Ok;
  }
  const before = service.keys;
  if (!addKey(core, service, head, tail, protocol, port)) return Status.Full;
  if (service.keys == before) return Status.Ok; // it had it
  if (holdVip(core, service.zone, iface, head, tail)) return Status.Ok;
  removeKey(core, service, head, tail, protocol, port);
  return Status.Full;
}

function isFamily(family: u32): bool {
  return family == Family.Ipv4 || family == Family.Ipv6;
}

/** Makes number `index` the backend of a service in scratch, or changes its weight and limits. */
export function backendSet(core: Core, index: u32, service: u32): Status {
  if (index >= min(core.capacity(Capacity.Backends), MOST_BACKENDS)) return Status.OutOfRange;
  if (service >= core.capacity(Capacity.Services)) return Status.OutOfRange;
  const owner = Service.at(core.services, service);
  const record = core.scratch;
  const family: u32 = load<u8>(record, BackendRecord.Family);
  const forwarding: u32 = load<u8>(record, BackendRecord.Forwarding);
  const weight = load<u32>(record, BackendRecord.Weight);
  if (owner.inUse == 0 || !isFamily(family) || weight > MOST_WEIGHT) return Status.OutOfRange;
  if (forwarding > <u32>Forwarding.Direct) return Status.OutOfRange;
  const head = headAt(record + <usize>BackendRecord.Address, family);
  const tail = tailAt(record + <usize>BackendRecord.Address, family);
  const port: u32 = load<u16>(record, BackendRecord.Port);
  const backend = Backend.at(core.backends, index);
  if (!backend.inUse) {
    const incarnation = backend.incarnation;
    memory.fill(changetype<usize>(backend), 0, offsetof<Backend>());
    backend.incarnation = incarnation + 1;
    backend.index = index;
    backend.service = service + 1;
    backend.head = head;
    backend.tail = tail;
    backend.port = port;
    backend.forwarding = forwarding;
  } else {
    if (backend.service != service + 1 || backend.forwarding != forwarding)
      return Status.OutOfRange;
    if (backend.head != head || backend.tail != tail || backend.port != port) {
      return Status.OutOfRange;
    }
  }
  backend.weight = weight;
  backend.upper = load<u32>(record, BackendRecord.Upper);
  backend.lower = load<u32>(record, BackendRecord.Lower);
  backend.checkLoad();
  weigh(core, owner);
  rerank(core, backend);
  return Status.Ok;
}

/** Takes a backend away that is in its service's list no more. */
export function backendRemove(core: Core, index: u32): Status {
  if (index >= core.capacity(Capacity.Backends)) return Status.OutOfRange;
  const backend = Backend.at(core.backends, index);
  if (!backend.inUse) return Status.NotFound;
  const service = Service.at(core.services, backend.service - 1);
  for (let place: u32 = 0; place < service.memberCount; place++) {
    if (service.member(core, place) == backend) return Status.OutOfRange;
  }
  retire(core, backend);
  return Status.Ok;
}

/** Its flows find out at their next packets; what it has counted stays with its service. */
function retire(core: Core, backend: Backend): void {
  retireShares(core, backend);
  const service = Service.at(core.services, backend.service - 1);
  service.connections += backend.connections;
  service.inPackets += backend.inPackets;
  service.inBytes += backend.inBytes;
  service.outPackets += backend.outPackets;
  service.outBytes += backend.outBytes;
  backend.service = 0;
}

/** Address of a block of `words` u32 for `serviceMembers`; 0: there is no room. */
export function blockTake(core: Core, words: u32): usize {
  if (words == 0 || words > <u32>MOST_LOOKUP + 1) return 0;
  return Blocks.at(core.balanceBlocks).take(words * WORD);
}

/** Gives back a block that was not used after all; 0: none. */
export function blockGiveBack(core: Core, block: usize): void {
  const blocks = Blocks.at(core.balanceBlocks);
  if (blocks.isTaken(block, 0)) blocks.giveBack(block);
}

/**
 * Takes the list of a service's backends, `count` numbers in a block, and its lookup table of
 * `size` numbers in another (0 and 0: none) into use. On an error the blocks are given back.
 */
export function serviceMembers(
  core: Core,
  index: u32,
  list: usize,
  count: u32,
  table: usize,
  size: u32,
): Status {
  const blocks = Blocks.at(core.balanceBlocks);
  const isListThere = count == 0 ? list == 0 : blocks.isTaken(list, count * WORD);
  const isTableThere = size == 0 ? table == 0 : blocks.isTaken(table, size * WORD);
  if (!isListThere || !isTableThere) return Status.OutOfRange;
  if (!areMembers(core, index, list, count)) {
    blocks.giveBack(list);
    blocks.giveBack(table);
    return Status.OutOfRange;
  }
  const service = Service.at(core.services, index);
  useMembers(core, service, list, count);
  useLookup(core, service, table, size);
  return Status.Ok;
}

function areMembers(core: Core, index: u32, list: usize, count: u32): bool {
  if (index >= core.capacity(Capacity.Services)) return false;
  if (Service.at(core.services, index).inUse == 0) return false;
  for (let i: u32 = 0; i < count; i++) {
    const id = load<u32>(list + ((<usize>i) << 2));
    if (id >= core.capacity(Capacity.Backends)) return false;
    if (Backend.at(core.backends, id).service != index + 1) return false;
  }
  return true;
}

/** Brings the counters of all backends up to date: before `backendRead`. */
export function servicesFold(core: Core): void {
  foldShares(core);
}

/** Writes a backend into scratch (`BackendRecord`). */
export function backendRead(core: Core, index: u32): Status {
  if (index >= core.capacity(Capacity.Backends)) return Status.OutOfRange;
  const backend = Backend.at(core.backends, index);
  if (!backend.inUse) return Status.NotFound;
  const record = core.scratch;
  memory.fill(record, 0, BACKEND_RECORD_BYTES);
  storeAddress(record + <usize>BackendRecord.Address, backend.head, backend.tail);
  store<u32>(record, backend.weight, BackendRecord.Weight);
  store<u32>(record, backend.upper, BackendRecord.Upper);
  store<u32>(record, backend.lower, BackendRecord.Lower);
  store<u16>(record, <u16>backend.port, BackendRecord.Port);
  store<u8>(record, <u8>familyOf(backend.head), BackendRecord.Family);
  store<u8>(record, <u8>backend.forwarding, BackendRecord.Forwarding);
  store<u32>(record, backend.active, BackendRecord.Active);
  store<u32>(record, backend.inactive, BackendRecord.Inactive);
  store<u64>(record, backend.connections, BackendRecord.Connections);
  store<u64>(record, backend.inPackets, BackendRecord.InPackets);
  store<u64>(record, backend.inBytes, BackendRecord.InBytes);
  store<u64>(record, backend.outPackets, BackendRecord.OutPackets);
  store<u64>(record, backend.outBytes, BackendRecord.OutBytes);
  store<u8>(record, <u8>backend.isOverloaded, BackendRecord.IsOverloaded);
  return Status.Ok;
}

/** Writes what a service has counted beside its backends into scratch (`ServiceSums`). */
export function serviceRead(core: Core, index: u32): Status {
  if (index >= core.capacity(Capacity.Services)) return Status.OutOfRange;
  const service = Service.at(core.services, index);
  if (service.inUse == 0) return Status.NotFound;
  const record = core.scratch;
  memory.fill(record, 0, SERVICE_SUMS_BYTES);
  store<u64>(record, service.connections, ServiceSums.Connections);
  store<u64>(record, service.inPackets, ServiceSums.InPackets);
  store<u64>(record, service.inBytes, ServiceSums.InBytes);
  store<u64>(record, service.outPackets, ServiceSums.OutPackets);
  store<u64>(record, service.outBytes, ServiceSums.OutBytes);
  store<u64>(record, service.refused, ServiceSums.Refused);
  return Status.Ok;
}

/**
 * Zeroes the counters of a service and its backends; not how many connections they have.
 * After `servicesFold`.
 */
export function serviceZero(core: Core, index: u32): Status {
  if (index >= core.capacity(Capacity.Services)) return Status.OutOfRange;
  const service = Service.at(core.services, index);
  if (service.inUse == 0) return Status.NotFound;
  service.connections = service.inPackets = service.inBytes = 0;
  service.outPackets = service.outBytes = service.refused = 0;
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    backend.connections = backend.inPackets = backend.inBytes = 0;
    backend.outPackets = backend.outBytes = 0;
  }
  return Status.Ok;
}
