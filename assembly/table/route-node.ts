/**
 * A node of the trie of table/route.ts, and the arithmetic of its keys: 128 bits, the first
 * one in bit 63 of `high`; an IPv4 address is the upper half of `high`.
 */
import { Family } from '../abi';
import { IPV4_HEAD } from './neighbour';

export const NODE_BYTES: usize = 32;
/** Bytes of a number of a node. */
export const LINK_BYTES: usize = 4;
export const HALF_BITS: u32 = 64;
const IPV4_SHIFT: u64 = 32;

/** A route, a fork, or both. Bits behind the prefix are zero. */
@unmanaged
export class Route {
  high: u64;
  low: u64;
  /** Number of a next hop; 0: a fork, or free. */
  value: u32;
  prefixBitsField: u8;
  familyField: u8;
  zoneField: u16;
  /** Nodes whose next bit is 0, or 1; 0: none. Of a free node the next free one. */
  child0: u32;
  child1: u32;

  static at(ptr: usize): Route {
    return changetype<Route>(ptr);
  }

  get prefixBits(): u32 {
    return this.prefixBitsField;
  }

  get family(): u32 {
    return this.familyField;
  }

  get zone(): u32 {
    return this.zoneField;
  }

  /** The prefix as table/neighbour.ts keeps addresses. */
  get head(): u64 {
    return this.family == Family.Ipv4 ? IPV4_HEAD : bswap<u64>(this.high);
  }

  get tail(): u64 {
    return this.family == Family.Ipv4 ? this.high >> IPV4_SHIFT : bswap<u64>(this.low);
  }

  /** Where the number of the child is that has this bit behind the prefix. */
  childAt(bit: u32): usize {
    return changetype<usize>(this) + offsetof<Route>('child0') + <usize>bit * LINK_BYTES;
  }

  /** Whether the prefix holds an address. */
  holds(high: u64, low: u64): bool {
    return commonBits(this.high, this.low, high, low) >= this.prefixBits;
  }
}

if (offsetof<Route>() != NODE_BYTES) ERROR('Route must be NODE_BYTES long');

/** The key of an address as table/neighbour.ts keeps it. */
export function highOf(isIpv4: bool, head: u64, tail: u64): u64 {
  return isIpv4 ? tail << IPV4_SHIFT : bswap<u64>(head);
}

export function lowOf(isIpv4: bool, tail: u64): u64 {
  return isIpv4 ? 0 : bswap<u64>(tail);
}

/** The first `bits` bits of 64. */
export function maskOf(bits: u32): u64 {
  return bits == 0 ? 0 : ~(<u64>0) << (HALF_BITS - bits);
}

/** How many first bits of two keys are the same. */
export function commonBits(high: u64, low: u64, otherHigh: u64, otherLow: u64): u32 {
  const differs = high ^ otherHigh;
  if (differs != 0) return <u32>clz(differs);
  return HALF_BITS + <u32>clz(low ^ otherLow);
}

/** Bit `index` of a key, counted from the first; no child is behind a whole key. */
export function bitAt(high: u64, low: u64, index: u32): u32 {
  const half = index < HALF_BITS ? high : low;
  return (<u32>(half >> (HALF_BITS - 1 - (index & (HALF_BITS - 1))))) & 1;
}
