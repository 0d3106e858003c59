/**
 * Matches as `iptables -L -n` prints them, behind the columns. Matches of one extension that
 * stand together share its name. The odd spaces are those of iptables 1.8.
 */
import { formatMac } from '../frame/mac.js';
import { printProbability, printRate } from './match-rate.js';
import type { Family, Match, OfKind } from './model.js';
import { protocolName } from './protocols.js';
import { hex, MAX_U32, printHostOrMask, printIp, printRange } from './values.js';

type Kind = Match['kind'];
type Of<K extends Kind> = OfKind<Match, K>;

/** What stands in columns of its own. */
const COLUMNS: readonly Kind[] = ['source', 'destination', 'in', 'out', 'protocol', 'fragment'];

/** The name that matches of these kinds have in common. */
const GROUPS: Partial<Record<Kind, string>> = {
  sourceType: 'ADDRTYPE match',
  destinationType: 'ADDRTYPE match',
  physdevIn: 'PHYSDEV match',
  physdevOut: 'PHYSDEV match',
  physdevIsIn: 'PHYSDEV match',
  physdevIsOut: 'PHYSDEV match',
  physdevIsBridged: 'PHYSDEV match',
};
const TRANSPORT: readonly Kind[] = ['sourcePort', 'destinationPort', 'tcpFlags', 'tcpOption'];

/** `tcp dpt:80 /* web *\/`; '' for none. */
export function listMatches(matches: readonly Match[], family: Family): string {
  const protocol = matches.find((match): match is Of<'protocol'> => match.kind === 'protocol');
  const parts: string[] = [];
  let last: string | undefined;
  for (const match of matches) {
    if (COLUMNS.includes(match.kind)) continue;
    const isTransport = TRANSPORT.includes(match.kind);
    const group = isTransport ? protocolName(protocol!.protocol) : GROUPS[match.kind];
    if (group !== undefined && group !== last) parts.push(group);
    last = group;
    const list = LISTERS[match.kind] as (match: Match, family: Family) => string;
    parts.push(list(match, family));
  }
  return parts.join(' ');
}

function not({ negated }: { negated: boolean }, text = '!'): string {
  return negated ? text : '';
}

function port(name: string, match: Of<'sourcePort' | 'destinationPort'>): string {
  const { first, last } = match.ports;
  return `${name}${first === last ? '' : 's'}:${not(match)}${printRange(match.ports)}`;
}

function multiport(match: Of<'multiport'>): string {
  const { source, destination, either } = {
    source: 'sports',
    destination: 'dports',
    either: 'ports',
  };
  const name = { source, destination, either }[match.field];
  const ranges = match.ranges.map(range => printRange(range)).join(',');
  return `multiport ${name} ${not(match, ' !')}${ranges}`;
}

function twoDigits(value: number): string {
  return hex(value, 2);
}

function icmpType(match: Of<'icmpType'>, family: Family): string {
  const name = family === 'ipv4' ? 'icmp' : 'ipv6-icmp';
  const { type, codes } = match;
  const code = codes.first === 0 && codes.last === 255 ? '' : ` code ${printRange(codes, '-')}`;
  const sign = match.negated ? ' !type' : 'type';
  return `${name}${sign} ${type ?? 255}${code}`;
}

/** `ctstate NEW`, or with the sign before it. */
function flow(name: string, of: { negated: boolean }, value: string | number): string {
  return `${not(of, '! ')}${name} ${value}`;
}

function marked({ mark: { value, mask }, negated }: Of<'mark' | 'connmark'>): string {
  const text = mask === MAX_U32 ? hex(value) : `${hex(value)}/${hex(mask)}`;
  return negated ? `! ${text}` : text;
}

function addressType(side: string, match: Of<'sourceType' | 'destinationType'>): string {
  const limit = match.limitTo === undefined ? '' : ` limit-${match.limitTo}`;
  return `${side}-type ${not(match)}${match.types.join(',')}${limit}`;
}

function ipRange(side: string, match: Of<'sourceRange' | 'destinationRange'>): string {
  const { first, last } = match.range;
  return `${side} IP range ${not(match, '! ')}${printIp(first)}-${printIp(last)}`;
}

function device(name: string, match: Of<'physdevIn' | 'physdevOut'>): string {
  return `${not(match, '! ')}--physdev-${name} ${match.name}${match.isPrefix ? '+' : ''}`;
}

const IPSEC_PROTOCOLS = { ah: 51, esp: 50, ipcomp: 108 } as const;

function policy(match: Of<'policy'>): string {
  const parts = ['policy match', `dir ${match.direction}`, `pol ${match.policy}`];
  if (match.strict) parts.push('strict');
  if (match.reqid !== undefined) parts.push(`reqid ${match.reqid}`);
  if (match.spi !== undefined) parts.push(`spi ${hex(match.spi)}`);
  if (match.protocol !== undefined) parts.push(`proto ${IPSEC_PROTOCOLS[match.protocol]}`);
  if (match.mode !== undefined) parts.push(`mode ${match.mode}`);
  return parts.join(' ');
}

