/**
 * VLAN tag, IEEE 802.1Q-2018 §9.6. Sits between the source MAC and the ethertype.
 *
 *   bytes 0-1  TPID: 0x8100 customer tag, 0x88a8 service tag
 *   bytes 2-3  TCI: priority (3 bits), drop eligible (1), VID (12), big endian
 *
 * A tag is a number here: TPID << 16 | TCI.
 */
import { VNET_BYTES } from '../abi';
import { ETHERNET_BYTES, Ethernet } from './ethernet';
import { Vnet } from './vnet';

export const VLAN_BYTES: u32 = 4;
export const TPID_CUSTOMER: u32 = 0x8100;
export const TPID_SERVICE: u32 = 0x88a8;
export const VID_MASK: u32 = 0xfff;
export const VID_RESERVED: u32 = 0xfff;
export const PRIORITY_SHIFT: u32 = 13;

const MACS_BYTES: usize = 12;

export function isTpid(type: u32): bool {
  return type == TPID_CUSTOMER || type == TPID_SERVICE;
}

/** Where the network header of a frame begins, behind any tags; may lie outside the frame. */
export function networkOffset(data: usize, length: u32): u32 {
  let l3 = ETHERNET_BYTES;
  while (l3 + VLAN_BYTES <= length && isTpid(Ethernet.at(data + l3 - ETHERNET_BYTES).type)) {
    l3 += VLAN_BYTES;
  }
  return l3;
}

/** The tag of the frame at `data`, which must be 18 bytes or longer and tagged. */
export function tagAt(data: usize): u32 {
  return bswap<u32>(load<u32>(data, MACS_BYTES));
}

/** Overwrites the outermost tag. */
export function setTag(data: usize, tag: u32): void {
  store<u32>(data, bswap<u32>(tag), MACS_BYTES);
}

/** Puts a tag on; needs headroom. Returns where the frame begins now. */
export function pushTag(data: usize, tag: u32, hasVnet: bool): usize {
  const moved = data - VLAN_BYTES;
  if (hasVnet) Vnet.at(data - VNET_BYTES).moveTo(moved - VNET_BYTES, <i32>VLAN_BYTES);
  memory.copy(moved, data, MACS_BYTES);
  setTag(moved, tag);
  return moved;
}

/** Takes the outermost tag off. Returns where the frame begins now. */
export function popTag(data: usize, hasVnet: bool): usize {
  const moved = data + VLAN_BYTES;
  memory.copy(moved, data, MACS_BYTES);
  if (hasVnet) Vnet.at(data - VNET_BYTES).moveTo(moved - VNET_BYTES, -(<i32>VLAN_BYTES));
  return moved;
}
