/** Doors to table/route.ts. Addresses are bytes as on the wire at `ip`. */
import { Family } from '../abi';
import { headAt, storeAddress, tailAt } from '../table/address';
import { Routes } from '../table/route';

const IPV6_BYTES: usize = 16;

export function routesBytes(routes: u32, zones: u32): usize {
  return Routes.bytesFor(routes, zones);
}

export function createRoutes(table: usize, routes: u32, zones: u32): void {
  Routes.create(table, routes, zones);
}

export function insertRoute(
  table: usize,
  zone: u32,
  ip: usize,
  bits: u32,
  family: u32,
  value: u32,
): bool {
  const routes = Routes.at(table);
  return routes.insert(zone, headAt(ip, family), tailAt(ip, family), bits, family, value);
}

export function removeRoute(table: usize, zone: u32, ip: usize, bits: u32, family: u32): bool {
  return Routes.at(table).remove(zone, headAt(ip, family), tailAt(ip, family), bits, family);
}

export function lookupRoute(table: usize, zone: u32, ip: usize, family: u32): u32 {
  return Routes.at(table).lookup(zone, headAt(ip, family), tailAt(ip, family));
}

export function hitBits(table: usize): u32 {
  return Routes.at(table).hitBits;
}

export function flushRoutes(table: usize, zone: u32): u32 {
  return Routes.at(table).flush(zone);
}

export function routesUsed(table: usize): u32 {
  return Routes.at(table).routes;
}

export function routeNodesUsed(table: usize): u32 {
  return Routes.at(table).nodesUsed;
}

/** The row behind `after`: address (16 bytes), zone, family, bits, value: to `out`. */
export function nextRoute(table: usize, after: u32, out: usize): u32 {
  const index = Routes.at(table).next(after);
  if (index == 0) return 0;
  const route = Routes.at(table).row(index);
  memory.fill(out, 0, IPV6_BYTES);
  if (route.family == Family.Ipv4) storeAddress(out, route.head, route.tail);
  else {
    store<u64>(out, route.head);
    store<u64>(out, route.tail, 8);
  }
  store<u32>(out, route.zone, 16);
  store<u32>(out, route.family, 20);
  store<u32>(out, route.prefixBits, 24);
  store<u32>(out, route.value, 28);
  return index;
}

/** Looks up `count` addresses, 16 bytes apart from `ips` on. Returns the sum of the values. */
export function lookupRoutes(table: usize, zone: u32, ips: usize, count: u32, family: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const ip = ips + <usize>i * IPV6_BYTES;
    sum += Routes.at(table).lookup(zone, headAt(ip, family), tailAt(ip, family));
  }
  return sum;
}
