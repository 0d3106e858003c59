/** Sets of VLANs: a bitmap of VLAN_SET_BYTES bytes, bit n of byte n / 8 is VLAN n. */
export function hasBit(set: usize, bit: u32): bool {
  return (((<u32>load<u8>(set + (bit >> 3))) >> (bit & 7)) & 1) != 0;
}

export function setBit(set: usize, bit: u32, on: bool): void {
  const at = set + (bit >> 3);
  const mask: u32 = 1 << (bit & 7);
  const old: u32 = load<u8>(at);
  store<u8>(at, <u8>(on ? old | mask : old & ~mask));
}
