/** The encapsulations: a file each, and a line here for `push` and for `pop`. */
import { Drop } from '../abi';
import { Encap } from '../overlay-abi';
import { GENEVE_BYTES, Geneve, popGeneve } from './geneve';
import { Outer } from './tunnel';
import { VXLAN_BYTES, Vxlan, popVxlan } from './vxlan';

/** Bytes that `pushTunnel` writes, of any encapsulation. */
export const TUNNEL_BYTES: u32 = VXLAN_BYTES;
if (GENEVE_BYTES != TUNNEL_BYTES) ERROR('every tunnel header must be as long');

/** Writes the header of a network at `at`. */
export function pushTunnel(encap: Encap, at: usize, vni: u32): void {
  if (encap == Encap.Vxlan) Vxlan.at(at).emit(vni);
  else Geneve.at(at).emit(vni);
}

/** Reads the header at `at` of `bytes` bytes of UDP payload. */
export function popTunnel(outer: Outer, encap: Encap, at: usize, bytes: u32): Drop {
  return encap == Encap.Vxlan ? popVxlan(outer, at, bytes) : popGeneve(outer, at, bytes);
}
