/**
 * Matches of a rule as criteria of a program (assembly/rules-abi.ts). A match that the core
 * cannot ask is refused by its name: no match is left out.
 */
import {
  ANY_ICMP_TYPE,
  AddressTypeBit,
  FIRST_STATEFUL_OP,
  Op,
  State,
} from '../../assembly/rules-abi.js';
import { bpfNumbers } from './compile-bpf.js';
import { Words, wordOf, wordsOf } from './compile-words.js';
import type { AddressType, CtState, Family, IpMask, IpRange, Match, Range } from './model.js';

/** One question to a packet. */
export interface Criterion {
  readonly op: Op;
  negated: boolean;
  /** 16 bits. */
  readonly argument: number;
  /** 32 bits each. */
  readonly numbers: readonly number[];
}

/** What matches are compiled against. */
export interface MatchContext {
  readonly family: Family;
  /** Router interface + 1 of each name. */
  readonly interfaces: ReadonlyMap<string, number>;
  /** Where bitmaps of interfaces go. */
  readonly words: Words;
  /** Offsets of bitmaps that are there, by the beginning of the names. */
  readonly sets: Map<string, { offset: number; words: number }>;
  /** Takes the next row of memory for a criterion. */
  takeState(): number;
}

/** A match that cannot be compiled; the message is the second half of `expected …, got …`. */
export class Refused extends Error {}

/** A constant answer where the question needs no packet. */
type Answer = Criterion | boolean;

const HEADER_KINDS = new Set<Match['kind']>([
  'source',
  'destination',
  'in',
  'out',
  'protocol',
  'fragment',
]);
const NO_NUMBERS: readonly number[] = [];
const MOST_TTL = 255;
const BYTE_BITS = 8;
const HALF_BITS = 16;
const STATES: Record<CtState, State> = {
  INVALID: State.Invalid,
  NEW: State.New,
  RELATED: State.Related,
  ESTABLISHED: State.Established,
  UNTRACKED: State.Untracked,
  SNAT: State.Snat,
  DNAT: State.Dnat,
};
const ADDRESS_TYPES: Record<AddressType, AddressTypeBit> = {
  UNSPEC: AddressTypeBit.Unspecified,
  UNICAST: AddressTypeBit.Unicast,
  LOCAL: AddressTypeBit.Local,
  BROADCAST: AddressTypeBit.Broadcast,
  ANYCAST: AddressTypeBit.Anycast,
  MULTICAST: AddressTypeBit.Multicast,
  BLACKHOLE: AddressTypeBit.Blackhole,
  UNREACHABLE: AddressTypeBit.Unreachable,
  PROHIBIT: AddressTypeBit.Prohibit,
};

/**
 * Criteria of a rule in the order they are asked. That of the header of IP come first, as in
 * iptables; the rest is sorted by cost, but not past one that remembers that it was asked.
 */
export function compileMatches(matches: readonly Match[], context: MatchContext): Criterion[] {
  const criteria: Criterion[] = [];
  for (const match of matches) if (HEADER_KINDS.has(match.kind)) add(criteria, match, context);
  let first = 0;
  for (const match of matches) {
    if (HEADER_KINDS.has(match.kind)) continue;
    add(criteria, match, context);
    const last = criteria.at(-1);
    if (last === undefined || !hasMemory(last) || criteria.length === first) continue;
    sortBetween(criteria, first, criteria.length - 1);
    first = criteria.length;
  }
  sortBetween(criteria, first, criteria.length);
  return criteria;
}

function add(criteria: Criterion[], match: Match, context: MatchContext): void {
  const criterion = compileMatch(match, context);
  if (criterion !== undefined) criteria.push(criterion);
}

export function hasMemory({ op }: Criterion): boolean {
  return op >= FIRST_STATEFUL_OP;
}

/** By insertion: there are few, and equal ones stay as they are. */
function sortBetween(criteria: Criterion[], first: number, end: number): void {
  for (let i = first + 1; i < end; i++) {
    const moved = criteria[i]!;
    let at = i;
    for (; at > first && criteria[at - 1]!.op > moved.op; at--) criteria[at] = criteria[at - 1]!;
    criteria[at] = moved;
  }
}

