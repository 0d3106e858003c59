/**
 * The Internet checksum as RFC 1071 §4.1 writes it: one 16-bit word at a time, in network
 * order, folded at once. Slow and obvious, to check the core against.
 */

/** One's complement sum of big-endian 16-bit words; an odd last byte is the high half. */
export function slowSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
  }
  return sum;
}

/** The checksum field that makes `bytes` add up. */
export function slowChecksum(bytes: Uint8Array, start = 0): number {
  return ~slowSum(bytes, start) & 0xffff;
}

/** Whether the checksum of a TCP or UDP segment behind `ip` (IPv4 or IPv6) is right. */
export function isL4Valid(addresses: Uint8Array, protocol: number, l4: Uint8Array): boolean {
  const pseudo = slowSum(addresses, slowSum(Uint8Array.of(0, protocol, l4.length >> 8, l4.length)));
  return slowSum(l4, pseudo) === 0xffff;
}
