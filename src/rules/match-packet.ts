/** Matches on the packet itself and on where it came from: iptables-extensions(8). */
import { readDscpClass, readTosMatch } from './dscp.js';
import {
  bare,
  negatable,
  valued,
  type Body,
  type MatchExtension,
  type Options,
} from './extension.js';
import { rateMatches } from './match-rate.js';
import type { AddressType, BpfInstruction, Family, Match } from './model.js';
import {
  MAX_U16,
  MAX_U32,
  MAX_U8,
  readInterface,
  readIpRange,
  readName,
  readNames,
  readNumber,
  readRange,
} from './values.js';
import { expected, splitAt, type Word } from './words.js';

const MAX_COMMENT = 255; // XT_MAX_COMMENT_LEN of Linux, less the end
const MAX_BPF = 64; // XT_BPF_MAX_NUM_INSTR of Linux
const MAX_DSCP = 0x3f; // RFC 2474 §3
const ADDRESS_TYPES: readonly AddressType[] = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
];
/** What IPv6 has no such addresses or routes for, as Linux has it. */
const IPV4_ONLY: readonly AddressType[] = ['BROADCAST', 'BLACKHOLE', 'PROHIBIT'];

function limitOf(options: Options): 'in' | 'out' | undefined {
  const isIn = options.has('--limit-iface-in');
  const isOut = options.has('--limit-iface-out');
  if (isIn && isOut) throw options.fault('expected one of --limit-iface-in and -out, got both');
  if (isIn) return 'in';
  return isOut ? 'out' : undefined;
}

const addrtype: MatchExtension = {
  name: 'addrtype',
  flags: [
    negatable('--src-type'),
    negatable('--dst-type'),
    bare('--limit-iface-in'),
    bare('--limit-iface-out'),
  ],
  read(options, { family }) {
    const limitTo = limitOf(options);
    const known = ADDRESS_TYPES.filter(type => family === 'ipv4' || !IPV4_ONLY.includes(type));
    const read =
      (kind: 'sourceType' | 'destinationType') =>
      (word: Word): Body => ({ kind, types: readNames(word, known), limitTo });
    const matches = [
      ...options.read('--src-type', read('sourceType')),
      ...options.read('--dst-type', read('destinationType')),
    ];
    if (matches.length === 0) throw options.fault('expected --src-type or --dst-type, got none');
    return matches;
  },
  behind: ([match]) => {
    const limitTo =
      match?.kind === 'sourceType' || match?.kind === 'destinationType' ? match.limitTo : undefined;
    return limitTo === undefined ? '' : `--limit-iface-${limitTo}`;
  },
};

const comment: MatchExtension = {
  name: 'comment',
  flags: [valued('--comment')],
  read(options) {
    const word = options.needed('--comment');
    if (word.text.length > MAX_COMMENT) throw expected(`at most ${MAX_COMMENT} characters`, word);
    return [{ kind: 'comment', comment: word.text, negated: false }];
  },
};

const mac: MatchExtension = {
  name: 'mac',
  flags: [negatable('--mac-source')],
  read(options) {
    options.needed('--mac-source');
    return options.read('--mac-source', word => {
      if (!/^([\da-f]{2}:){5}[\da-f]{2}$/i.test(word.text)) throw expected('a MAC address', word);
      const bytes = word.text.split(':').map(byte => parseInt(byte, 16));
      return { kind: 'macSource', mac: Uint8Array.from(bytes) };
    });
  },
};

const iprange: MatchExtension = {
  name: 'iprange',
  flags: [negatable('--src-range'), negatable('--dst-range')],
  read(options, { family }) {
    options.some(this.flags);
    const read = (kind: 'sourceRange' | 'destinationRange', of: Family) => (word: Word) => ({
      kind,
      range: readIpRange(word, of),
    });
    return [
      ...options.read('--src-range', read('sourceRange', family)),
      ...options.read('--dst-range', read('destinationRange', family)),
    ];
  },
};