/** Lays down the bitmaps that these matches need, as they cannot go between rules. */
export function laySets(matches: readonly Match[], context: MatchContext): void {
  for (const match of matches) {
    if ((match.kind === 'in' || match.kind === 'out') && match.isPrefix) setOf(match.name, context);
  }
}

/** Undefined: applies to every packet. */
function compileMatch(match: Match, context: MatchContext): Criterion | undefined {
  const answer = ask(match, context);
  if (typeof answer === 'boolean') return answer === match.negated ? asked(Op.Never) : undefined;
  answer.negated = match.negated;
  return answer;
}

function asked(op: Op, argument = 0, numbers: readonly number[] = NO_NUMBERS): Criterion {
  return { op, negated: false, argument, numbers };
}

const pairOf = ({ first, last }: Range): number => (first | (last << HALF_BITS)) >>> 0;
const bytePair = (low: number, high: number): number => low | (high << BYTE_BITS);

function ask(match: Match, context: MatchContext): Answer {
  switch (match.kind) {
    case 'source':
      return masked(Op.Source, Op.Source6, match.prefix);
    case 'destination':
      return masked(Op.Destination, Op.Destination6, match.prefix);
    case 'in':
      return askInterface(Op.In, Op.InSet, match, context);
    case 'out':
      return askInterface(Op.Out, Op.OutSet, match, context);
    case 'protocol':
      return asked(Op.Protocol, match.protocol);
    case 'fragment':
      return asked(Op.Fragment);
    case 'comment':
      return true;
    case 'mark':
      return asked(Op.Mark, 0, [match.mark.value >>> 0, match.mark.mask >>> 0]);
    default:
      return askLayer4(match, context);
  }
}

function masked(op: Op, op6: Op, { ip, mask }: IpMask): Answer {
  if (mask.every(byte => byte === 0)) return true;
  if (ip.length === 4) return asked(op, 0, [wordOf(ip), wordOf(mask)]);
  return asked(op6, 0, [...wordsOf(ip), ...wordsOf(mask)]);
}

function ranged(op: Op, op6: Op, { first, last }: IpRange): Answer {
  if (first.length === 4) return asked(op, 0, [wordOf(first), wordOf(last)]);
  return asked(op6, 0, [...wordsOf(first), ...wordsOf(last)]);
}

function askInterface(
  op: Op,
  setOp: Op,
  { name, isPrefix }: { name: string; isPrefix: boolean },
  context: MatchContext,
): Answer {
  if (!isPrefix) {
    const number = context.interfaces.get(name);
    return number === undefined ? false : asked(op, number);
  }
  if (name === '') return true;
  const set = setOf(name, context);
  return set.words === 0 ? false : asked(setOp, set.words, [set.offset]);
}

/** Bitmap of the interfaces whose names begin so. */
function setOf(prefix: string, context: MatchContext): { offset: number; words: number } {
  const known = context.sets.get(prefix);
  if (known !== undefined) return known;
  const numbers = [...context.interfaces].filter(([name]) => name.startsWith(prefix));
  const words = Math.max(0, ...numbers.map(([, number]) => (number >>> 5) + 1));
  const offset = context.words.reserve(words * 4);
  for (const [, number] of numbers) {
    const at = offset + (number >>> 5) * 4;
    context.words.set(at, context.words.at(at) | (1 << (number & 31)));
  }
  const set = { offset, words };
  context.sets.set(prefix, set);
  return set;
}

function askLayer4(match: Match, context: MatchContext): Answer {
  switch (match.kind) {
    case 'sourcePort':
      return asked(Op.SourcePort, 0, [pairOf(match.ports)]);
    case 'destinationPort':
      return asked(Op.DestinationPort, 0, [pairOf(match.ports)]);
    case 'multiport': {
      const ops = {
        source: Op.SourcePorts,
        destination: Op.DestinationPorts,
        either: Op.EitherPorts,
      };
      return asked(ops[match.field], match.ranges.length, match.ranges.map(pairOf));
    }
    case 'tcpFlags':
      return asked(Op.TcpFlags, bytePair(match.flags.mask, match.flags.set));
    case 'tcpOption':
      return asked(Op.TcpOption, match.option);
    case 'icmpType':
      return asked(Op.IcmpType, match.type ?? ANY_ICMP_TYPE, [pairOf(match.codes)]);
    default:
      return askFlow(match, context);
  }
}