function ttl(match: Of<'ttl'>, family: Family): string {
  const name = family === 'ipv4' ? 'TTL' : 'HL';
  const sign = { eq: match.negated ? '!=' : '==', lt: '<', gt: '>' }[match.compare];
  return `${name} match ${name} ${sign} ${match.ttl}`;
}

function nth(match: Of<'statisticNth'>): string {
  const packet = match.packet === 0 ? '' : ` packet ${match.packet}`;
  return `statistic mode nth ${not(match, '! ')}every ${match.every}${packet}`;
}

function bpf({ program }: Of<'bpf'>): string {
  const lines = program.map(({ code, jumpTrue, jumpFalse, k }) =>
    [code, jumpTrue, jumpFalse, k].join(' '),
  );
  return `match bpf ${lines.join(',')}`;
}

const LISTERS: { readonly [K in Kind]: (match: Of<K>, family: Family) => string } = {
  source: () => '',
  destination: () => '',
  in: () => '',
  out: () => '',
  protocol: () => '',
  fragment: () => '',
  sourcePort: m => port('spt', m),
  destinationPort: m => port('dpt', m),
  multiport,
  tcpFlags: m => `flags:${not(m)}${twoDigits(m.flags.mask)}/${twoDigits(m.flags.set)}`,
  tcpOption: m => `option=${not(m)}${m.option}`,
  icmpType,
  ctstate: m => flow('ctstate', m, m.states.join(',')),
  ctstatus: m => flow('ctstatus', m, m.statuses.join(',')),
  ctproto: m => flow('ctproto', m, m.protocol),
  ctorigsrc: m => flow('ctorigsrc', m, printHostOrMask(m.prefix)),
  ctorigdst: m => flow('ctorigdst', m, printHostOrMask(m.prefix)),
  ctreplsrc: m => flow('ctreplsrc', m, printHostOrMask(m.prefix)),
  ctrepldst: m => flow('ctrepldst', m, printHostOrMask(m.prefix)),
  ctorigsrcport: m => flow('ctorigsrcport', m, printRange(m.ports)),
  ctorigdstport: m => flow('ctorigdstport', m, printRange(m.ports)),
  ctreplsrcport: m => flow('ctreplsrcport', m, printRange(m.ports)),
  ctrepldstport: m => flow('ctrepldstport', m, printRange(m.ports)),
  ctexpire: m => flow('ctexpire', m, printRange(m.seconds)),
  ctdir: m => flow('ctdir', m, m.direction),
  mark: m => `mark match ${marked(m)}`,
  connmark: m => `connmark match ${m.negated ? '' : ' '}${marked(m)}`,
  sourceType: m => addressType('src', m),
  destinationType: m => addressType('dst', m),
  limit: m => `limit: avg ${printRate(m)} burst ${m.burst}`,
  statisticRandom: m =>
    `statistic mode random ${not(m, '! ')}probability ${printProbability(m.chance)}`,
  statisticNth: nth,
  comment: m => `/* ${m.comment} */`,
  macSource: m => `MAC ${not(m, '! ')}${formatMac(m.mac)}`,
  sourceRange: m => ipRange('source', m),
  destinationRange: m => ipRange('destination', m),
  physdevIn: m => device('in', m),
  physdevOut: m => device('out', m),
  physdevIsIn: m => `${not(m, '! ')}--physdev-is-in`,
  physdevIsOut: m => `${not(m, '! ')}--physdev-is-out`,
  physdevIsBridged: m => `${not(m, '! ')}--physdev-is-bridged`,
  policy,
  ipvs: m => `${not(m, '! ')}ipvs`,
  ipvsProtocol: m => `vproto ${not(m)}${m.protocol}`,
  ipvsAddress: m => `vaddr ${not(m)}${printHostOrMask(m.prefix)}`,
  ipvsPort: m => `vport ${not(m)}${m.port}`,
  ipvsPortControl: m => `vportctl ${not(m)}${m.port}`,
  ipvsDirection: m => `vdir ${not(m)}${m.direction}`,
  ipvsMethod: m => `vmethod ${not(m)}${m.method}`,
  bpf,
  length: m => `length ${not(m)}${printRange(m.bytes)}`,
  ttl,
  dscp: m => `DSCP match ${not(m)}${twoDigits(m.dscp)}`,
  tos: m => `tos match${not(m)}${twoDigits(m.tos.value)}/${twoDigits(m.tos.mask)}`,
  pkttype: m => `PKTTYPE ${m.negated ? '!=' : '='} ${m.type}`,
};
