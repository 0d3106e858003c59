/** Blocks of IPv4 addresses, RFC 6890 §2.2.2 and RFC 5771 §3. Addresses in host order. */
const NETWORK_SHIFT: u32 = 24;
const NETWORK_ZERO: u32 = 0;
const NETWORK_LOOPBACK: u32 = 127;
const FIRST_GROUP_NETWORK: u32 = 224;

/** 0.0.0.0/8: this host, which has no address yet. */
export function isUnspecifiedIpv4(ip: u32): bool {
  return ip >>> NETWORK_SHIFT == NETWORK_ZERO;
}

/** Whether an address can be one station's on a link. */
export function isStationIpv4(ip: u32): bool {
  const network = ip >>> NETWORK_SHIFT;
  const isRange = network == NETWORK_ZERO || network == NETWORK_LOOPBACK;
  return !isRange && network < FIRST_GROUP_NETWORK;
}
