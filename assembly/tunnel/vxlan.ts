/**
 * VXLAN header, RFC 7348 §5. Between the outer UDP header and the inner Ethernet frame.
 *
 *   byte 0      flags; bit 3 (I): the VNI is valid
 *   bytes 1-3   reserved: sent as zero, ignored when received
 *   bytes 4-6   VNI, 24 bits, big endian
 *   byte 7      reserved: sent as zero, ignored when received
 */
import { Drop } from '../abi';
import { Outer } from './tunnel';

const FLAG_VNI: u32 = 0x08; // of byte 0; WASM is little endian: the low byte
const VNI_SHIFT: u32 = 8;
const RESERVED_LOW: u32 = 0xff;

@unmanaged
export class Vxlan {
  private flags: u32;
  private vniBe: u32;

  /** Views VXLAN_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Vxlan {
    return changetype<Vxlan>(ptr);
  }

  get hasVni(): bool {
    return (this.flags & FLAG_VNI) != 0;
  }

  /** Whether a bit is set that the sender must leave clear. */
  get hasReserved(): bool {
    return (this.flags & ~FLAG_VNI) != 0 || (bswap<u32>(this.vniBe) & RESERVED_LOW) != 0;
  }

  /** Network identifier: 24 bits, host order. */
  get vni(): u32 {
    return bswap<u32>(this.vniBe) >>> VNI_SHIFT;
  }

  /** Writes the whole header, reserved bits too. */
  emit(vni: u32): void {
    this.flags = FLAG_VNI;
    this.vniBe = bswap<u32>(vni << VNI_SHIFT);
  }
}

/** Bytes on the wire. */
export const VXLAN_BYTES: u32 = offsetof<Vxlan>();
if (VXLAN_BYTES != 8) ERROR('Vxlan must be 8 bytes');

/** Reads the header at `at` of `bytes` bytes of UDP payload into `outer`. */
export function popVxlan(outer: Outer, at: usize, bytes: u32): Drop {
  if (bytes < VXLAN_BYTES) return Drop.TunnelHeader;
  const header = Vxlan.at(at);
  if (!header.hasVni) return Drop.TunnelHeader;
  outer.vni = header.vni;
  outer.headerBytes = VXLAN_BYTES;
  outer.isOdd = header.hasReserved ? 1 : 0;
  return Drop.None;
}
