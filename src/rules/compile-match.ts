/**
 * Matches of a rule as criteria of a program (assembly/rules-abi.ts). A match that the core
 * cannot ask is refused by its name: no match is left out.
 */
import { ANY_ICMP_TYPE, Op } from '../../assembly/rules-abi.js';
import {
  asked,
  bytePair,
  hasMemory,
  pairOf,
  setOf,
  type Answer,
  type Criterion,
  type MatchContext,
} from './compile-criterion.js';
import { askFlow } from './compile-match-flow.js';
import { wordOf, wordsOf } from './compile-words.js';
import type { IpMask, Match } from './model.js';

const HEADER_KINDS = new Set<Match['kind']>([
  'source',
  'destination',
  'in',
  'out',
  'protocol',
  'fragment',
]);
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
  if (typeof answer === 'boolean') return answer === match.negated ? never(match) : undefined;
  answer.negated = match.negated;
  answer.match = match;
  return answer;
}

function never(match: Match): Criterion {
  return { ...asked(Op.Never), match };
}

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
