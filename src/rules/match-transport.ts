/** Matches on TCP, UDP, SCTP and ICMP: iptables-extensions(8). */
import { bare, negatable, type Body, type MatchExtension, type Options } from './extension.js';
import { readIcmpType } from './icmp-types.js';
import type { Match, Range } from './model.js';
import { hasPorts, ICMP, ICMPV6, protocolName, SCTP, TCP, UDP } from './protocols.js';
import { MAX_U16, MAX_U8, readNames, readNumber, readRange } from './values.js';
import { expected, splitAt, type Word } from './words.js';

const MAX_PORTS = 15; // XT_MULTI_PORTS of Linux; a range takes two
const PORT_FLAGS = [
  negatable('--sport', '--source-port'),
  negatable('--dport', '--destination-port'),
];
const TCP_FLAG_NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;
const SYN_MASK = 0x17; // FIN, SYN, RST, ACK
const SYN_SET = 0x02;

/** Refuses a match on a protocol in a rule that is not about that protocol alone. */
function needProtocol(options: Options, actual: number | undefined, needed: number): void {
  if (actual === needed) return;
  throw options.fault(`expected -p ${protocolName(needed)} in the same rule, got none`);
}

function readPorts(options: Options): Match[] {
  const any = (match: Match): boolean => {
    const { first, last } = (match as { ports: Range }).ports;
    return first === 0 && last === MAX_U16 && !match.negated;
  };
  const port =
    (kind: 'sourcePort' | 'destinationPort') =>
    (word: Word): Body => ({ kind, ports: readRange(word, MAX_U16) });
  return [
    ...options.read('--sport', port('sourcePort')),
    ...options.read('--dport', port('destinationPort')),
  ].filter(match => !any(match));
}

function readTcpFlags(options: Options): Match[] {
  const both = options.given('--tcp-flags');
  const syn = options.given('--syn');
  if (both !== undefined && syn !== undefined)
    throw expected('--tcp-flags or --syn alone', syn.option);
  if (syn !== undefined) {
    const flags = { mask: SYN_MASK, set: SYN_SET };
    return [{ kind: 'tcpFlags', flags, negated: syn.negated }];
  }
  if (both === undefined) return [];
  const [mask, set] = both.values.map(readFlagBits);
  if ((set! & ~mask!) !== 0) throw expected('only flags that are in the mask', both.values[1]!);
  return [{ kind: 'tcpFlags', flags: { mask: mask!, set: set! }, negated: both.negated }];
}

function readFlagBits(word: Word): number {
  if (word.text === 'NONE') return 0;
  if (word.text === 'ALL') return (1 << TCP_FLAG_NAMES.length) - 1;
  const names = readNames(word, TCP_FLAG_NAMES);
  return names.reduce((bits, name) => bits | (1 << TCP_FLAG_NAMES.indexOf(name)), 0);
}

/** `SYN,RST`; `NONE` for no flag. */
export function printTcpFlags(bits: number): string {
  const names = TCP_FLAG_NAMES.filter((_, i) => (bits & (1 << i)) !== 0);
  return names.length === 0 ? 'NONE' : names.join(',');
}

const tcp: MatchExtension = {
  name: 'tcp',
  flags: [
    ...PORT_FLAGS,
    { names: ['--tcp-flags'], values: 2, negatable: true },
    { ...bare('--syn'), negatable: true },
    negatable('--tcp-option'),
  ],
  read(options, { protocol }) {
    needProtocol(options, protocol, TCP);
    const option = (word: Word): Body => ({
      kind: 'tcpOption',
      option: readNumber(word, MAX_U8, 1),
    });
    return [
      ...readPorts(options),
      ...options.read('--tcp-option', option),
      ...readTcpFlags(options),
    ];
  },
};

function portsOnly(name: string, number: number): MatchExtension {
  return {
    name,
    flags: PORT_FLAGS,
    read(options, { protocol }) {
      needProtocol(options, protocol, number);
      return readPorts(options);
    },
  };
}

const icmp: MatchExtension = {
  name: 'icmp',
  family: 'ipv4',
  flags: [negatable('--icmp-type')],
  read(options, { protocol }) {
    needProtocol(options, protocol, ICMP);
    options.needed('--icmp-type');
    return options.read('--icmp-type', word => ({
      kind: 'icmpType',
      ...readIcmpType(word, 'ipv4'),
    }));
  },
};

const icmp6: MatchExtension = {
  name: 'icmp6',
  family: 'ipv6',
  flags: [negatable('--icmpv6-type', '--icmp-type')],
  read(options, { protocol }) {
    needProtocol(options, protocol, ICMPV6);
    options.needed('--icmpv6-type');
    return options.read('--icmpv6-type', word => ({
      kind: 'icmpType',
      ...readIcmpType(word, 'ipv6'),
    }));
  },
};

function readPortList(word: Word): Range[] {
  const open = splitAt(word, ',').find(part => /^:|:$/.test(part.text));
  if (open !== undefined) throw expected('both ends of a range', open);
  const ranges = splitAt(word, ',').map(part => readRange(part, MAX_U16));
  const ports = ranges.reduce((sum, { first, last }) => sum + (first === last ? 1 : 2), 0);
  if (ports > MAX_PORTS) throw expected(`at most ${MAX_PORTS} ports, a range being two`, word);
  return ranges;
}

const FIELDS = { '--sports': 'source', '--dports': 'destination', '--ports': 'either' } as const;

const multiport: MatchExtension = {
  name: 'multiport',
  flags: [
    negatable('--sports', '--source-ports'),
    negatable('--dports', '--destination-ports'),
    negatable('--ports'),
  ],
  read(options, { protocol }) {
    if (!hasPorts(protocol))
      throw options.fault('expected -p tcp, udp, udplite, dccp or sctp in the same rule, got none');
    const name = options.one(Object.keys(FIELDS)) as keyof typeof FIELDS;
    return options.read(name, word => ({
      kind: 'multiport',
      field: FIELDS[name],
      ranges: readPortList(word),
    }));
  },
};

export const TRANSPORT_MATCHES: readonly MatchExtension[] = [
  tcp,
  portsOnly('udp', UDP),
  portsOnly('sctp', SCTP),
  icmp,
  icmp6,
  multiport,
];
