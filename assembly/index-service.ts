/** What the host can call about services; see index.ts. */
import { Status } from './abi';
import * as affinities from './control-affinity';
import * as services from './control-service';
import { Core } from './memory';

/** Makes number `service` the service in scratch (`ServiceRecord`), or changes it. */
export function serviceSet(core: usize, service: u32): Status {
  return services.serviceSet(Core.at(core), service);
}

/** Takes a service away that has no keys; its backends go with it. */
export function serviceRemove(core: usize, service: u32): Status {
  return services.serviceRemove(Core.at(core), service);
}

/** Leads the key in scratch (`ServiceKey`) to a service, or no longer. */
export function serviceKey(core: usize, service: u32, isWanted: bool): Status {
  return services.serviceKey(Core.at(core), service, isWanted);
}

/** Makes number `backend` the one of a service in scratch (`BackendRecord`), or changes it. */
export function backendSet(core: usize, backend: u32, service: u32): Status {
  return services.backendSet(Core.at(core), backend, service);
}

/** Takes a backend away that is in its service's list no more. */
export function backendRemove(core: usize, backend: u32): Status {
  return services.backendRemove(Core.at(core), backend);
}

/** Address of a block of `words` u32, to be filled for `serviceMembers`; 0: no room. */
export function blockTake(core: usize, words: u32): usize {
  return services.blockTake(Core.at(core), words);
}

/** Gives back a block that was not used after all; 0: none. */
export function blockGiveBack(core: usize, block: usize): void {
  services.blockGiveBack(Core.at(core), block);
}

/** Takes a list of backends and a lookup table, in blocks, into use. */
export function serviceMembers(
  core: usize,
  service: u32,
  list: usize,
  count: u32,
  table: usize,
  size: u32,
): Status {
  return services.serviceMembers(Core.at(core), service, list, count, table, size);
}

/** Brings the counters of all backends up to date. */
export function servicesFold(core: usize): void {
  services.servicesFold(Core.at(core));
}

/** Writes a backend into scratch (`BackendRecord`). */
export function backendRead(core: usize, backend: u32): Status {
  return services.backendRead(Core.at(core), backend);
}

/** Writes what a service has counted beside its backends into scratch (`ServiceSums`). */
export function serviceRead(core: usize, service: u32): Status {
  return services.serviceRead(Core.at(core), service);
}

/** After `servicesFold`: zeroes the counters of a service and its backends. */
export function serviceZero(core: usize, service: u32): Status {
  return services.serviceZero(Core.at(core), service);
}

/** Writes clients that are held to backends into scratch (`AffinityRecord`); returns how many. */
export function affinityWalk(core: usize, first: u32): u32 {
  return affinities.affinityWalk(Core.at(core), first);
}