function askFlow(match: Match, context: MatchContext): Answer {
  switch (match.kind) {
    case 'ctstate':
      return asked(
        Op.CtState,
        match.states.reduce((bits, state) => bits | STATES[state], 0),
      );
    case 'ctdir':
      return asked(Op.CtDirection, match.direction === 'REPLY' ? 1 : 0);
    case 'ctproto':
      return asked(Op.CtProtocol, match.protocol);
    case 'ctorigdst':
      return flowAddress(match.prefix);
    case 'ctorigdstport':
      return asked(Op.CtOriginalDestinationPort, 0, [pairOf(match.ports)]);
    case 'connmark':
      return asked(Op.ConnMark, 0, [match.mark.value >>> 0, match.mark.mask >>> 0]);
    case 'sourceType':
      return asked(
        typeOp([Op.SourceType, Op.SourceTypeIn, Op.SourceTypeOut], match.limitTo),
        typeBits(match.types),
      );
    case 'destinationType':
      return asked(
        typeOp([Op.DestinationType, Op.DestinationTypeIn, Op.DestinationTypeOut], match.limitTo),
        typeBits(match.types),
      );
    default:
      return askPacket(match, context);
  }
}

/** Unlike that of the packet, a mask of 0 still asks whether there is a flow. */
function flowAddress({ ip, mask }: IpMask): Answer {
  if (ip.length === 4) return asked(Op.CtOriginalDestination, 0, [wordOf(ip), wordOf(mask)]);
  return asked(Op.CtOriginalDestination6, 0, [...wordsOf(ip), ...wordsOf(mask)]);
}

function typeOp([plain, toIn, toOut]: [Op, Op, Op], limitTo: 'in' | 'out' | undefined): Op {
  if (limitTo === undefined) return plain;
  return limitTo === 'in' ? toIn : toOut;
}

function typeBits(types: readonly AddressType[]): number {
  return types.reduce((bits, type) => bits | ADDRESS_TYPES[type], 0);
}

function askPacket(match: Match, context: MatchContext): Answer {
  switch (match.kind) {
    case 'length':
      return asked(Op.Length, 0, [match.bytes.first, match.bytes.last]);
    case 'ttl': {
      const { compare, ttl } = match;
      const first = compare === 'lt' ? 0 : compare === 'gt' ? ttl + 1 : ttl;
      const last = compare === 'gt' ? MOST_TTL : compare === 'lt' ? ttl - 1 : ttl;
      return first <= last && asked(Op.Ttl, bytePair(first, last));
    }
    case 'dscp':
      return asked(Op.Tos, bytePair(match.dscp << 2, 0xfc));
    case 'tos':
      return asked(Op.Tos, bytePair(match.tos.value, match.tos.mask));
    case 'macSource': {
      const [low, high] = wordsOf(
        Uint8Array.from([...match.mac, ...new Array<number>(10).fill(0)]),
      );
      return asked(Op.MacSource, 0, [low!, high!]);
    }
    case 'sourceRange':
      return ranged(Op.SourceRange, Op.SourceRange6, match.range);
    case 'destinationRange':
      return ranged(Op.DestinationRange, Op.DestinationRange6, match.range);
    case 'bpf':
      return asked(Op.Bpf, 0, bpfNumbers(match.program));
    default:
      return askOther(match, context);
  }
}

function askOther(match: Match, context: MatchContext): Answer {
  switch (match.kind) {
    case 'limit':
      return asked(Op.Limit, 0, [context.takeState(), match.packets, match.perMs, match.burst]);
    case 'statisticRandom':
      return asked(Op.StatisticRandom, 0, [match.chance]);
    case 'statisticNth':
      return asked(Op.StatisticNth, 0, [context.takeState(), match.every, match.packet]);
    // There is no IPsec: no packet has a policy of it.
    case 'policy':
      return match.policy === 'none';
    // There are no virtual services: no packet belongs to one.
    case 'ipvs':
      return false;
    case 'ipvsProtocol':
    case 'ipvsAddress':
    case 'ipvsPort':
    case 'ipvsPortControl':
    case 'ipvsDirection':
    case 'ipvsMethod':
      return match.negated; // does not apply either way
    default:
      throw new Refused(match.kind);
  }
}
