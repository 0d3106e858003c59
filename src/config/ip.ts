/** IP addresses in a configuration: what kind they are, and the prefix behind a slash. */
import type { Problem } from './config-error.js';
import { formatIp, parseIp } from '../frame/address.js';

const IPV4_BYTES = 4;
const IPV4_LOOPBACK = 127;
const IPV4_FIRST_GROUP = 224; // RFC 5771 §3
const IPV4_FIRST_RESERVED = 240; // RFC 1112 §4
const IPV6_GROUP = 0xff; // RFC 4291 §2.7
const BYTE_BITS = 8;

/** Of the same family or not, that is all we compare. */
export function isIpv4(ip: Uint8Array): boolean {
  return ip.length === IPV4_BYTES;
}

/** The same of text that is known to be an address. */
export function isIpv4Text(ip: string): boolean {
  return !ip.includes(':');
}

/** Not unspecified, not a loopback, not a group, not reserved. */
export function isStationIp(ip: Uint8Array): boolean {
  const first = ip[0]!;
  if (isIpv4(ip)) return first !== 0 && first !== IPV4_LOOPBACK && first < IPV4_FIRST_GROUP;
  const isLow = ip.subarray(0, -1).every(byte => byte === 0) && ip.at(-1)! <= 1;
  return first !== IPV6_GROUP && !isLow;
}

/** A multicast group. */
export function isGroupIp(ip: Uint8Array): boolean {
  const first = ip[0]!;
  if (!isIpv4(ip)) return first === IPV6_GROUP;
  return first >= IPV4_FIRST_GROUP && first < IPV4_FIRST_RESERVED;
}

/** `192.168.0.2/24`, or without a prefix one address alone. Undefined: it is none. */
export function parseAddress(text: string): { ip: Uint8Array; prefixBits: number } | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const ip = parseIp(address);
  if (ip === undefined || more.length > 0) return undefined;
  const most = ip.length * BYTE_BITS;
  if (prefix === undefined) return { ip, prefixBits: most };
  const prefixBits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
  return prefixBits <= most ? { ip, prefixBits } : undefined;
}

/** An address in its one form; what is none stays as it is. */
export function canonicalIp(text: string): string {
  const ip = parseIp(text);
  return ip === undefined ? text : formatIp(ip);
}

/** The first `bits` bits of an address; the others 0. */
export function maskedIp(ip: Uint8Array, bits: number): Uint8Array {
  return ip.map((byte, i) => {
    const kept = Math.min(BYTE_BITS, Math.max(0, bits - BYTE_BITS * i));
    return byte & (0xff00 >> kept) & 0xff;
  });
}

/** Whether an address is in a prefix of the same family. Both are known to be addresses. */
export function isInPrefix(ip: string, prefix: { ip: string; prefixBits: number }): boolean {
  if (isIpv4Text(ip) !== isIpv4Text(prefix.ip)) return false;
  const { prefixBits } = prefix;
  const [one, other] = [ip, prefix.ip].map(text => maskedIp(parseIp(text)!, prefixBits));
  return one!.every((byte, i) => byte === other![i]);
}

/** RFC 4291 §2.5.6: on every link, so only the interface says which. */
const LINK_LOCAL = { ip: 'fe80::', prefixBits: 10 };

/** Whether an address is good on its link only. */
export function isLinkLocal(ip: string): boolean {
  return isInPrefix(ip, LINK_LOCAL);
}

/** `10.0.0.0/16`, of an address in it. */
export function subnetOf({ ip, prefixBits }: { ip: string; prefixBits: number }): string {
  return `${formatIp(maskedIp(parseIp(ip)!, prefixBits))}/${prefixBits}`;
}

/** RFC 8200 §5: every link carries as much. */
const IPV6_LEAST_MTU_BYTES = 1280;

/** Adds a problem where a link has an IPv6 address and takes less than IPv6 asks for. */
export function checkMtu(
  path: string,
  mtuBytes: number,
  addresses: readonly { ip: string }[],
  problems: Problem[],
): void {
  const isLow = mtuBytes < IPV6_LEAST_MTU_BYTES;
  if (!isLow || addresses.every(({ ip }) => isIpv4Text(ip))) return;
  const expected = `expected ${IPV6_LEAST_MTU_BYTES}..65535 bytes, as there is an IPv6 address`;
  problems.push({ path, problem: `${expected}, got ${mtuBytes}` });
}
