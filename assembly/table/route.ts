/**
 * Routes: the longest prefix that holds a destination, in each zone for itself.
 *
 * Key: zone, family, prefix. Structure: a path-compressed binary trie for each zone and
 * family, of nodes of 32 bytes that all zones share. A node is a route, or a fork between
 * two of them, or both. n routes make at most n - 1 forks, so two nodes for each route are
 * always enough: 64 bytes a route, and 8 a zone.
 *
 * Cost: a lookup, insert or removal meets at most one node for each bit of the address and
 * one more (33 or 129); of n random routes about log2 n. No node ever moves. When there are
 * as many routes as asked for, one more is refused. Routes are configured, and stay until
 * removed.
 *
 * Why this way: routes are looked up at the first packet of a flow only, so a bound on
 * memory counts more than ns: 0.4 to 0.7 us among 100 000 routes, where all nodes but the
 * first are out of the cache (test/assembly/table/route.test.ts prints it). 16-way nodes with
 * bitmaps would take 17 to 26 bytes a route of subnets in a row, but 198 of 100 000 spread
 * prefixes of IPv6, as they have a node every four bits, and blocks of many sizes that move.
 */
import { Family } from '../abi';
import { alignLine } from '../memory';
import { IPV4_HEAD } from './neighbour';
import {
  HALF_BITS,
  LINK_BYTES,
  NODE_BYTES,
  Route,
  bitAt,
  commonBits,
  highOf,
  lowOf,
  maskOf,
} from './route-node';

const HEADER_BYTES: usize = 64;
/** Roots of a zone: IPv4, IPv6. */
const ZONE_ROOTS: u32 = 2;
const IPV4_BITS: u32 = 32;
const IPV6_BITS: u32 = 128;

@unmanaged
export class Routes {
  private nodes: usize;
  private roots: usize;
  private zones: u32;
  /** Nodes used at least once, and the first of those that are free again. */
  private touched: u32;
  private free: u32;
  /** Nodes in use: routes and forks. */
  nodesUsed: u32;
  /** Routes there are, and most. */
  routes: u32;
  limit: u32;
  /** The route that `lookup` found last: a row for `at`; 0: none. */
  hit: u32;
  // The key at hand.
  private high: u64;
  private low: u64;

  static at(ptr: usize): Routes {
    return changetype<Routes>(ptr);
  }

  /** Bytes for `routes` routes of both families in `zones` zones. */
  static bytesFor(routes: u32, zones: u32): usize {
    return HEADER_BYTES + rootBytes(zones) + 2 * <usize>routes * NODE_BYTES;
  }

  /** Lays out an empty table in zeroed memory at a line; at most 65536 zones. */
  static create(ptr: usize, routes: u32, zones: u32): Routes {
    const table = Routes.at(ptr);
    table.roots = ptr + HEADER_BYTES;
    table.nodes = table.roots + rootBytes(zones);
    table.zones = zones;
    table.limit = routes;
    return table;
  }

  /**
   * Adds a route, or gives one that is there another value, which is never 0. Bits of the
   * address behind the prefix do not matter. False: the table is full.
   */
  insert(zone: u32, head: u64, tail: u64, prefixBits: u32, family: u32, value: u32): bool {
    assert(value != 0 && prefixBits <= bitsOf(family));
    this.open(head, tail, prefixBits, family);
    let link = this.rootAt(zone, family);
    let index = load<u32>(link);
    while (index != 0) {
      const node = this.row(index);
      const bits = node.prefixBits;
      if (bits > prefixBits || !node.holds(this.high, this.low)) break;
      if (bits == prefixBits) return this.become(node, value);
      link = node.childAt(bitAt(this.high, this.low, bits));
      index = load<u32>(link);
    }
    if (this.routes == this.limit) return false;
    this.routes++;
    const made = this.take(zone, prefixBits, family);
    this.row(made).value = value;
    this.hang(link, made);
    return true;
  }

  /** Takes a route out. False: there is none of just this prefix. */
  remove(zone: u32, head: u64, tail: u64, prefixBits: u32, family: u32): bool {
    this.open(head, tail, prefixBits, family);
    let above: usize = 0;
    let link = this.rootAt(zone, family);
    while (true) {
      const index = load<u32>(link);
      if (index == 0) return false;
      const node = this.row(index);
      const bits = node.prefixBits;
      if (bits > prefixBits || !node.holds(this.high, this.low)) return false;
      if (bits == prefixBits) break;
      above = link;
      link = node.childAt(bitAt(this.high, this.low, bits));
    }
    const node = this.row(load<u32>(link));
    if (node.value == 0) return false;
    node.value = 0;
    this.routes--;
    this.prune(link);
    if (above != 0) this.prune(above);
    return true;
  }

  /** Value of the route to exactly this prefix; 0: there is none. */
  exact(zone: u32, head: u64, tail: u64, prefixBits: u32, family: u32): u32 {
    this.open(head, tail, prefixBits, family);
    let index = load<u32>(this.rootAt(zone, family));
    while (index != 0) {
      const node = this.row(index);
      const bits = node.prefixBits;
      if (bits > prefixBits || !node.holds(this.high, this.low)) return 0;
      if (bits == prefixBits) return node.value;
      index = load<u32>(node.childAt(bitAt(this.high, this.low, bits)));
    }
    return 0;
  }

