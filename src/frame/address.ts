/** IP addresses as people write them. */
import { isIPv4, isIPv6 } from 'node:net';

export function formatIpv4(bytes: Uint8Array): string {
  return bytes.join('.');
}

/** RFC 5952 §4: the longest run of two zero groups or more is `::`. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  const text = groups.map(group => group.toString(16)).join(':');
  const runs = text.match(/(^|:)0(:0)+(?=:|$)/g) ?? [];
  const longest = runs.reduce((best, run) => {
    const zeros = (run.match(/0/g) ?? []).length;
    return zeros > (best.match(/0/g) ?? []).length ? run : best;
  }, '');
  if (longest === '') return text;
  const at = text.indexOf(longest);
  return `${text.slice(0, at)}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}

/** Of four bytes or sixteen. */
export function formatIp(bytes: Uint8Array): string {
  return bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes);
}

/** Four or sixteen bytes of an IP address; undefined when it is none. */
export function parseIp(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return parseIpv6(text);
}

function parseIpv6(text: string): Uint8Array {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted === null ? text : dotted[1]! + dottedGroups(dotted[2]!);
  const [head = '', tail] = plain.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - front.length - back.length).fill('0');
  const groups = [...front, ...(tail === undefined ? [] : zeros), ...back];
  return Uint8Array.from(groups.flatMap(group => splitGroup(parseInt(group, 16))));
}

function dottedGroups(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function splitGroup(group: number): number[] {
  return [group >> 8, group & 0xff];
}
