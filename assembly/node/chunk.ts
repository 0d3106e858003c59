/** Super frames: the size of the datagrams behind one outer header. */
import { RxFlag, VNET_BYTES } from '../abi';
import { Packet } from '../packet';
import { GSO_UDP, Vnet } from '../wire/vnet';

/** The frame holds one datagram. */
export const CHUNK_IS_WHOLE: u32 = 0xffffffff;

/** Payload bytes of each datagram of a frame, or CHUNK_IS_WHOLE. */
export function chunkBytesOf(p: Packet): u32 {
  if (!p.has(RxFlag.Offload)) return CHUNK_IS_WHOLE;
  const vnet = Vnet.at(p.data - VNET_BYTES);
  if (vnet.gsoType != GSO_UDP || vnet.segmentBytes == 0) return CHUNK_IS_WHOLE;
  return vnet.segmentBytes;
}