  /** Takes out all routes of a zone. Returns how many. */
  flush(zone: u32): u32 {
    const before = this.routes;
    for (let i = this.next(0); i != 0; i = this.next(i)) {
      const route = this.row(i);
      if (route.zone != zone) continue;
      this.remove(zone, route.head, route.tail, route.prefixBits, route.family);
    }
    return before - this.routes;
  }

  /** Value of the longest prefix that holds an address; 0: none. `hit` says which it is. */
  lookup(zone: u32, head: u64, tail: u64): u32 {
    const isIpv4 = head == IPV4_HEAD;
    const high = highOf(isIpv4, head, tail);
    const low = lowOf(isIpv4, tail);
    let index = load<u32>(this.rootAt(zone, isIpv4 ? Family.Ipv4 : Family.Ipv6));
    let value: u32 = 0;
    this.hit = 0;
    while (index != 0) {
      const node = this.row(index);
      if (!node.holds(high, low)) break;
      if (node.value != 0) {
        value = node.value;
        this.hit = index;
      }
      index = load<u32>(node.childAt(bitAt(high, low, node.prefixBits)));
    }
    return value;
  }

  /** Length of the prefix that `lookup` found last; 0 also when it found none. */
  get hitBits(): u32 {
    return this.hit == 0 ? 0 : this.row(this.hit).prefixBits;
  }

  /**
   * The route behind row `after` (0: the first one), or 0 at the end. A route that is there
   * from beginning to end of a walk is met once, whatever changes meanwhile.
   */
  next(after: u32): u32 {
    for (let i = after + 1; i <= this.touched; i++) {
      if (this.row(i).value != 0) return i;
    }
    return 0;
  }

  /** A row by its number, from 1 on. */
  row(index: u32): Route {
    return Route.at(this.nodes + <usize>(index - 1) * NODE_BYTES);
  }

  /** Makes a prefix the key at hand. */
  private open(head: u64, tail: u64, prefixBits: u32, family: u32): void {
    const isIpv4 = family == Family.Ipv4;
    const high = highOf(isIpv4, head, tail);
    const low = lowOf(isIpv4, tail);
    this.high = high & maskOf(min(prefixBits, HALF_BITS));
    this.low = prefixBits > HALF_BITS ? low & maskOf(prefixBits - HALF_BITS) : 0;
  }

  /** Gives the node of a prefix that is there a value. */
  private become(node: Route, value: u32): bool {
    if (node.value == 0) {
      if (this.routes == this.limit) return false;
      this.routes++;
    }
    node.value = value;
    return true;
  }

  /** Hangs a new node in at `link`, before what is there and does not hold it. */
  private hang(link: usize, made: u32): void {
    const index = load<u32>(link);
    const node = this.row(made);
    store<u32>(link, made);
    if (index == 0) return;
    const other = this.row(index);
    const common = commonBits(node.high, node.low, other.high, other.low);
    const shorter = min(common, min(node.prefixBits, other.prefixBits));
    const otherBit = bitAt(other.high, other.low, shorter);
    if (shorter == node.prefixBits) return store<u32>(node.childAt(otherBit), index);
    this.high = node.high & maskOf(min(shorter, HALF_BITS));
    this.low = shorter > HALF_BITS ? node.low & maskOf(shorter - HALF_BITS) : 0;
    const forkIndex = this.take(node.zone, shorter, node.family);
    const fork = this.row(forkIndex);
    store<u32>(fork.childAt(otherBit), index);
    store<u32>(fork.childAt(otherBit ^ 1), made);
    store<u32>(link, forkIndex);
  }

  /** Takes the node at `link` out if it is neither a route nor a fork. */
  private prune(link: usize): void {
    const index = load<u32>(link);
    const node = this.row(index);
    if (node.value != 0 || (node.child0 != 0 && node.child1 != 0)) return;
    store<u32>(link, node.child0 | node.child1);
    node.child0 = this.free;
    this.free = index;
    this.nodesUsed--;
  }

  /** A node for the key at hand. There is one: see above. */
  private take(zone: u32, prefixBits: u32, family: u32): u32 {
    let index = this.free;
    if (index != 0) this.free = this.row(index).child0;
    else index = ++this.touched;
    assert(index <= 2 * this.limit);
    this.nodesUsed++;
    const node = this.row(index);
    node.high = this.high;
    node.low = this.low;
    node.value = node.child0 = node.child1 = 0;
    node.prefixBitsField = <u8>prefixBits;
    node.familyField = <u8>family;
    node.zoneField = <u16>zone;
    return index;
  }

  /** Where the number of the first node is. */
  private rootAt(zone: u32, family: u32): usize {
    assert(zone < this.zones);
    const root = zone * ZONE_ROOTS + (family == Family.Ipv4 ? 0 : 1);
    return this.roots + <usize>root * LINK_BYTES;
  }
}

if (offsetof<Routes>() > HEADER_BYTES) ERROR('Routes must fit its header');

function rootBytes(zones: u32): usize {
  return alignLine(<usize>zones * ZONE_ROOTS * LINK_BYTES);
}

function bitsOf(family: u32): u32 {
  return family == Family.Ipv4 ? IPV4_BITS : IPV6_BITS;
}
