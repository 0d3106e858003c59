/**
 * Rules: asks what iptables says about the packet at hand (assembly/rules). The subject is
 * filled once; what translation and routing change is brought up to date before a hook.
 *
 * Drops: RuleDrop, RuleReject.
 */
import { Drop, RxFlag } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { AddressTypeBit, Hook, RejectWith, State, UNCHANGED, Verdict } from '../rules-abi';
import { countTrail } from '../rules/count';
import { evaluate } from '../rules/evaluate';
import { pathOf } from '../rules/path';
import { Rules, hasHook } from '../rules/rules';
import { Subject } from '../rules/subject';
import { Iface } from '../table/iface';
import { localIface } from '../table/local';
import { FIRST_SHARE } from '../table/share';
import { TCP_SYN } from '../wire/tcp';
import { FlowStatus, JournalKind } from '../zone-abi';
import { headOf, tailOf } from './addresses';
import {
  UNREACHABLE_HOST,
  UNREACHABLE_HOST_PROHIBITED,
  UNREACHABLE_NET,
  UNREACHABLE_NET_PROHIBITED,
  UNREACHABLE_POLICY,
  UNREACHABLE_PORT,
  UNREACHABLE_PROHIBITED,
  UNREACHABLE_PROTOCOL,
  UNREACHABLE_REJECT_ROUTE,
  tellReset,
  tellUnreachable,
} from './errors';
import { changeShare } from './balance-books';
import { Passage, hasPorts } from './passage';

const FIRST_GROUP: u32 = 224;
const NETWORK_SHIFT: u32 = 24;
const LIMITED_BROADCAST: u32 = 0xffffffff;
const PORT_SHIFT: u32 = 16;
const PORT_MASK: u32 = 0xffff;

/** Whether the zone translates packets of the family: then nothing of it may leave that no flow vouches for. */
export function translates(core: Core, t: Passage): bool {
  const rules = Rules.at(core.rules);
  return (
    (t.isIpv6 == 0 && t.zone.serviceKeys != 0) ||
    hasHook(rules, t.zone.index, t.family, Hook.NatPostrouting) ||
    hasHook(rules, t.zone.index, t.family, Hook.NatPrerouting)
  );
}

/** Begins to ask about a packet. */
export function openSubject(core: Core, p: Packet, t: Passage): void {
  const s = Subject.at(core.subject);
  s.forget();
  s.zone = t.zone.index;
  s.family = t.family;
  s.protocol = t.protocol;
  s.sourceHead = headOf(core, t, t.source);
  s.sourceTail = tailOf(core, t, t.source);
  s.originalHead = headOf(core, t, t.destination);
  s.originalTail = tailOf(core, t, t.destination);
  if (hasPorts(t.protocol)) {
    s.sourcePort = hostPort(t.ports);
    s.originalPort = hostPort(t.ports >>> PORT_SHIFT);
  } else if (t.isIcmp) {
    s.icmpType = (t.ports >>> PORT_SHIFT) & 0xff;
    s.icmpCode = t.ports >>> (PORT_SHIFT + 8);
  }
  s.inInterface = t.iface.index + 1;
  s.direction = t.isReply;
  s.nowMs = core.nowMs;
  s.network = <u32>changetype<usize>(t.ip);
  s.bytes = t.total;
  s.l4 = <u32>(t.l4 - changetype<usize>(t.ip));
  s.l4Bytes = t.l4Bytes;
  s.frame = p.data;
  s.core = <u32>changetype<usize>(core);
  s.packet = p.has(RxFlag.Trace) ? <u32>changetype<usize>(p) : 0;
  // A source that is ours or nobody's is a martian.
  s.sourceTypes = s.sourceTypesIn = s.sourceTypesOut = AddressTypeBit.Unicast;
  if (changetype<usize>(t.line) != 0) {
    s.connMark = t.state.mark;
    const original = t.line.original;
    s.originalHead = headOf(core, t, original.destination);
    s.originalTail = tailOf(core, t, original.destination);
    if (hasPorts(t.protocol)) s.originalPort = hostPort(original.ports >>> PORT_SHIFT);
  }
  setDestination(core, t, t.destination, t.ports);
}

/** What the destination is from now on. */
export function setDestination(core: Core, t: Passage, destination: u32, ports: u32): void {
  const s = Subject.at(core.subject);
  s.destinationHead = headOf(core, t, destination);
  s.destinationTail = tailOf(core, t, destination);
  s.destinationPort = hasPorts(t.protocol) ? hostPort(ports >>> PORT_SHIFT) : 0;
  const local = localIface(core, t.iface, s.destinationHead, s.destinationTail);
  const types = typesOf(t, <u32>s.destinationTail, local);
  s.destinationTypes = types;
  const isElsewhere = types == AddressTypeBit.Local && local != t.iface;
  s.destinationTypesIn = isElsewhere ? AddressTypeBit.Unicast : types;
}

function hostPort(port: u32): u32 {
  return bswap<u16>(<u16>(port & PORT_MASK));
}

/** AddressTypeBits of an address, of which `ip` are the last bytes; `local`: the interface that has it. */
function typesOf(t: Passage, ip: u32, local: Iface): u32 {
  if (changetype<usize>(local) != 0) return AddressTypeBit.Local;
  if (t.isIpv6 != 0) return AddressTypeBit.Unicast; // groups are martians here
  const network = ip >>> NETWORK_SHIFT;
  if (ip == LIMITED_BROADCAST || t.iface.isBroadcast(ip)) return AddressTypeBit.Broadcast;
  const isGroup = network >= FIRST_GROUP && network < FIRST_GROUP + 16;
  return isGroup ? AddressTypeBit.Multicast : AddressTypeBit.Unicast;
}

