/**
 * MAC addresses: text, six bytes, or a number of 48 bits with the first byte highest, as
 * `FdbEntry.mac` holds it.
 */
const MAC = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;
const MAC_BYTES = 6;
const GROUP_BIT = 1n << 40n;

/** Undefined: not six bytes in hexadecimal, parted by `:` or `-`. */
export function parseMac(text: string): bigint | undefined {
  if (!MAC.test(text)) return undefined;
  return BigInt(`0x${text.replaceAll(/[:-]/g, '')}`);
}

/** `02:42:ac:11:00:02`. */
export function macText(mac: bigint): string {
  return formatMac(macBytes(mac));
}

/** The same from six bytes. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':');
}

/** The bytes, first byte first. */
export function macBytes(mac: bigint): Uint8Array {
  return Uint8Array.from({ length: MAC_BYTES }, (_, i) =>
    Number((mac >> BigInt(8 * (MAC_BYTES - 1 - i))) & 0xffn),
  );
}

/** The reverse of `macBytes`. */
export function macNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** A group (multicast or broadcast) address: one no station has. */
export function isGroupMac(mac: bigint): boolean {
  return (mac & GROUP_BIT) !== 0n;
}
