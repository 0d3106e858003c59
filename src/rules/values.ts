/** Reads and prints the values of options: numbers, ranges, masks, addresses, names. */
import { nearest } from '../config/nearest.js';
import { formatIp, parseIp } from '../frame/address.js';
import type { Family, IpMask, IpRange, Masked, Range } from './model.js';
import { expected, LineFault, splitAt, type Word } from './words.js';

const BYTE_BITS = 8;
const MAX_INTERFACE = 15; // IFNAMSIZ of Linux, less the end
export const MAX_U8 = 0xff;
export const MAX_U16 = 0xffff;
export const MAX_U32 = 0xffffffff;

/** Decimal, `0x` or octal with a leading 0, as strtoul(3) reads it. */
export function readNumber(word: Word, most: number, least = 0): number {
  const { text } = word;
  const isNumber = /^(0[xX][\da-fA-F]+|0[0-7]*|[1-9]\d*)$/.test(text);
  const number = /^0[0-7]+$/.test(text) ? parseInt(text, BYTE_BITS) : Number(text);
  if (!isNumber || number < least || number > most) throw expected(`${least}..${most}`, word);
  return number;
}

/** `80`, `80:90`, `80:` or `:90`; the separator is another where the option says so. */
export function readRange(word: Word, most: number, separator = ':'): Range {
  const [low, high, more] = splitAt(word, separator);
  if (more !== undefined) throw expected(`a${separator}b`, word);
  if (high === undefined) {
    const number = readNumber(low!, most);
    return { first: number, last: number };
  }
  const first = low!.text === '' ? 0 : readNumber(low!, most);
  const last = high.text === '' ? most : readNumber(high, most);
  if (first > last) throw expected('the lower number first', word);
  return { first, last };
}

export function printRange({ first, last }: Range, separator = ':'): string {
  return first === last ? String(first) : `${first}${separator}${last}`;
}

/** `0x1/0xff`; without a mask all bits count. */
export function readMasked(word: Word): Masked {
  const [value, mask, more] = splitAt(word, '/');
  if (more !== undefined) throw expected('value/mask', word);
  return {
    value: readNumber(value!, MAX_U32),
    mask: mask === undefined ? MAX_U32 : readNumber(mask, MAX_U32),
  };
}

export function hex(number: number, digits = 1): string {
  return `0x${(number >>> 0).toString(16).padStart(digits, '0')}`;
}

/** `192.168.0.2`, `fd00::2`. */
export function readIp(word: Word, family: Family): Uint8Array {
  const ip = parseIp(word.text);
  if (ip === undefined || ip.length !== ipBytes(family)) throw expected(ipWords(family), word);
  return ip;
}

/** An address, with `/prefix` or `/mask` behind it or not. */
export function readIpMask(word: Word, family: Family): IpMask {
  const [address, behindSlash, more] = splitAt(word, '/');
  if (more !== undefined) throw expected(`${ipWords(family)}/prefix`, word);
  const ip = readIp(address!, family);
  const mask = readMask(behindSlash, family);
  return { ip: ip.map((byte, i) => byte & mask[i]!), mask };
}

function readMask(word: Word | undefined, family: Family): Uint8Array {
  const bits = ipBytes(family) * BYTE_BITS;
  if (word === undefined) return prefixMask(bits, family);
  if (/^\d+$/.test(word.text)) return prefixMask(readPrefix(word, bits), family);
  return readIp(word, family);
}

function readPrefix(word: Word, most: number): number {
  if (Number(word.text) > most) throw expected(`0..${most} bits`, word);
  return Number(word.text);
}

/** One array for each length: there are few, and many rules. Nobody writes to it. */
function prefixMask(bits: number, family: Family): Uint8Array {
  return PREFIX_MASKS[family][bits]!;
}

function prefixMasks(bytes: number): Uint8Array[] {
  return Array.from({ length: bytes * BYTE_BITS + 1 }, (_, bits) =>
    Uint8Array.from({ length: bytes }, (_, i) => {
      const inByte = Math.min(BYTE_BITS, Math.max(0, bits - i * BYTE_BITS));
      return (MAX_U8 << (BYTE_BITS - inByte)) & MAX_U8;
    }),
  );
}

