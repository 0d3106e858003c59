/** What the host can call about zones; see index.ts. */
import { Capacity, Status } from './abi';
import * as adjacencies from './control-adjacency';
import * as zones from './control-zone';
import { Core } from './memory';
import { foldPaths } from './rules/path';
import * as rules from './rules/rules';
import * as flowTimers from './table/flow-timers';
import { Iface } from './table/iface';
import * as ifaceTable from './table/iface-config';
import { Journal } from './table/journal';
import { foldShares, leavePaths } from './table/share';
import * as zoneTable from './table/zone';
import { InterfaceOption, ZoneOption } from './zone-abi';

export function configureZone(core: usize, zone: u32, option: ZoneOption, value: u32): Status {
  const c = Core.at(core);
  if (zone >= c.capacity(Capacity.Zones)) return Status.OutOfRange;
  return zoneTable.configureZone(c, zoneTable.Zone.at(c.zones, zone), option, value);
}

export function configureInterface(
  core: usize,
  iface: u32,
  option: InterfaceOption,
  value: u32,
): Status {
  const c = Core.at(core);
  if (iface >= c.capacity(Capacity.Interfaces)) return Status.OutOfRange;
  return ifaceTable.configureIface(c, Iface.at(c.ifaces, iface), option, value);
}

/** Takes a router interface out of service, with its addresses. */
export function resetInterface(core: usize, iface: u32): Status {
  const c = Core.at(core);
  if (iface >= c.capacity(Capacity.Interfaces)) return Status.OutOfRange;
  adjacencies.adjacencyFlush(c, iface);
  zones.interfaceReset(c, Iface.at(c.ifaces, iface));
  return Status.Ok;
}

/** Gives an interface the address in scratch (`InterfaceAddress`), or takes it away. */
export function interfaceAddress(core: usize, iface: u32, isOwn: bool): Status {
  const c = Core.at(core);
  if (iface >= c.capacity(Capacity.Interfaces)) return Status.OutOfRange;
  return zones.interfaceAddress(c, Iface.at(c.ifaces, iface), isOwn);
}

/** Makes the neighbour in scratch (`AdjacencyRecord`) a permanent one of an interface. */
export function adjacencyInsert(core: usize, iface: u32): Status {
  const c = Core.at(core);
  if (iface >= c.capacity(Capacity.Interfaces)) return Status.OutOfRange;
  return adjacencies.adjacencyInsert(c, Iface.at(c.ifaces, iface));
}

/** Removes the neighbour of an interface whose address is in scratch. */
export function adjacencyRemove(core: usize, iface: u32): Status {
  const c = Core.at(core);
  if (iface >= c.capacity(Capacity.Interfaces)) return Status.OutOfRange;
  return adjacencies.adjacencyRemove(c, Iface.at(c.ifaces, iface));
}

/** Writes neighbours from row `first` on into scratch, as `fdbWalk` does entries. */
export function adjacencyWalk(core: usize, first: u32): u32 {
  return adjacencies.adjacencyWalk(Core.at(core), first);
}

/** Adds or replaces the route in scratch (`RouteRecord`). */
export function routeInsert(core: usize): Status {
  return zones.routeInsert(Core.at(core));
}

/** Removes the route whose zone, family and prefix are in scratch. */
export function routeRemove(core: usize): Status {
  return zones.routeRemove(Core.at(core));
}

/** Writes routes behind number `after` into scratch; its last u32 is where to go on, or 0. */
export function routeWalk(core: usize, after: u32): u32 {
  return zones.routeWalk(Core.at(core), after);
}

/** Sets a timer (profile * PROFILE_TIMERS + FlowTimer). */
export function setFlowTimer(core: usize, timer: u32, ms: u32): void {
  flowTimers.setFlowTimer(Core.at(core), timer, ms);
}

/** Writes flows from entry `first` on into scratch, as `fdbWalk` does entries. */
export function flowWalk(core: usize, first: u32): u32 {
  return zones.flowWalk(Core.at(core), first);
}

/** Ends the flow of an entry, if it still is flow `id`. */
export function flowRemove(core: usize, entry: u32, id: u32): Status {
  return zones.flowRemove(Core.at(core), entry, id);
}

/** Ends the flows of a zone (0xffffffff: of all). Returns how many. */
export function flowFlush(core: usize, zone: u32): u32 {
  return zones.flowFlush(Core.at(core), zone);
}

/** Says what the journal is to hold from now on, JournalKind bits; 0: nothing. */
export function journalWant(core: usize, kinds: u32): void {
  Journal.at(Core.at(core).journal).want(kinds);
}

/** Makes room for as many records of the journal, which the host has read. */
export function journalTake(core: usize, records: u32): void {
  Journal.at(Core.at(core).journal).take(records);
}

/** Takes the program of `bytes` bytes in `Region.StagedRules` into use, counters at zero. */
export function rulesUse(core: usize, bytes: u32): Status {
  const c = Core.at(core);
  foldShares(c);
  const status = rules.useProgram(rules.Rules.at(c.rules), bytes);
  if (status != Status.Ok) return status;
  leavePaths(c);
  c.generation++;
  return status;
}

/** Brings `Region.RuleCounters` up to date. */
export function rulesFold(core: usize): void {
  foldShares(Core.at(core));
  foldPaths(rules.Rules.at(Core.at(core).rules));
}
