/**
 * Control: changes to zones between batches. Records of addresses, routes and flows pass
 * through scratch memory (`InterfaceAddress`, `RouteRecord`, `FlowRecord`).
 */
import { Capacity, Family, SCRATCH_BYTES, Status } from './abi';
import { Core } from './memory';
import { endFlow, endMasqueraded } from './node/flows';
import { familyOf, headAt, storeAddress, tailAt } from './table/address';
import { Flows } from './table/flow';
import { FlowAddresses } from './table/flow-address';
import { writeFlow } from './table/flow-record';
import { flowLeftMs } from './table/flow-timers';
import { Iface } from './table/iface';
import { resetIface } from './table/iface-config';
import { setOwnAddress } from './table/local';
import { NextHop, leaveNextHop, nextHopFor } from './table/next-hop';
import { Routes } from './table/route';
import { Route } from './table/route-node';
import {
  FLOW_RECORD_BYTES,
  InterfaceAddress,
  ROUTE_RECORD_BYTES,
  RouteKind,
  RouteRecord,
} from './zone-abi';

const IPV4_BITS: u32 = 32;
const IPV6_BITS: u32 = 128;
/** Any zone: for `flowFlush`. */
const ANY: u32 = 0xffffffff;

/** Gives an interface the address in scratch, or takes it away. */
export function interfaceAddress(core: Core, iface: Iface, isOwn: bool): Status {
  const record = core.scratch;
  const family: u32 = load<u8>(record, InterfaceAddress.Family);
  const bits: u32 = load<u8>(record, InterfaceAddress.PrefixBits);
  if (!isFamily(family) || bits > bitsOf(family) || !iface.inUse) return Status.OutOfRange;
  const at = record + <usize>InterfaceAddress.Address;
  const head = headAt(at, family);
  const tail = tailAt(at, family);
  const status = setOwnAddress(core, iface, head, tail, bits, isOwn);
  if (status == Status.Ok && !isOwn) endMasqueradedAs(core, iface, head, tail);
  return status;
}

/** Ends what is masqueraded as an address that an interface loses. */
function endMasqueradedAs(core: Core, iface: Iface, head: u64, tail: u64): void {
  const isIpv6 = familyOf(head) == Family.Ipv6;
  const addresses = FlowAddresses.at(core.flowAddresses);
  const word = isIpv6 ? addresses.find(head, tail) : bswap<u32>(<u32>tail);
  if (word != 0) endMasqueraded(core, iface, word, isIpv6);
}

/** Takes an interface out of service, with its addresses and what is masqueraded as them. */
export function interfaceReset(core: Core, iface: Iface): void {
  endMasqueraded(core, iface, 0, false);
  resetIface(core, iface);
}

function isFamily(family: u32): bool {
  return family == Family.Ipv4 || family == Family.Ipv6;
}

function bitsOf(family: u32): u32 {
  return family == Family.Ipv4 ? IPV4_BITS : IPV6_BITS;
}

/** Adds the route in scratch, or replaces the one to the same destination. */
export function routeInsert(core: Core): Status {
  const record = core.scratch;
  const zone: u32 = load<u16>(record, RouteRecord.Zone);
  const iface: u32 = load<u16>(record, RouteRecord.Interface);
  const family: u32 = load<u8>(record, RouteRecord.Family);
  const bits: u32 = load<u8>(record, RouteRecord.PrefixBits);
  const kind: u32 = load<u8>(record, RouteRecord.Kind);
  if (zone >= core.capacity(Capacity.Zones) || kind > <u32>RouteKind.Prohibit)
    return Status.OutOfRange;
  if (!isFamily(family) || bits > bitsOf(family)) return Status.OutOfRange;
  if (iface >= core.capacity(Capacity.Interfaces)) return Status.OutOfRange;
  const isVia = kind == RouteKind.Via;
  const gateway = record + <usize>RouteRecord.Gateway;
  const head: u64 = isVia ? headAt(gateway, family) : 0;
  const tail: u64 = isVia ? tailAt(gateway, family) : 0;
  const hop = nextHopFor(core, kind, iface, head, tail);
  if (changetype<usize>(hop) == 0) return Status.Full;
  const at = record + <usize>RouteRecord.Destination;
  const routes = Routes.at(core.routes);
  const old = routes.exact(zone, headAt(at, family), tailAt(at, family), bits, family);
  if (!routes.insert(zone, headAt(at, family), tailAt(at, family), bits, family, hop.index)) {
    leaveNextHop(core, hop.index);
    return Status.Full;
  }
  if (old != 0) leaveNextHop(core, old);
  core.generation++;
  return Status.Ok;
}