const PREFIX_MASKS: Readonly<Record<Family, readonly Uint8Array[]>> = {
  ipv4: prefixMasks(4),
  ipv6: prefixMasks(16),
};

/** As inet_ntop(3) of Linux: what ends in an IPv4 address (`::ffff:1.2.3.4`) shows it. */
export function printIp(ip: Uint8Array): string {
  const zeros = ip.findIndex(byte => byte !== 0);
  const isMapped = zeros === 10 && ip[10] === MAX_U8 && ip[11] === MAX_U8;
  if (ip.length === 4 || !(isMapped || zeros === 12 || zeros === 13)) return formatIp(ip);
  return `::${isMapped ? 'ffff:' : ''}${ip.subarray(12).join('.')}`;
}

/** `/24` where the mask is a prefix, `/255.0.255.0` where it is not. */
export function printIpMask({ ip, mask }: IpMask): string {
  const bits = prefixBits(mask);
  return `${printIp(ip)}/${bits ?? printIp(mask)}`;
}

/** The same without the prefix of a whole address. */
export function printHostOrMask(prefix: IpMask): string {
  const isHost = prefix.mask.every(byte => byte === MAX_U8);
  return isHost ? printIp(prefix.ip) : printIpMask(prefix);
}

/** Undefined where the ones of the mask do not stand in front. */
export function prefixBits(mask: Uint8Array): number | undefined {
  const ones = mask.findIndex(byte => byte !== MAX_U8);
  if (ones < 0) return mask.length * BYTE_BITS;
  const inByte = Math.clz32(~(mask[ones]! << (3 * BYTE_BITS)));
  const bits = ones * BYTE_BITS + inByte;
  const family = mask.length === ipBytes('ipv4') ? 'ipv4' : 'ipv6';
  const isPrefix = prefixMask(bits, family).every((byte, i) => byte === mask[i]);
  return isPrefix ? bits : undefined;
}

/** Whether every address is in it. */
export function isAny({ mask }: IpMask): boolean {
  return mask.every(byte => byte === 0);
}

/** `a-b`, or one address alone. */
export function readIpRange(word: Word, family: Family): IpRange {
  const [low, high, more] = splitAt(word, '-');
  if (more !== undefined) throw expected(`${ipWords(family)}-${ipWords(family)}`, word);
  const first = readIp(low!, family);
  const last = high === undefined ? first : readIp(high, family);
  if (Buffer.compare(first, last) > 0) throw expected('the lower address first', word);
  return { first, last };
}

/** One address alone where both ends are the same. */
export function printIpRange({ first, last }: IpRange): string {
  const isOne = Buffer.compare(first, last) === 0;
  return isOne ? printIp(first) : `${printIp(first)}-${printIp(last)}`;
}

function ipBytes(family: Family): number {
  return family === 'ipv4' ? 4 : 16;
}

function ipWords(family: Family): string {
  return family === 'ipv4' ? 'an IPv4 address' : 'an IPv6 address';
}

/** `eth0`, or `eth+` for all that begin so. */
export function readInterface(word: Word): { name: string; isPrefix: boolean } {
  if (word.text === '' || word.text.length > MAX_INTERFACE || /[/\s]/.test(word.text))
    throw expected(`an interface name of 1..${MAX_INTERFACE} characters`, word);
  const isPrefix = word.text.endsWith('+');
  return { name: isPrefix ? word.text.slice(0, -1) : word.text, isPrefix };
}

/** One of the names, in any case; what is printed is the name as in the list. */
export function readName<T extends string>(word: Word, names: readonly T[]): T {
  const name = names.find(known => known.toLowerCase() === word.text.toLowerCase());
  if (name === undefined) throw unknownWord(`one of ${names.join(', ')}`, word, names);
  return name;
}

/** Names with commas between them, in the order of `names`, each once. */
export function readNames<T extends string>(word: Word, names: readonly T[]): T[] {
  const given = splitAt(word, ',').map(part => readName(part, names));
  return names.filter(name => given.includes(name));
}

/** `expected …, got … (did you mean …?)`. */
export function unknownWord(what: string, word: Word, known: readonly string[]): LineFault {
  const meant = nearest(word.text, known);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  return new LineFault(word.column, `expected ${what}, got ${word.text}${hint}`);
}
