/**
 * Ethernet header, IEEE 802.3-2018 §3.2.
 *
 *   bytes 0-5    destination MAC; bit 0 of byte 0: a group address
 *   bytes 6-11   source MAC
 *   bytes 12-13  ethertype (or length, when below 0x0600), big endian
 *
 * A MAC address is a number here: byte 0 in bits 0-7, byte 5 in bits 40-47.
 */
export const ETHERNET_BYTES: u32 = 14;
export const MAC_BITS: u64 = 48;
export const MAC_MASK: u64 = 0xffffffffffff;
export const BROADCAST_MAC: u64 = 0xffffffffffff;

/** 01:80:c2:00:00:0x, the addresses a bridge never forwards, IEEE 802.1Q-2018 table 8-1. */
const RESERVED_GROUP: u64 = 0x000000c28001;
const RESERVED_GROUP_MASK: u64 = 0xf0ffffffffff;

const SOURCE_OFFSET: usize = 6;
const TYPE_OFFSET: usize = 12;

@unmanaged
export class Ethernet {
  /** Views ETHERNET_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Ethernet {
    return changetype<Ethernet>(ptr);
  }

  get destination(): u64 {
    return load<u64>(changetype<usize>(this)) & MAC_MASK;
  }

  get source(): u64 {
    return load<u64>(changetype<usize>(this), SOURCE_OFFSET) & MAC_MASK;
  }

  /** Ethertype or length, host order. */
  get type(): u32 {
    return bswap<u16>(load<u16>(changetype<usize>(this), TYPE_OFFSET));
  }
}

export function isGroup(mac: u64): bool {
  return (mac & 1) != 0;
}

export function isReservedGroup(mac: u64): bool {
  return (mac & RESERVED_GROUP_MASK) == RESERVED_GROUP;
}
