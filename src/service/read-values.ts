/** The values of ipvsadm's options: addresses with ports, masks, flags, numbers. */
import { parseIp } from '../frame/address.js';
import { prefixBits, unknownWord } from '../rules/values.js';
import { behind, expected, LineFault, splitAt, type Word } from '../rules/words.js';
import type { SchedulerFlag, SchedulerName, ServiceProtocol } from './model.js';
import { portOfName, systemPortNames, type PortNames } from './port-names.js';

const MAX_PORT = 0xffff;
const MULTICAST_V4 = 0xe0; // RFC 5771: 224.0.0.0/4, and above it nothing is unicast
const MULTICAST_V6 = 0xff; // RFC 4291 §2.7

export const SCHEDULERS: readonly SchedulerName[] = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'sed',
  'nq',
  'fo',
  'ovf',
  'mh',
  'twos',
];

/** The bits `flag-1`, `flag-2` and `flag-3` of each scheduler that has some. */
const FLAGS: Partial<Record<SchedulerName, readonly SchedulerFlag[]>> = {
  sh: ['sh-fallback', 'sh-port'],
  mh: ['mh-fallback', 'mh-port'],
};
const FLAG_BITS = ['flag-1', 'flag-2', 'flag-3'];

/** `expected what, got the word`, behind the words that ipvsadm has for it. */
export function illegal(what: string, wanted: string, word: Word): LineFault {
  return new LineFault(word.column, `${what}: ${expected(wanted, word).message}`);
}

/** Decimal, as strtol(3) reads it for ipvsadm: `010` is ten. */
export function readDecimal(word: Word, least: number, most: number, what: string): number {
  const number = Number(word.text);
  if (!/^\d+$/.test(word.text) || number < least || number > most)
    throw illegal(what, `${least}..${most}`, word);
  return number;
}

export interface AddressAndPort {
  readonly address: Uint8Array;
  /** Undefined where the word has none. */
  readonly port: number | undefined;
  readonly lastPort: number | undefined;
}

/** How ports are named, and whether a range may stand for one. */
export interface PortRules {
  readonly protocol: ServiceProtocol;
  readonly hasRanges: boolean;
  /** Of /etc/services where it says none. */
  readonly names: PortNames | undefined;
}

/** `10.0.0.1:80`, `10.0.0.1:http`, `[fd00::1]:80`, or an address alone. */
export function readAddressAndPort(word: Word, what: string, rules: PortRules): AddressAndPort {
  const { address: text, port } = splitPort(word);
  const address = parseIp(text.text);
  if (address === undefined)
    throw illegal(what, 'an IPv4 address or an IPv6 address in [ ], with :port or without', word);
  if (!isUnicast(address)) throw illegal(what, 'a unicast address', text);
  if (port === undefined) return { address, port, lastPort: undefined };
  return { address, ...readPorts(port, what, rules) };
}

function splitPort(word: Word): { address: Word; port: Word | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(word.text);
  if (bracketed !== null && bracketed[1]!.includes(':')) {
    const address = { text: bracketed[1]!, column: word.column + 1 };
    const hasPort = bracketed[2] !== undefined;
    return { address, port: hasPort ? behind(word, address.text.length + 3) : undefined };
  }
  const [address, port, more] = splitAt(word, ':');
  return more === undefined ? { address: address!, port } : { address: word, port: undefined };
}

/** Neither unspecified nor multicast nor broadcast. */
function isUnicast(address: Uint8Array): boolean {
  if (address.every(byte => byte === 0)) return false;
  return address[0]! < (address.length === 4 ? MULTICAST_V4 : MULTICAST_V6);
}

function readPorts(
  word: Word,
  what: string,
  rules: PortRules,
): { port: number; lastPort: number | undefined } {
  const range = /^(\d+)-(\d+)$/.exec(word.text);
  if (range === null || !rules.hasRanges)
    return { port: readPort(word, what, rules), lastPort: undefined };
  const [first, last] = splitAt(word, '-');
  const port = readPort(first!, what, rules);
  const lastPort = readPort(last!, what, rules);
  if (port === 0 || port >= lastPort) throw illegal(what, 'the lower port first, from 1 on', word);
  return { port, lastPort };
}

function readPort(word: Word, what: string, { protocol, names }: PortRules): number {
  if (/^\d+$/.test(word.text)) return readDecimal(word, 0, MAX_PORT, what);
  const port = portOfName(names ?? systemPortNames(), word.text, protocol);
  if (port !== undefined) return port;
  throw illegal(what, `a port 0..${MAX_PORT} or its name for ${protocol} in /etc/services`, word);
}

/** `-M`: `255.255.255.0` for IPv4, `64` for IPv6. */
export function readMaskBits(word: Word, family: 'ipv4' | 'ipv6'): number {
  if (family === 'ipv6') return readDecimal(word, 1, 128, 'illegal ipv6 netmask specified');
  const mask = parseIp(word.text);
  const bits = mask?.length === 4 ? prefixBits(mask) : undefined;
  if (bits === undefined || bits === 0) {
    const wanted = 'an IPv4 mask of 1..32 leading ones such as 255.255.255.0';
    throw illegal('illegal virtual server persistent mask specified', wanted, word);
  }
  return bits;
}

export function readScheduler(word: Word): SchedulerName {
  const name = SCHEDULERS.find(known => known === word.text);
  if (name === undefined)
    throw unknownWord(`a scheduler (${SCHEDULERS.join(', ')})`, word, SCHEDULERS);
  return name;
}

/** `sh-port,sh-fallback`, or the bits `flag-1` to `flag-3`; in the order of the bits. */
export function readSchedulerFlags(word: Word, scheduler: SchedulerName): SchedulerFlag[] {
  const own = FLAGS[scheduler] ?? [];
  const given = splitAt(word, ',').map(part => readFlag(part, scheduler, own));
  return own.filter(flag => given.includes(flag));
}

function readFlag(word: Word, scheduler: string, own: readonly SchedulerFlag[]): SchedulerFlag {
  const { text } = word;
  const flag = own.find((name, bit) => name === text || FLAG_BITS[bit] === text);
  if (flag !== undefined) return flag;
  const all = Object.values(FLAGS).flat();
  const isKnown = [...all, ...FLAG_BITS].includes(text);
  const what = `${isKnown ? 'incompatible' : 'invalid'} scheduler flag \`${text}'`;
  const wanted = own.length === 0 ? `no flags for scheduler ${scheduler}` : own.join(', ');
  throw illegal(what, wanted, word);
}
