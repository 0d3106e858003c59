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

const MAC_TAIL_OFFSET: usize = 4;
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

  emit(destination: u64, source: u64, type: u32): void {
    this.address(destination, source);
    store<u16>(changetype<usize>(this), bswap<u16>(<u16>type), TYPE_OFFSET);
  }

  /** Writes the addresses only. */
  address(destination: u64, source: u64): void {
    const at = changetype<usize>(this);
    storeMac(at, destination);
    storeMac(at + SOURCE_OFFSET, source);
  }
}

/** Writes the 6 bytes of an address. */
export function storeMac(at: usize, mac: u64): void {
  store<u32>(at, <u32>mac);
  store<u16>(at, <u16>(mac >> 32), MAC_TAIL_OFFSET);
}

/** The address whose 6 bytes are at `at`. */
export function loadMac(at: usize): u64 {
  return (<u64>load<u32>(at)) | ((<u64>load<u16>(at, MAC_TAIL_OFFSET)) << 32);
}

export function isGroup(mac: u64): bool {
  return (mac & 1) != 0;
}

/** Whether an address can be one station's. */
export function isStation(mac: u64): bool {
  return mac != 0 && !isGroup(mac);
}

export function isReservedGroup(mac: u64): bool {
  return (mac & RESERVED_GROUP_MASK) == RESERVED_GROUP;
}
