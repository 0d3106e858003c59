/**
 * What the outer headers of one packet say: filled in by node/decap.ts, and by the `pop` of
 * its encapsulation. There is one of it, for the packet at hand.
 */
import { OUTER_BYTES } from '../memory';
import { IPV4_HEAD } from '../table/neighbour';
import { Vtep } from '../table/vtep';
import { IPV4_BYTES } from '../wire/ipv4';
import { IPV6_BYTES } from '../wire/ipv6';
import { UDP_BYTES } from '../wire/udp';

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

  /** Bytes of an outer IP packet with `payloadBytes` bytes of UDP payload. */
  ipBytesOf(payloadBytes: u32): u32 {
    const headers = this.addressHead == IPV4_HEAD ? IPV4_BYTES : IPV6_BYTES;
    return headers + UDP_BYTES + payloadBytes;
  }
}

if (offsetof<Outer>() != OUTER_BYTES) ERROR('Outer must be OUTER_BYTES long');
