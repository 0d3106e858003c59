/** MAC addresses as numbers of 48 bits, first byte highest. */
const MAC = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;
const GROUP_BIT = 1n << 40n;

/** Undefined: not six bytes in hexadecimal. */
export function parseMac(text: string): bigint | undefined {
  if (!MAC.test(text)) return undefined;
  return BigInt(`0x${text.replaceAll(/[:-]/g, '')}`);
}

/** `02:42:ac:11:00:02`. */
export function macText(mac: bigint): string {
  const digits = mac.toString(16).padStart(12, '0');
  return digits.match(/../g)!.join(':');
}

/** A group (multicast or broadcast) address: one no station has. */
export function isGroupMac(mac: bigint): boolean {
  return (mac & GROUP_BIT) !== 0n;
}