/** Removes the route to the destination in scratch. */
export function routeRemove(core: Core): Status {
  const record = core.scratch;
  const zone: u32 = load<u16>(record, RouteRecord.Zone);
  const family: u32 = load<u8>(record, RouteRecord.Family);
  const bits: u32 = load<u8>(record, RouteRecord.PrefixBits);
  if (zone >= core.capacity(Capacity.Zones) || !isFamily(family)) return Status.OutOfRange;
  const at = record + <usize>RouteRecord.Destination;
  const routes = Routes.at(core.routes);
  const old = routes.exact(zone, headAt(at, family), tailAt(at, family), bits, family);
  if (old == 0) return Status.NotFound;
  routes.remove(zone, headAt(at, family), tailAt(at, family), bits, family);
  leaveNextHop(core, old);
  core.generation++;
  return Status.Ok;
}

/** Writes routes behind number `after` into scratch; its last u32 is where to go on, or 0. */
export function routeWalk(core: Core, after: u32): u32 {
  const routes = Routes.at(core.routes);
  const next = core.scratch + SCRATCH_BYTES - 4;
  let record = core.scratch;
  let index = routes.next(after);
  for (; index != 0 && record + ROUTE_RECORD_BYTES <= next; index = routes.next(index)) {
    writeRoute(core, record, routes.row(index));
    record += ROUTE_RECORD_BYTES;
    store<u32>(next, index);
  }
  if (index == 0) store<u32>(next, 0);
  return <u32>((record - core.scratch) / ROUTE_RECORD_BYTES);
}

function writeRoute(core: Core, record: usize, route: Route): void {
  const hop = NextHop.at(core.nextHops, route.value);
  memory.fill(record, 0, ROUTE_RECORD_BYTES);
  storeAddress(record + <usize>RouteRecord.Destination, route.head, route.tail);
  if (hop.kind == RouteKind.Via) {
    storeAddress(record + <usize>RouteRecord.Gateway, hop.gatewayHead, hop.gatewayTail);
  }
  store<u16>(record, <u16>route.zone, RouteRecord.Zone);
  store<u16>(record, <u16>hop.iface, RouteRecord.Interface);
  store<u8>(record, <u8>route.family, RouteRecord.Family);
  store<u8>(record, <u8>route.prefixBits, RouteRecord.PrefixBits);
  store<u8>(record, <u8>hop.kind, RouteRecord.Kind);
}

/**
 * Writes flows from entry `first` on into scratch, as many as fit. Returns how many; the last
 * u32 of scratch is the entry to go on with, 0 at the end.
 */
export function flowWalk(core: Core, first: u32): u32 {
  const flows = Flows.at(core.flows);
  const next = core.scratch + SCRATCH_BYTES - 4;
  let record = core.scratch;
  let entry = first;
  for (; entry < flows.touched && record + FLOW_RECORD_BYTES <= next; entry++) {
    const line = flows.lineOf(entry);
    if (!line.isFlow || flowLeftMs(core, line) == 0) continue;
    writeFlow(core, record, line);
    record += FLOW_RECORD_BYTES;
  }
  store<u32>(next, entry >= flows.touched ? 0 : entry);
  return <u32>((record - core.scratch) / FLOW_RECORD_BYTES);
}

/** Ends the flow of an entry, if it still is flow `id`. */
export function flowRemove(core: Core, entry: u32, id: u32): Status {
  const flows = Flows.at(core.flows);
  if (entry >= flows.touched) return Status.NotFound;
  const line = flows.lineOf(entry);
  if (!line.isFlow || flows.stateOf(line).id != id) return Status.NotFound;
  endFlow(core, line);
  return Status.Ok;
}

/** Ends all flows of a zone (0xffffffff: of all zones). Returns how many. */
export function flowFlush(core: Core, zone: u32): u32 {
  const flows = Flows.at(core.flows);
  let ended: u32 = 0;
  for (let entry: u32 = 0; entry < flows.touched; entry++) {
    const line = flows.lineOf(entry);
    if (!line.isFlow || (zone != ANY && line.zone != zone)) continue;
    endFlow(core, line);
    ended++;
  }
  return ended;
}
