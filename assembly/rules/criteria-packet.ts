/**
 * Criteria about the packet at hand, not its flow: what they say may change with the next
 * packet. Each says 1 or 0, or CANNOT, as those of criteria-flow.ts.
 */
import { Family } from '../abi';
import { Op, UNCHANGED } from '../rules-abi';
import { runBpf } from './bpf';
import { CANNOT, argumentOf, word } from './criteria-flow';
import { Rules } from './rules';
import { Subject } from './subject';

const IPV4_TTL: usize = 8;
const IPV4_TOS: usize = 1;
const IPV6_HOP_LIMIT: usize = 7;
/** TCP, RFC 9293 §3.1: data offset in 32-bit words in the high half of byte 12, then flags. */
const TCP_BYTES: u32 = 20;
const TCP_OFFSET: usize = 12;
const TCP_FLAGS: usize = 13;
const TCP_FLAG_BITS: u32 = 0x3f;
const TCP_SYN: u32 = 2;
const OPTION_END: u32 = 0;
const OPTION_NOP: u32 = 1;
/** Source address of an Ethernet header. */
const MAC_SOURCE: usize = 6;
const MAC_SOURCE_END: usize = 10;
/** xorshift32: G. Marsaglia, "Xorshift RNGs", 2003. */
const SHIFT_A: u32 = 13;
const SHIFT_B: u32 = 17;
const SHIFT_C: u32 = 5;

/** TTL of IPv4 or hop limit of IPv6, as rules before this one left it. */
export function ttlOf(s: Subject): u32 {
  if (s.ttl != UNCHANGED) return s.ttl;
  const offset = s.family == Family.Ipv4 ? IPV4_TTL : IPV6_HOP_LIMIT;
  return load<u8>(<usize>s.network + offset) - s.hops;
}

/** TOS byte of IPv4 or traffic class of IPv6, likewise. */
export function tosOf(s: Subject): u32 {
  if (s.tos != UNCHANGED) return s.tos;
  if (s.family == Family.Ipv4) return load<u8>(<usize>s.network + IPV4_TOS);
  return (bswap<u32>(load<u32>(s.network)) >>> 20) & 0xff;
}

/**
 * `--tcp-flags`. Where SYN must be set, all other packets of the flow fare alike: they do not
 * make the outcome volatile, only dependent on SYN.
 */
function tcpFlags(s: Subject, at: usize): u32 {
  if (s.isFragment != 0 || s.l4Bytes < TCP_BYTES) {
    s.isVolatile = 1;
    return CANNOT;
  }
  const argument = argumentOf(at);
  const mask = argument & 0xff;
  const set = argument >>> 8;
  const flags: u32 = load<u8>(<usize>s.network + s.l4 + TCP_FLAGS) & TCP_FLAG_BITS;
  if ((flags & TCP_SYN) == 0 && (mask & set & TCP_SYN) != 0) {
    s.dependsOnSyn = 1;
    return 0;
  }
  s.isVolatile = 1;
  return (flags & mask) == set ? 1 : 0;
}

/** RFC 9293 §3.2; a list of options that is cut off or malformed has not what is asked for. */
function tcpOption(s: Subject, at: usize): u32 {
  if (s.isFragment != 0 || s.l4Bytes < TCP_BYTES) return CANNOT;
  const header = <usize>s.network + s.l4;
  const length = ((<u32>load<u8>(header + TCP_OFFSET)) >>> 4) << 2;
  if (length < TCP_BYTES || length > s.l4Bytes) return CANNOT;
  const kind = argumentOf(at);
  let offset: u32 = TCP_BYTES;
  while (offset < length) {
    const found: u32 = load<u8>(header + offset);
    if (found == kind) return 1;
    if (found == OPTION_END) return 0;
    if (found == OPTION_NOP) {
      offset++;
      continue;
    }
    if (offset + 1 == length) return 0;
    const bytes: u32 = load<u8>(header + offset + 1);
    if (bytes < 2) return 0;
    offset += bytes;
  }
  return 0;
}

function macSource(s: Subject, at: usize): u32 {
  if (s.frame == 0) return CANNOT;
  const isLow = load<u32>(<usize>s.frame + MAC_SOURCE) == word(at, 0);
  const isHigh = <u32>load<u16>(<usize>s.frame + MAC_SOURCE_END) == word(at, 1);
  return isLow && isHigh ? 1 : 0;
}

/**
 * `limit`: `packets` each `perMs` after a burst. The row holds what is used of the burst, a
 * packet being `perMs` of it, and when that was so; it wears off `packets` a millisecond.
 */
function limit(rules: Rules, s: Subject, at: usize): u32 {
  const state = rules.stateAt(word(at, 0));
  const perMs: u64 = word(at, 2);
  const worn = <u64>(s.nowMs - load<u32>(state, 8)) * <u64>word(at, 1);
  const before = load<u64>(state);
  const used = before > worn ? before - worn : 0;
  const isFree = used + perMs <= perMs * <u64>word(at, 3);
  store<u64>(state, isFree ? used + perMs : used);
  store<u32>(state, s.nowMs, 8);
  return isFree ? 1 : 0;
}

function random(rules: Rules, at: usize): u32 {
  let next = rules.random;
  next ^= next << SHIFT_A;
  next ^= next >>> SHIFT_B;
  next ^= next << SHIFT_C;
  rules.random = next;
  return next >>> 1 < word(at, 0) ? 1 : 0;
}

function nth(rules: Rules, at: usize): u32 {
  const state = rules.stateAt(word(at, 0));
  const count = load<u32>(state);
  store<u32>(state, count + 1 >= word(at, 1) ? 0 : count + 1);
  return count == word(at, 2) ? 1 : 0;
}

/** Ops from FIRST_VOLATILE_OP on. Returns 0, 1 or CANNOT, and says that it was asked. */
export function askVolatile(rules: Rules, s: Subject, op: u32, at: usize): u32 {
  if (op == Op.TcpFlags) return tcpFlags(s, at);
  s.isVolatile = 1;
  switch (op) {
    case Op.Fragment:
      return s.isFragment != 0 ? 1 : 0;
    case Op.Length:
      return s.bytes >= word(at, 0) && s.bytes <= word(at, 1) ? 1 : 0;
    case Op.Ttl:
      return ttlOf(s) >= (argumentOf(at) & 0xff) && ttlOf(s) <= argumentOf(at) >>> 8 ? 1 : 0;
    case Op.Tos:
      return (tosOf(s) & (argumentOf(at) >>> 8)) == (argumentOf(at) & 0xff) ? 1 : 0;
    case Op.TcpOption:
      return tcpOption(s, at);
    case Op.MacSource:
      return macSource(s, at);
    case Op.Bpf:
      return runBpf(at + 4, rules.scratch, <usize>s.network, s.bytes) != 0 ? 1 : 0;
    case Op.Limit:
      return limit(rules, s, at);
    case Op.StatisticRandom:
      return random(rules, at);
    default:
      return nth(rules, at);
  }
}
