/**
 * Endpoints: one hash table (buckets.ts) for everything an overlay finds by address.
 *
 *   kind           key, below the kind in bits 60-63                        value
 *   overlay        underlay 8 bits, UDP port 16, VNI 24                     row number
 *   VTEP           underlay and IPv4 address, or a secret hash of IPv6      row number
 *   next hop       likewise                                                 row number
 *   peer           overlay 16 bits, VTEP 16: may send into it               1
 *
 * A hash of IPv6 is compared in full with the row it names. Two addresses of one hash would
 * not both find a place (`insert` says so); they are as likely as guessing the secret.
 * A lookup reads two lines at most, and a row.
 */
import { Core } from '../memory';
import { mix } from './buckets';
import { IPV4_HEAD } from './neighbour';

const KIND_SHIFT: u64 = 60;
const HASH_MASK: u64 = 0x0fffffffffffffff;
const KIND_OVERLAY: u64 = 1;
const KIND_PEER: u64 = 2;
/** Of addresses: IPv4, and one more IPv6. */
export const KIND_VTEP: u64 = 4;
export const KIND_HOP: u64 = 6;

const UNDERLAY_SHIFT: u64 = 40;
const UDP_PORT_SHIFT: u64 = 24;
const IPV4_UNDERLAY_SHIFT: u64 = 32;
const PEER_OVERLAY_SHIFT: u64 = 16;

export function overlayKey(underlay: u32, udpPort: u32, vni: u32): u64 {
  const place = ((<u64>underlay) << UNDERLAY_SHIFT) | ((<u64>udpPort) << UDP_PORT_SHIFT);
  return (KIND_OVERLAY << KIND_SHIFT) | place | vni;
}

export function peerKey(overlay: u32, vtep: u32): u64 {
  return (KIND_PEER << KIND_SHIFT) | ((<u64>overlay) << PEER_OVERLAY_SHIFT) | vtep;
}

/** Of an address as table/neighbour.ts keeps it; `kind` is KIND_VTEP or KIND_HOP. */
export function addressKey(core: Core, kind: u64, underlay: u32, head: u64, tail: u64): u64 {
  if (head == IPV4_HEAD) {
    return (kind << KIND_SHIFT) | ((<u64>underlay) << IPV4_UNDERLAY_SHIFT) | tail;
  }
  const hash = mix(mix(head ^ core.salt) ^ tail ^ ((<u64>underlay) << UNDERLAY_SHIFT));
  return ((kind | 1) << KIND_SHIFT) | (hash & HASH_MASK);
}
