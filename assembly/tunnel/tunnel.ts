/**
 * What the outer headers of one packet say: filled in by node/decap.ts, and by the `pop` of
 * its encapsulation. There is one of it, for the packet at hand.
 */
import { OUTER_BYTES } from '../memory';
import { Vtep } from '../table/vtep';

@unmanaged
export class Outer {
  /** UDP payload. */
  payload: usize;
  payloadBytes: u32;
  udpPort: u32;
  encap: u32;
  /** Of the outer IP header. */
  tos: u32;
  /** Who sent it; null: no VTEP we know, at this address. */
  vtep: Vtep;
  /** 1: over IPv6, without a checksum that anybody vouches for. */
  isUnsummed: u32;
  /** The frame, and its flags. */
  frameAt: u32;
  addressHead: u64;
  addressTail: u64;

  /** Of the tunnel header, by `pop`. */
  vni: u32;
  /** Bytes before the inner frame. */
  headerBytes: u32;
  /** 1: reserved bits are set. */
  isOdd: u32;
  frameFlags: u32;

  static at(ptr: usize): Outer {
    return changetype<Outer>(ptr);
  }
}

if (offsetof<Outer>() != OUTER_BYTES) ERROR('Outer must be OUTER_BYTES long');