const physdev: MatchExtension = {
  name: 'physdev',
  flags: [
    negatable('--physdev-in'),
    negatable('--physdev-out'),
    ...['--physdev-is-in', '--physdev-is-out', '--physdev-is-bridged'].map(name => ({
      ...bare(name),
      negatable: true,
    })),
  ],
  read(options) {
    options.some(this.flags);
    const named = (kind: 'physdevIn' | 'physdevOut') => (word: Word) => ({
      kind,
      ...readInterface(word),
    });
    return [
      ...options.read('--physdev-is-in', () => ({ kind: 'physdevIsIn' })),
      ...options.read('--physdev-in', named('physdevIn')),
      ...options.read('--physdev-is-out', () => ({ kind: 'physdevIsOut' })),
      ...options.read('--physdev-out', named('physdevOut')),
      ...options.read('--physdev-is-bridged', () => ({ kind: 'physdevIsBridged' })),
    ];
  },
};

/** `4,48 0 0 9,21 0 1 6,…`: how many instructions, then code, jumps and operand of each. */
function readBytecode(word: Word): BpfInstruction[] {
  const [count, ...lines] = splitAt(word, ',');
  const length = readNumber(count!, MAX_BPF, 1);
  if (lines.at(-1)?.text.trim() === '') lines.pop();
  if (lines.length !== length) throw expected(`${length} instructions`, word);
  return lines.map(line => {
    const parts = splitAt(line, ' ').filter(part => part.text !== '');
    if (parts.length !== 4) throw expected('code, jump if true, jump if false, operand', line);
    return {
      code: readNumber(parts[0]!, MAX_U16),
      jumpTrue: readNumber(parts[1]!, MAX_U8),
      jumpFalse: readNumber(parts[2]!, MAX_U8),
      k: readNumber(parts[3]!, MAX_U32),
    };
  });
}

const bpf: MatchExtension = {
  name: 'bpf',
  flags: [valued('--bytecode')],
  read(options) {
    const program = readBytecode(options.needed('--bytecode'));
    return [{ kind: 'bpf', program, negated: false }];
  },
};

const length: MatchExtension = {
  name: 'length',
  flags: [negatable('--length')],
  read(options) {
    options.needed('--length');
    return options.read('--length', word => ({ kind: 'length', bytes: readRange(word, MAX_U16) }));
  },
};

/** `ttl` for IPv4, `hl` for IPv6. */
function ttlMatch(name: 'ttl' | 'hl', family: Family): MatchExtension {
  const flags = ['eq', 'lt', 'gt'].map(compare => `--${name}-${compare}`);
  return {
    name,
    family,
    flags: [negatable(flags[0]!, `--${name}`), valued(flags[1]!), valued(flags[2]!)],
    read(options): Match[] {
      const flag = options.one(flags);
      const compare = flag.slice(-2) as 'eq' | 'lt' | 'gt';
      return options.read(flag, word => ({
        kind: 'ttl',
        compare,
        ttl: readNumber(word, MAX_U8),
      }));
    },
  };
}

const dscp: MatchExtension = {
  name: 'dscp',
  flags: [negatable('--dscp'), negatable('--dscp-class')],
  read(options) {
    options.one(['--dscp', '--dscp-class']);
    return [
      ...options.read('--dscp', word => ({ kind: 'dscp', dscp: readNumber(word, MAX_DSCP) })),
      ...options.read('--dscp-class', word => ({ kind: 'dscp', dscp: readDscpClass(word) })),
    ];
  },
};

const tos: MatchExtension = {
  name: 'tos',
  flags: [negatable('--tos')],
  read(options) {
    options.needed('--tos');
    return options.read('--tos', word => ({ kind: 'tos', tos: readTosMatch(word) }));
  },
};

const pkttype: MatchExtension = {
  name: 'pkttype',
  flags: [negatable('--pkt-type')],
  read(options) {
    options.needed('--pkt-type');
    const types = ['unicast', 'broadcast', 'multicast'] as const;
    return options.read('--pkt-type', word => ({ kind: 'pkttype', type: readName(word, types) }));
  },
};

export const PACKET_MATCHES: readonly MatchExtension[] = [
  addrtype,
  comment,
  mac,
  iprange,
  physdev,
  bpf,
  length,
  ttlMatch('ttl', 'ipv4'),
  ttlMatch('hl', 'ipv6'),
  dscp,
  tos,
  pkttype,
  ...rateMatches,
];
