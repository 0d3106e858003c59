/** Every match and target there is, by name, and those that are refused by name. */
import type { Flag, MatchExtension, TargetExtension } from './extension.js';
import { FLOW_MATCHES } from './match-flow.js';
import { PACKET_MATCHES } from './match-packet.js';
import { TRANSPORT_MATCHES } from './match-transport.js';
import type { Family } from './model.js';
import { ICMP, ICMPV6, SCTP, TCP, UDP } from './protocols.js';
import { REFUSED_TARGETS, TARGETS } from './targets.js';
import { nearest } from '../config/nearest.js';
import { unknownWord } from './values.js';
import { LineFault, type Word } from './words.js';

const MATCHES = [...TRANSPORT_MATCHES, ...FLOW_MATCHES, ...PACKET_MATCHES];

/** Matches that Linux has and we do not. */
const REFUSED_MATCHES = (
  'ah cgroup cluster connbytes connlabel connlimit cpu dccp devgroup dst ecn esp ' +
  'eui64 frag hashlimit hbh helper ipcomp ipv6header mh nfacct osf owner quota rateest realm ' +
  'recent rpfilter rt set socket srh string tcpmss time u32 udplite'
).split(' ');

/** The match whose options `-p` brings. */
const IMPLIED: Readonly<Record<number, string>> = {
  [TCP]: 'tcp',
  [UDP]: 'udp',
  [SCTP]: 'sctp',
  [ICMP]: 'icmp',
  [ICMPV6]: 'icmp6',
};

function isOf(family: Family): (extension: { readonly family?: Family }) => boolean {
  return extension => extension.family === undefined || extension.family === family;
}

/** The match of `-m`. */
export function findMatch(word: Word, family: Family): MatchExtension {
  const known = MATCHES.filter(isOf(family));
  const name = ['icmpv6', 'ipv6-icmp'].includes(word.text) ? 'icmp6' : word.text;
  const match = known.find(extension => extension.name === name);
  if (match !== undefined) return match;
  if (REFUSED_MATCHES.includes(name) || MATCHES.some(extension => extension.name === name))
    throw notSupported('match', word, family);
  throw unknownWord('a match', word, [...known.map(each => each.name), ...REFUSED_MATCHES]);
}

/** The match whose options `-p` alone brings. */
export function impliedMatch(protocol: number | undefined): MatchExtension | undefined {
  const name = protocol === undefined ? undefined : IMPLIED[protocol];
  return MATCHES.find(extension => extension.name === name);
}

/** The target of `-j`; undefined: it is no target, so a chain. */
export function findTarget(word: Word, family: Family): TargetExtension | undefined {
  const target = TARGETS.filter(isOf(family)).find(extension => extension.name === word.text);
  if (target !== undefined) return target;
  if (REFUSED_TARGETS.includes(word.text) || isTarget(word.text))
    throw notSupported('target', word, family);
  return undefined;
}

function notSupported(what: string, word: Word, family: Family): LineFault {
  return new LineFault(
    word.column,
    `expected a supported ${what}, got ${word.text}, which is not supported for ${family}`,
  );
}

/** Whether a chain may not have this name, since a target has it. */
export function isTarget(name: string): boolean {
  return TARGETS.some(target => target.name === name) || REFUSED_TARGETS.includes(name);
}

export function targetNames(family: Family): string[] {
  return TARGETS.filter(isOf(family)).map(target => target.name);
}

/** The match that has an option, for a rule that does not name the match. */
export function ownerOf(option: string, family: Family): MatchExtension | undefined {
  const has = (flag: Flag): boolean => flag.names.includes(option);
  return MATCHES.filter(isOf(family)).find(match => match.flags.some(has));
}

/** The option nearest to a mistyped one, of all there are. */
export function nearestOption(option: string, flags: readonly Flag[]): string | undefined {
  const all = [
    ...flags,
    ...MATCHES.flatMap(match => match.flags),
    ...TARGETS.flatMap(t => t.flags),
  ];
  return nearest(
    option,
    all.flatMap(flag => flag.names),
  );
}
