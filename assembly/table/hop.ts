/**
 * Next hops: the MAC address behind which a VTEP lies, its own or a gateway's; a row of 64
 * bytes, shared by the VTEPs behind it, found by number from 1 on or by address through
 * table/endpoints.ts. It lives as long as a VTEP uses it.
 *
 * States are those of RFC 4861 §7.3.2 with Stale and Delay folded into Reachable: a row
 * nobody confirmed for a while is asked again (node/resolve.ts).
 */
import { Capacity } from '../abi';
import { Core, HOP_BYTES, hopCount } from '../memory';
import { HopState } from '../overlay-abi';
import { Buckets } from './buckets';
import { KIND_HOP, addressKey } from './endpoints';
import { IPV4_HEAD } from './neighbour';
import { Underlay } from './underlay';

/** 224.0.0.0/4 and ff00::/8, and the MAC addresses they go to: RFC 1112 §6.4, RFC 2464 §7. */
const FIRST_GROUP_NETWORK: u32 = 224;
const NETWORK_SHIFT: u32 = 24;
const GROUP_HEAD: u64 = 0xff;
const GROUP_MASK: u64 = 0xff;
const IPV4_GROUP_MAC: u64 = 0x5e0001;
const IPV4_GROUP_BITS: u32 = 0x7fffff;
const IPV6_GROUP_MAC: u64 = 0x3333;
const LOW_BITS: u64 = 32;
const TAIL_SHIFT: u64 = 16;

@unmanaged
export class Hop {
  underlay: Underlay;
  state: u32;
  addressHead: u64;
  addressTail: u64;
  mac: u64;
  /** VTEPs behind it. */
  users: u32;
  /** When it was asked last, how often without an answer, when it answered last. */
  askedMs: u32;
  asks: u32;
  seenMs: u32;
  index: u32;
  private spare0: u32;
  private spare1: u64;

  static at(hops: usize, index: u32): Hop {
    return changetype<Hop>(hops + <usize>index * HOP_BYTES);
  }

  get isIpv4(): bool {
    return this.addressHead == IPV4_HEAD;
  }
}

if (offsetof<Hop>() != HOP_BYTES) ERROR('Hop must be HOP_BYTES long');

export function createHops(core: Core): void {
  const hops = hopCount(core);
  for (let i: u32 = 0; i <= hops; i++) Hop.at(core.hops, i).index = i;
}

/** Whether an address is a multicast group's. */
export function isGroupAddress(head: u64, tail: u64): bool {
  if (head != IPV4_HEAD) return (head & GROUP_MASK) == GROUP_HEAD;
  const network = (<u32>tail) >>> NETWORK_SHIFT;
  return network >= FIRST_GROUP_NETWORK && network < FIRST_GROUP_NETWORK + 16;
}

/** The next hop towards an address, with one more user; null: there is no way. */
export function hopTo(core: Core, underlay: Underlay, head: u64, tail: u64): Hop {
  if (!underlay.hasFamily(head)) return changetype<Hop>(0);
  let hopHead = head;
  let hopTail = tail;
  if (underlay.resolves != 0 && !isGroupAddress(head, tail) && !underlay.isOnLink(head, tail)) {
    const isIpv4 = head == IPV4_HEAD;
    hopHead = isIpv4 ? IPV4_HEAD : underlay.ipv6GatewayHead;
    hopTail = isIpv4 ? <u64>underlay.ipv4Gateway : underlay.ipv6GatewayTail;
    const hasGateway = isIpv4 ? hopTail != 0 : (hopHead | hopTail) != 0;
    if (!hasGateway) return changetype<Hop>(0);
  }
  const key = addressKey(core, KIND_HOP, underlay.index, hopHead, hopTail);
  const endpoints = Buckets.at(core.endpoints);
  const found = endpoints.lookup(key);
  const hop = found != 0 ? Hop.at(core.hops, load<u32>(found)) : freeHop(core);
  if (changetype<usize>(hop) == 0) return hop;
  if (found != 0) {
    if (hop.addressHead != hopHead || hop.addressTail != hopTail) return changetype<Hop>(0);
    hop.users++;
    return hop;
  }
  if (!endpoints.insert(key, hop.index)) return changetype<Hop>(0);
  hop.underlay = underlay;
  hop.addressHead = hopHead;
  hop.addressTail = hopTail;
  hop.users = 1;
  core.hopsUsed++;
  hop.asks = 0;
  begin(underlay, hop);
  return hop;
}

/** What is known of a new hop. */
function begin(underlay: Underlay, hop: Hop): void {
  hop.mac = 0;
  hop.state = HopState.Incomplete;
  if (underlay.resolves == 0) hop.state = HopState.Below;
  else if (isGroupAddress(hop.addressHead, hop.addressTail)) {
    hop.state = HopState.Below;
    hop.mac = groupMac(hop);
  }
}

function groupMac(hop: Hop): u64 {
  if (!hop.isIpv4) return IPV6_GROUP_MAC | ((hop.addressTail >> LOW_BITS) << TAIL_SHIFT);
  const low = bswap<u32>((<u32>hop.addressTail) & IPV4_GROUP_BITS);
  return IPV4_GROUP_MAC | ((<u64>low) << TAIL_SHIFT);
}

function freeHop(core: Core): Hop {
  const hops = hopCount(core);
  for (let i: u32 = 0; i < hops; i++) {
    core.hopNext = core.hopNext >= hops ? 1 : core.hopNext + 1;
    const hop = Hop.at(core.hops, core.hopNext);
    if (hop.users == 0) return hop;
  }
  return changetype<Hop>(0);
}

/** One user less; the last frees the row. */
export function dropHop(core: Core, hop: Hop): void {
  if (changetype<usize>(hop) == 0 || --hop.users != 0) return;
  core.hopsUsed--;
  const key = addressKey(core, KIND_HOP, hop.underlay.index, hop.addressHead, hop.addressTail);
  const endpoints = Buckets.at(core.endpoints);
  const found = endpoints.lookup(key);
  if (found != 0) endpoints.removeAt(found);
  hop.state = HopState.None;
}

/** The next hop at an address; null: nobody asked for it. */
export function findHop(core: Core, underlay: Underlay, head: u64, tail: u64): Hop {
  const key = addressKey(core, KIND_HOP, underlay.index, head, tail);
  const found = Buckets.at(core.endpoints).lookup(key);
  if (found == 0) return changetype<Hop>(0);
  const hop = Hop.at(core.hops, load<u32>(found));
  const isIt = hop.addressHead == head && hop.addressTail == tail;
  return isIt ? hop : changetype<Hop>(0);
}

/** Entries of the table of all endpoints. */
export function endpointEntries(core: Core): u32 {
  const addresses = core.capacity(Capacity.Vteps) + hopCount(core);
  return core.capacity(Capacity.Overlays) + addresses + core.capacity(Capacity.Peers);
}
