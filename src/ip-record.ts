/** IP addresses in records of the core: 16 bytes as on the wire, and a byte for the family. */
import { Family } from '../assembly/abi.js';

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** Writes 4 or 16 bytes to `at` and what they are to `familyAt`. */
export function writeIp(view: DataView, at: number, familyAt: number, ip: Uint8Array): void {
  const isIpv4 = ip.length === IPV4_BYTES;
  if (!isIpv4 && ip.length !== IPV6_BYTES) throw new Error(`no IP address: ${ip.length} bytes`);
  ip.forEach((byte, i) => view.setUint8(at + i, byte));
  view.setUint8(familyAt, isIpv4 ? Family.Ipv4 : Family.Ipv6);
}

/** The 4 or 16 bytes at `at`. */
export function readIp(view: DataView, at: number, family: Family): Uint8Array {
  const bytes = family === Family.Ipv4 ? IPV4_BYTES : IPV6_BYTES;
  return new Uint8Array(view.buffer.slice(at, at + bytes));
}
