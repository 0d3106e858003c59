/**
 * Criteria that hold for all packets of a flow in one direction: addresses, ports,
 * interfaces, state and marks. Each says 1 or 0, or CANNOT where negation does not help,
 * as ports of a later fragment, or the state of a packet without a flow.
 */
import { ANY_ICMP_TYPE, Op } from '../rules-abi';
import { Subject } from './subject';

export const CANNOT: u32 = 2;
const ADDRESS_TAIL: usize = 8;
const ANY: u32 = ANY_ICMP_TYPE;

/** The second number of the criterion at `at`; `word(at, 0)` is the first. */
export function word(at: usize, index: u32): u32 {
  return load<u32>(at + ((<usize>index) << 2), 4);
}

export function argumentOf(at: usize): u32 {
  return load<u16>(at, 2);
}

/** Whether `value` lies in first | last << 16. */
export function inPair(value: u32, pair: u32): u32 {
  return value >= (pair & 0xffff) && value <= pair >>> 16 ? 1 : 0;
}

function masked(value: u32, at: usize): u32 {
  return (value & word(at, 1)) == word(at, 0) ? 1 : 0;
}

function masked6(head: u64, tail: u64, at: usize): u32 {
  const address = at + 4;
  const mask = at + 20;
  const isHead = (head & load<u64>(mask)) == load<u64>(address);
  return isHead && (tail & load<u64>(mask, ADDRESS_TAIL)) == load<u64>(address, ADDRESS_TAIL)
    ? 1
    : 0;
}

/** Whether `address` is at most `limit`: numbers of 16 bytes as on the wire. */
function isAtMost(head: u64, tail: u64, limitHead: u64, limitTail: u64): bool {
  if (head != limitHead) return bswap<u64>(head) < bswap<u64>(limitHead);
  return bswap<u64>(tail) <= bswap<u64>(limitTail);
}

function inRange6(head: u64, tail: u64, at: usize): u32 {
  const first = at + 4;
  const last = at + 20;
  if (!isAtMost(load<u64>(first), load<u64>(first, ADDRESS_TAIL), head, tail)) return 0;
  return isAtMost(head, tail, load<u64>(last), load<u64>(last, ADDRESS_TAIL)) ? 1 : 0;
}

function inRange(value: u32, at: usize): u32 {
  return value >= word(at, 0) && value <= word(at, 1) ? 1 : 0;
}

function inSet(program: usize, at: usize, number: u32): u32 {
  const index = number >>> 5;
  if (index >= argumentOf(at)) return 0;
  return (load<u32>(program + word(at, 0) + ((<usize>index) << 2)) >>> (number & 31)) & 1;
}

function inPairs(at: usize, port: u32): u32 {
  const count = argumentOf(at);
  for (let i: u32 = 0; i < count; i++) {
    if (inPair(port, word(at, i)) != 0) return 1;
  }
  return 0;
}

function icmp(s: Subject, at: usize): u32 {
  if (s.isFragment != 0) return CANNOT;
  const type = argumentOf(at);
  if (type == ANY) return 1;
  return s.icmpType == type ? inPair(s.icmpCode, word(at, 0)) : 0;
}

function port(s: Subject, value: u32, at: usize): u32 {
  return s.isFragment != 0 ? CANNOT : inPair(value, word(at, 0));
}

function any(bits: u32, at: usize): u32 {
  return (bits & argumentOf(at)) != 0 ? 1 : 0;
}

/** Ops from Op.CtDirection to Op.CtOriginalDestinationPort. */
function askFlow(s: Subject, op: u32, at: usize): u32 {
  if (!s.hasFlow) return CANNOT;
  switch (op) {
    case Op.CtDirection:
      return s.direction == argumentOf(at) ? 1 : 0;
    case Op.CtProtocol:
      return s.protocol == argumentOf(at) ? 1 : 0;
    case Op.CtOriginalDestination:
      return masked(<u32>s.originalTail, at);
    case Op.CtOriginalDestination6:
      return masked6(s.originalHead, s.originalTail, at);
    default:
      return inPair(s.originalPort, word(at, 0));
  }
}

/** Ops from Op.SourceType on. */
function askType(s: Subject, op: u32, at: usize): u32 {
  switch (op) {
    case Op.SourceType:
      return any(s.sourceTypes, at);
    case Op.SourceTypeIn:
      return any(s.sourceTypesIn, at);
    case Op.SourceTypeOut:
      return any(s.sourceTypesOut, at);
    case Op.DestinationType:
      return any(s.destinationTypes, at);
    case Op.DestinationTypeIn:
      return any(s.destinationTypesIn, at);
    default:
      return any(s.destinationTypesOut, at);
  }
}

/** Ops from Op.IcmpType on. */
function askRare(s: Subject, op: u32, at: usize): u32 {
  switch (op) {
    case Op.IcmpType:
      return icmp(s, at);
    case Op.SourceRange:
      return inRange(<u32>s.sourceTail, at);
    case Op.DestinationRange:
      return inRange(<u32>s.destinationTail, at);
    case Op.SourceRange6:
      return inRange6(s.sourceHead, s.sourceTail, at);
    case Op.DestinationRange6:
      return inRange6(s.destinationHead, s.destinationTail, at);
  }
  if (s.isFragment != 0) return CANNOT;
  if (op == Op.SourcePorts) return inPairs(at, s.sourcePort);
  if (op == Op.DestinationPorts) return inPairs(at, s.destinationPort);
  return inPairs(at, s.sourcePort) | inPairs(at, s.destinationPort);
}

/** Ops below FIRST_VOLATILE_OP. Returns 0, 1 or CANNOT. */
export function askStable(program: usize, s: Subject, op: u32, at: usize): u32 {
  switch (op) {
    case Op.Never:
      return 0;
    case Op.Protocol:
      return s.protocol == argumentOf(at) ? 1 : 0;
    case Op.In:
      return s.inInterface == argumentOf(at) ? 1 : 0;
    case Op.Out:
      return s.outInterface == argumentOf(at) ? 1 : 0;
    case Op.InSet:
      return inSet(program, at, s.inInterface);
    case Op.OutSet:
      return inSet(program, at, s.outInterface);
    case Op.SourcePort:
      return port(s, s.sourcePort, at);
    case Op.DestinationPort:
      return port(s, s.destinationPort, at);
    case Op.CtState:
      return any(s.state, at);
    case Op.Source:
      return masked(<u32>s.sourceTail, at);
    case Op.Destination:
      return masked(<u32>s.destinationTail, at);
    case Op.Source6:
      return masked6(s.sourceHead, s.sourceTail, at);
    case Op.Destination6:
      return masked6(s.destinationHead, s.destinationTail, at);
    case Op.Mark:
      return masked(s.mark, at);
    case Op.ConnMark:
      return s.hasFlow ? masked(s.connMark, at) : CANNOT;
  }
  if (op <= <u32>Op.CtOriginalDestinationPort) return askFlow(s, op, at);
  if (op <= <u32>Op.DestinationTypeOut) return askType(s, op, at);
  return askRare(s, op, at);
}
