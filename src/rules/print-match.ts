/** One match as `iptables-save` prints it, without its `-m`. */
import { formatMac } from '../frame/mac.js';
import { printIcmpType } from './icmp-types.js';
import { DEFAULT_BURST, printProbability, printRate } from './match-rate.js';
import { printTcpFlags } from './match-transport.js';
import type { Family, Match, OfKind } from './model.js';
import { protocolName } from './protocols.js';
import { hex, MAX_U32, printHostOrMask, printIp, printIpMask, printRange } from './values.js';
import { quote } from './words.js';

type Kind = Match['kind'];
type Of<K extends Kind> = OfKind<Match, K>;
type Printers = { readonly [K in Kind]: (match: Of<K>, family: Family) => string };

/** `! -i br0`, `--dport 80`. */
export function printMatch(match: Match, family: Family): string {
  const print = PRINTERS[match.kind] as (match: Match, family: Family) => string;
  return (match.negated ? '! ' : '') + print(match, family);
}

function named({ name, isPrefix }: { name: string; isPrefix: boolean }): string {
  return isPrefix ? `${name}+` : name;
}

/** The mask where it says something. */
function masked({ mark: { value, mask } }: Of<'mark'>): string {
  return mask === MAX_U32 ? hex(value) : `${hex(value)}/${hex(mask)}`;
}

function policy(match: Of<'policy'>): string {
  const parts = [`--dir ${match.direction}`, `--pol ${match.policy}`];
  if (match.strict) parts.push('--strict');
  if (match.reqid !== undefined) parts.push(`--reqid ${match.reqid}`);
  if (match.spi !== undefined) parts.push(`--spi ${hex(match.spi)}`);
  if (match.protocol !== undefined) parts.push(`--proto ${match.protocol}`);
  if (match.mode !== undefined) parts.push(`--mode ${match.mode}`);
  return parts.join(' ');
}

function bpf({ program }: Of<'bpf'>): string {
  const lines = program.map(({ code, jumpTrue, jumpFalse, k }) =>
    [code, jumpTrue, jumpFalse, k].join(' '),
  );
  return `--bytecode "${[program.length, ...lines].join(',')}"`;
}

function limit(match: Of<'limit'>): string {
  const burst = match.burst === DEFAULT_BURST ? '' : ` --limit-burst ${match.burst}`;
  return `--limit ${printRate(match)}${burst}`;
}

const MULTIPORT = { source: '--sports', destination: '--dports', either: '--ports' } as const;

const PRINTERS: Printers = {
  source: m => `-s ${printIpMask(m.prefix)}`,
  destination: m => `-d ${printIpMask(m.prefix)}`,
  in: m => `-i ${named(m)}`,
  out: m => `-o ${named(m)}`,
  protocol: m => `-p ${protocolName(m.protocol)}`,
  fragment: () => '-f',
  sourcePort: m => `--sport ${printRange(m.ports)}`,
  destinationPort: m => `--dport ${printRange(m.ports)}`,
  multiport: m => `${MULTIPORT[m.field]} ${m.ranges.map(range => printRange(range)).join(',')}`,
  tcpFlags: m => `--tcp-flags ${printTcpFlags(m.flags.mask)} ${printTcpFlags(m.flags.set)}`,
  tcpOption: m => `--tcp-option ${m.option}`,
  icmpType: (m, family) => `--icmp${family === 'ipv6' ? 'v6' : ''}-type ${printIcmpType(m)}`,
  ctstate: m => `--ctstate ${m.states.join(',')}`,
  ctstatus: m => `--ctstatus ${m.statuses.join(',')}`,
  ctproto: m => `--ctproto ${m.protocol}`,
  ctorigsrc: m => `--ctorigsrc ${printHostOrMask(m.prefix)}`,
  ctorigdst: m => `--ctorigdst ${printHostOrMask(m.prefix)}`,
  ctreplsrc: m => `--ctreplsrc ${printHostOrMask(m.prefix)}`,
  ctrepldst: m => `--ctrepldst ${printHostOrMask(m.prefix)}`,
  ctorigsrcport: m => `--ctorigsrcport ${printRange(m.ports)}`,
  ctorigdstport: m => `--ctorigdstport ${printRange(m.ports)}`,
  ctreplsrcport: m => `--ctreplsrcport ${printRange(m.ports)}`,
  ctrepldstport: m => `--ctrepldstport ${printRange(m.ports)}`,
  ctexpire: m => `--ctexpire ${printRange(m.seconds)}`,
  ctdir: m => `--ctdir ${m.direction}`,
  mark: m => `--mark ${masked(m)}`,
  connmark: m => `--mark ${masked(m)}`,
  sourceType: m => `--src-type ${m.types.join(',')}`,
  destinationType: m => `--dst-type ${m.types.join(',')}`,
  limit,
  statisticRandom: m => `--probability ${printProbability(m.chance)}`,
  statisticNth: m => `--every ${m.every} --packet ${m.packet}`,
  comment: m => `--comment ${quote(m.comment)}`,
  macSource: m => `--mac-source ${formatMac(m.mac)}`,
  sourceRange: m => `--src-range ${printIp(m.range.first)}-${printIp(m.range.last)}`,
  destinationRange: m => `--dst-range ${printIp(m.range.first)}-${printIp(m.range.last)}`,
  physdevIn: m => `--physdev-in ${named(m)}`,
  physdevOut: m => `--physdev-out ${named(m)}`,
  physdevIsIn: () => '--physdev-is-in',
  physdevIsOut: () => '--physdev-is-out',
  physdevIsBridged: () => '--physdev-is-bridged',
  policy,
  ipvs: () => '--ipvs',
  ipvsProtocol: m => `--vproto ${m.protocol}`,
  ipvsAddress: m => `--vaddr ${printHostOrMask(m.prefix)}`,
  ipvsPort: m => `--vport ${m.port}`,
  ipvsPortControl: m => `--vportctl ${m.port}`,
  ipvsDirection: m => `--vdir ${m.direction}`,
  ipvsMethod: m => `--vmethod ${m.method}`,
  bpf,
  length: m => `--length ${printRange(m.bytes)}`,
  ttl: (m, family) => `--${family === 'ipv4' ? 'ttl' : 'hl'}-${m.compare} ${m.ttl}`,
  dscp: m => `--dscp ${hex(m.dscp, 2)}`,
  tos: m => `--tos ${hex(m.tos.value, 2)}/${hex(m.tos.mask, 2)}`,
  pkttype: m => `--pkt-type ${m.type}`,
};