/** A service has led the packet on: what `-m ipvs --ipvs` asks about, at hooks from here on. */
export function markBalanced(core: Core): void {
  Subject.at(core.subject).state |= State.Balanced;
}

/** Drop.None: the rules at a hook let it pass. */
export function ask(core: Core, p: Packet, t: Passage, hook: Hook): Drop {
  const rules = Rules.at(core.rules);
  if (!hasHook(rules, t.zone.index, t.family, hook)) return Drop.None;
  const s = Subject.at(core.subject);
  s.state = (s.state & State.Balanced) | t.ctState | natBits(t);
  s.outInterface = changetype<usize>(t.out) == 0 ? 0 : t.out.index + 1;
  const verdict = evaluate(rules, s, hook);
  if (s.noTrack != 0 && changetype<usize>(t.line) == 0) t.ctState = State.Untracked;
  if (verdict == Verdict.Accept) return Drop.None;
  if (verdict == Verdict.Nat) return Drop.None;
  countTrail(rules, s, 0, t.total);
  keepMark(t, s);
  if (verdict == Verdict.Drop) return Drop.RuleDrop;
  reject(core, p, t, s.rejectWith);
  return Drop.RuleReject;
}

/** Asks a hook of the nat table. True: the subject says what binding is wanted. */
export function askNat(core: Core, t: Passage, hook: Hook): bool {
  const rules = Rules.at(core.rules);
  if (!hasHook(rules, t.zone.index, t.family, hook)) return false;
  const s = Subject.at(core.subject);
  s.state = (s.state & State.Balanced) | t.ctState | natBits(t);
  s.outInterface = changetype<usize>(t.out) == 0 ? 0 : t.out.index + 1;
  return evaluate(rules, s, hook) == Verdict.Nat;
}

function natBits(t: Passage): u32 {
  const status: u32 = changetype<usize>(t.line) == 0 ? t.binding : t.state.status;
  const source = (status & FlowStatus.SourceNat) != 0 ? State.Snat : 0;
  return source | ((status & FlowStatus.DestinationNat) != 0 ? State.Dnat : 0);
}

function reject(core: Core, p: Packet, t: Passage, how: u32): void {
  if (how == RejectWith.TcpReset) return tellReset(core, p, t);
  tellUnreachable(core, p, t, codeOf(how), 0);
}

function codeOf(how: u32): u32 {
  switch (how) {
    case RejectWith.IcmpNetUnreachable:
    case RejectWith.Icmp6NoRoute:
      return UNREACHABLE_NET;
    case RejectWith.IcmpHostUnreachable:
    case RejectWith.Icmp6AddrUnreachable:
      return UNREACHABLE_HOST;
    case RejectWith.IcmpProtoUnreachable:
      return UNREACHABLE_PROTOCOL;
    case RejectWith.IcmpNetProhibited:
      return UNREACHABLE_NET_PROHIBITED;
    case RejectWith.IcmpHostProhibited:
      return UNREACHABLE_HOST_PROHIBITED;
    case RejectWith.IcmpAdminProhibited:
    case RejectWith.Icmp6AdmProhibited:
      return UNREACHABLE_PROHIBITED;
    case RejectWith.Icmp6PolicyFail:
      return UNREACHABLE_POLICY;
    case RejectWith.Icmp6RejectRoute:
      return UNREACHABLE_REJECT_ROUTE;
    default:
      return UNREACHABLE_PORT;
  }
}

/**
 * Books the packet on all rules it met. What was said is kept in its flow's line, if the next
 * packet of the line would meet the same: not after a new mark, nor if `isFirst`, since the nat
 * table is only asked once.
 */
export function conclude(core: Core, t: Passage, isFirst: bool): void {
  const rules = Rules.at(core.rules);
  const s = Subject.at(core.subject);
  const line = t.line;
  const isMarked = keepMark(t, s);
  const isSyn = (t.tcpFlags & TCP_SYN) != 0 && s.dependsOnSyn != 0;
  const isSame = !isFirst && !isMarked && s.isVolatile == 0 && !isSyn;
  const holds = changetype<usize>(line) != 0 && isSame;
  const path = holds && s.trailLength != 0 ? pathOf(rules, s) : 0;
  t.hasWishes = u32(s.tcpMss != 0 || s.ttl != UNCHANGED || s.tos != UNCHANGED);
  if (path == 0) countTrail(rules, s, 0, t.total);
  if (changetype<usize>(line) == 0) return;
  let isKept: bool = holds && (path != 0 || s.trailLength == 0);
  if (line.path < FIRST_SHARE) line.path = path;
  else isKept = changeShare(core, t, isKept, path);
  line.adjacency = isKept ? t.adjacency : 0;
  line.generation = <u16>core.generation;
}

/**
 * Gives the flow the mark that rules gave it, a refused packet's as well. True: it is another,
 * so both directions are to be judged again.
 */
function keepMark(t: Passage, s: Subject): bool {
  const line = t.line;
  if (changetype<usize>(line) == 0 || t.state.mark == s.connMark) return false;
  t.state.mark = s.connMark;
  t.news |= <u32>JournalKind.Update;
  line.judgeAgain();
  line.other.judgeAgain();
  return true;
}

/** Whether what was decided about the line covers the packet: rules may look at SYN. */
export function isCacheable(t: Passage): bool {
  return (t.tcpFlags & TCP_SYN) == 0;
}
