/** Matches on the state of a flow, marks, IPVS and IPsec policy: iptables-extensions(8). */
import {
  bare,
  negatable,
  valued,
  type Body,
  type MatchExtension,
  type Options,
} from './extension.js';
import type { CtState, CtStatus, Family, Match } from './model.js';
import { readProtocol } from './match-header.js';
import {
  MAX_U16,
  MAX_U32,
  readIpMask,
  readMasked,
  readName,
  readNames,
  readNumber,
  readRange,
} from './values.js';
import type { Word } from './words.js';

/** In the order in which they are printed. */
export const CT_STATES: readonly CtState[] = [
  'INVALID',
  'NEW',
  'RELATED',
  'ESTABLISHED',
  'UNTRACKED',
  'SNAT',
  'DNAT',
];
const CT_STATUSES: readonly CtStatus[] = ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'NONE'];
const DIRECTIONS = ['ORIGINAL', 'REPLY'] as const;
const CT_ADDRESSES = ['ctorigsrc', 'ctorigdst', 'ctreplsrc', 'ctrepldst'] as const;
const CT_PORTS = ['ctorigsrcport', 'ctorigdstport', 'ctreplsrcport', 'ctrepldstport'] as const;

function readCtTuple(options: Options, family: Family): Match[] {
  const addresses = CT_ADDRESSES.flatMap(kind =>
    options.read(`--${kind}`, word => ({ kind, prefix: readIpMask(word, family) })),
  );
  const ports = CT_PORTS.flatMap(kind =>
    options.read(`--${kind}`, word => ({ kind, ports: readRange(word, MAX_U16) })),
  );
  return [...addresses, ...ports];
}

const conntrack: MatchExtension = {
  name: 'conntrack',
  flags: [
    negatable('--ctstate'),
    negatable('--ctproto'),
    ...CT_ADDRESSES.map(name => negatable(`--${name}`)),
    ...CT_PORTS.map(name => negatable(`--${name}`)),
    negatable('--ctstatus'),
    negatable('--ctexpire'),
    valued('--ctdir'),
  ],
  read(options, { family }) {
    options.some(this.flags);
    return [
      ...options.read('--ctstate', word => ({
        kind: 'ctstate',
        states: readNames(word, CT_STATES),
      })),
      ...options.read('--ctproto', word => ({
        kind: 'ctproto',
        protocol: readProtocol(word),
      })),
      ...readCtTuple(options, family),
      ...options.read('--ctstatus', word => ({
        kind: 'ctstatus',
        statuses: readNames(word, CT_STATUSES),
      })),
      ...options.read('--ctexpire', word => ({
        kind: 'ctexpire',
        seconds: readRange(word, MAX_U32),
      })),
      ...options.read('--ctdir', word => ({
        kind: 'ctdir',
        direction: readName(word, DIRECTIONS),
      })),
    ];
  },
};

const STATES_OF_STATE = CT_STATES.slice(0, CT_STATES.indexOf('SNAT'));

/** The older name of `--ctstate`. */
const state: MatchExtension = {
  name: 'state',
  flags: [negatable('--state')],
  read(options) {
    options.needed('--state');
    return options.read('--state', word => ({
      kind: 'ctstate',
      states: readNames(word, STATES_OF_STATE),
    }));
  },
  instead: ([match]) =>
    match?.kind === 'ctstate'
      ? `${match.negated ? '! ' : ''}--state ${match.states.join(',')}`
      : '',
};

function markMatch(kind: 'mark' | 'connmark'): MatchExtension {
  return {
    name: kind,
    flags: [negatable('--mark')],
    read(options) {
      options.needed('--mark');
      return options.read('--mark', word => ({ kind, mark: readMasked(word) }));
    },
  };
}

const policy: MatchExtension = {
  name: 'policy',
  flags: [
    valued('--dir'),
    valued('--pol'),
    bare('--strict'),
    valued('--reqid'),
    valued('--spi'),
    valued('--proto'),
    valued('--mode'),
  ],
  read(options) {
    const number = (name: string): number | undefined => {
      const word = options.value(name);
      return word === undefined ? undefined : readNumber(word, MAX_U32);
    };
    const proto = options.value('--proto');
    const mode = options.value('--mode');
    const of = readName(options.needed('--pol'), ['ipsec', 'none'] as const);
    const given = ['--reqid', '--spi', '--proto', '--mode'].filter(name => options.has(name));
    if (of === 'none' && (given.length > 0 || options.has('--strict')))
      throw options.fault(`expected --pol none alone, got ${given[0] ?? '--strict'}`);
    return [
      {
        kind: 'policy',
        negated: false,
        direction: readName(options.needed('--dir'), ['in', 'out'] as const),
        policy: of,
        strict: options.has('--strict'),
        reqid: number('--reqid'),
        spi: number('--spi'),
        protocol: proto && readName(proto, ['ah', 'esp', 'ipcomp'] as const),
        mode: mode && readName(mode, ['transport', 'tunnel'] as const),
      },
    ];
  },
};

function ipvsPort(kind: 'ipvsPort' | 'ipvsPortControl'): (word: Word) => Body {
  return word => ({ kind, port: readNumber(word, MAX_U16) });
}

const ipvs: MatchExtension = {
  name: 'ipvs',
  flags: [
    { ...bare('--ipvs'), negatable: true },
    negatable('--vproto'),
    negatable('--vaddr'),
    negatable('--vport'),
    valued('--vdir'),
    negatable('--vmethod'),
    negatable('--vportctl'),
  ],
  read(options, { family }) {
    options.some(this.flags);
    const rest = [
      ...options.read('--vproto', word => ({
        kind: 'ipvsProtocol',
        protocol: readProtocol(word),
      })),
      ...options.read('--vaddr', word => ({
        kind: 'ipvsAddress',
        prefix: readIpMask(word, family),
      })),
      ...options.read('--vport', ipvsPort('ipvsPort')),
      ...options.read('--vdir', word => ({
        kind: 'ipvsDirection',
        direction: readName(word, DIRECTIONS),
      })),
      ...options.read('--vmethod', word => ({
        kind: 'ipvsMethod',
        method: readName(word, ['GATE', 'IPIP', 'MASQ'] as const),
      })),
      ...options.read('--vportctl', ipvsPort('ipvsPortControl')),
    ];
    const isNot = options.given('--ipvs')?.negated === true;
    if (isNot && rest.length > 0) throw options.fault('expected ! --ipvs alone, got more');
    return rest.length > 0 ? rest : [{ kind: 'ipvs', negated: isNot }];
  },
};

export const FLOW_MATCHES: readonly MatchExtension[] = [
  conntrack,
  state,
  markMatch('mark'),
  markMatch('connmark'),
  policy,
  ipvs,
];
