/** ICMP types by name, as iptables-extensions(8) lists them (RFC 792, RFC 4443). */
import type { Family, Range } from './model.js';
import { MAX_U8, readNumber, unknownWord } from './values.js';
import { splitAt, type Word } from './words.js';

export interface IcmpType {
  /** Undefined: any. */
  readonly type: number | undefined;
  readonly codes: Range;
}

type Names = Readonly<Record<string, readonly [type: number, code?: number]>>;

const ALL_CODES: Range = { first: 0, last: MAX_U8 };

const ICMP_NAMES: Names = {
  'echo-reply': [0],
  pong: [0],
  'destination-unreachable': [3],
  'network-unreachable': [3, 0],
  'host-unreachable': [3, 1],
  'protocol-unreachable': [3, 2],
  'port-unreachable': [3, 3],
  'fragmentation-needed': [3, 4],
  'source-route-failed': [3, 5],
  'network-unknown': [3, 6],
  'host-unknown': [3, 7],
  'network-prohibited': [3, 9],
  'host-prohibited': [3, 10],
  'TOS-network-unreachable': [3, 11],
  'TOS-host-unreachable': [3, 12],
  'communication-prohibited': [3, 13],
  'host-precedence-violation': [3, 14],
  'precedence-cutoff': [3, 15],
  'source-quench': [4],
  redirect: [5],
  'network-redirect': [5, 0],
  'host-redirect': [5, 1],
  'TOS-network-redirect': [5, 2],
  'TOS-host-redirect': [5, 3],
  'echo-request': [8],
  ping: [8],
  'router-advertisement': [9],
  'router-solicitation': [10],
  'time-exceeded': [11],
  'ttl-exceeded': [11],
  'ttl-zero-during-transit': [11, 0],
  'ttl-zero-during-reassembly': [11, 1],
  'parameter-problem': [12],
  'ip-header-bad': [12, 0],
  'required-option-missing': [12, 1],
  'timestamp-request': [13],
  'timestamp-reply': [14],
  'address-mask-request': [17],
  'address-mask-reply': [18],
};

const ICMPV6_NAMES: Names = {
  'destination-unreachable': [1],
  'no-route': [1, 0],
  'communication-prohibited': [1, 1],
  'beyond-scope': [1, 2],
  'address-unreachable': [1, 3],
  'port-unreachable': [1, 4],
  'failed-policy': [1, 5],
  'reject-route': [1, 6],
  'packet-too-big': [2],
  'time-exceeded': [3],
  'ttl-exceeded': [3],
  'ttl-zero-during-transit': [3, 0],
  'ttl-zero-during-reassembly': [3, 1],
  'parameter-problem': [4],
  'bad-header': [4, 0],
  'unknown-header-type': [4, 1],
  'unknown-option': [4, 2],
  'echo-request': [128],
  ping: [128],
  'echo-reply': [129],
  pong: [129],
  'router-solicitation': [133],
  'router-advertisement': [134],
  'neighbour-solicitation': [135],
  'neighbor-solicitation': [135],
  'neighbour-advertisement': [136],
  'neighbor-advertisement': [136],
  redirect: [137],
};

/** `echo-request`, `8`, `3/1`, `any`. */
export function readIcmpType(word: Word, family: Family): IcmpType {
  if (family === 'ipv4' && word.text === 'any') return { type: undefined, codes: ALL_CODES };
  const [type, code, more] = splitAt(word, '/');
  if (/^\d/.test(word.text) && more === undefined) {
    const number = code === undefined ? undefined : readNumber(code, MAX_U8);
    return icmpType(readNumber(type!, MAX_U8), number);
  }
  const names = family === 'ipv4' ? ICMP_NAMES : ICMPV6_NAMES;
  const known = names[word.text.toLowerCase()] ?? names[word.text];
  if (known === undefined) throw unknownWord('an ICMP type', word, Object.keys(names));
  return icmpType(known[0], known[1]);
}

function icmpType(type: number, code: number | undefined): IcmpType {
  return { type, codes: code === undefined ? ALL_CODES : { first: code, last: code } };
}

/** `8`, `3/1`, `any`. */
export function printIcmpType({ type, codes }: IcmpType): string {
  if (type === undefined) return 'any';
  return codes.first === codes.last ? `${type}/${codes.first}` : String(type);
}
