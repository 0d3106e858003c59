/**
 * Next hops: what a route leads to, shared by all routes that say the same; a row of 32
 * bytes, found by number from 1 on. The value of a route is such a number.
 */
import { Capacity } from '../abi';
import { Core, NEXT_HOP_BYTES } from '../memory';
import { RouteKind } from '../zone-abi';

@unmanaged
export class NextHop {
  kind: u32;
  /** Index of the interface it is behind. */
  iface: u32;
  /** Of a gateway; of the destination itself all 0. */
  gatewayHead: u64;
  gatewayTail: u64;
  /** Routes that lead here; 0: free. */
  routes: u32;
  index: u32;

  static at(nextHops: usize, index: u32): NextHop {
    return changetype<NextHop>(nextHops + <usize>index * NEXT_HOP_BYTES);
  }
}

if (offsetof<NextHop>() != NEXT_HOP_BYTES) ERROR('NextHop must be NEXT_HOP_BYTES long');

/** Next hops at the most: each interface on the link, and gateways. */
export function nextHopCount(core: Core): u32 {
  return core.capacity(Capacity.Interfaces) + min(core.capacity(Capacity.Routes), 4096);
}

/** The next hop that says this, with one more route; null: there is no room. */
export function nextHopFor(core: Core, kind: RouteKind, iface: u32, head: u64, tail: u64): NextHop {
  const count = nextHopCount(core);
  let free: u32 = 0;
  for (let i: u32 = 1; i <= count; i++) {
    const hop = NextHop.at(core.nextHops, i);
    if (hop.routes == 0) {
      if (free == 0) free = i;
      if (i > core.nextHopsUsed) break; // behind the last that was ever in use
      continue;
    }
    if (hop.kind != kind || hop.iface != iface) continue;
    if (hop.gatewayHead != head || hop.gatewayTail != tail) continue;
    hop.routes++;
    return hop;
  }
  if (free == 0) return changetype<NextHop>(0);
  core.nextHopsUsed = max(core.nextHopsUsed, free);
  const hop = NextHop.at(core.nextHops, free);
  hop.kind = kind;
  hop.iface = iface;
  hop.gatewayHead = head;
  hop.gatewayTail = tail;
  hop.routes = 1;
  hop.index = free;
  return hop;
}

/** One route less. */
export function leaveNextHop(core: Core, index: u32): void {
  const hop = NextHop.at(core.nextHops, index);
  if (hop.routes != 0) hop.routes--;
}
