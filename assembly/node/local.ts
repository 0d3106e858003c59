/**
 * Local: what a zone's own addresses are asked. Pings are answered; to anything else a host
 * without listeners says what RFC 1122 §3.2.2 wants: port unreachable, protocol unreachable,
 * a reset. Answers are limited per second. In the strict profile a zone that translates keeps
 * silent about SYNs: whoever is behind it may be about to send one there (RFC 5382 REQ-4).
 *
 * Answers are copies in the books; the questions are consumed. Drops: RuleDrop, RuleReject,
 * LocalAddress for broadcasts and groups.
 */
import { CoreCounter, Drop, Node, RxFlag, Trace } from '../abi';
import { Core, count } from '../memory';
import { Packet, reserve } from '../packet';
import { Hook } from '../rules-abi';
import { localIface } from '../table/local';
import { note, say } from '../trace';
import { fold, pseudoSum6, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { ICMP_ECHO, ICMP_ECHO_REPLY, Icmp } from '../wire/icmp';
import { ICMP6_ECHO, ICMP6_ECHO_REPLY, ICMP6_ERROR_BYTES, Icmp6, NEXT_ICMP6 } from '../wire/icmp6';
import {
  IPV4_BYTES,
  Ipv4,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TYPE_IPV4,
} from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { TCP_ACK, TCP_SYN } from '../wire/tcp';
import { FlowProfile, LocalAnswer, ZoneCounter } from '../zone-abi';
import { headOf, tailOf } from './addresses';
import { sendReply } from './answer';
import { NOT_BALANCED, balance } from './balance';
import { UNREACHABLE_PORT, UNREACHABLE_PROTOCOL, tellReset, tellUnreachable } from './errors';
import { CONSUMED } from './outer';
import { Passage } from './passage';
import { ask, conclude, translates } from './rules';

const ANSWERS_PER_SEC: u32 = 10000;
const ANSWERS_BURST: u32 = 10000;
const TTL: u32 = 64;
const RIGHT_SUM: u32 = 0xffff;
/** Identifier and sequence number of an ICMPv6 echo. */
const REST_OFFSET: usize = 4;

/** CONSUMED, or a reason. */
export function deliver(core: Core, p: Packet, t: Passage): Drop {
  let refused = ask(core, p, t, Hook.MangleInput);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.FilterInput);
  if (refused != Drop.None) return refused;
  refused = balance(core, p, t);
  if (refused != NOT_BALANCED) return refused;
  conclude(core, t, true);
  if (!isOwn(core, t)) return Drop.LocalAddress;
  count(t.zone.counters, ZoneCounter.Delivered, 1);
  const answer = answerFor(core, p, t);
  if (p.has(RxFlag.Trace)) say(note(core, p, Node.Local, Trace.Delivered), answer, 0, 0);
  return CONSUMED;
}

function isOwn(core: Core, t: Passage): bool {
  const head = headOf(core, t, t.newDestination);
  const tail = tailOf(core, t, t.newDestination);
  return changetype<usize>(localIface(core, t.iface, head, tail)) != 0;
}

function answerFor(core: Core, p: Packet, t: Passage): LocalAnswer {
  if (t.isIcmp && t.isIpv6 != 0) return isEcho6(t) ? echo6(core, p, t) : LocalAnswer.None;
  switch (t.protocol) {
    case PROTOCOL_ICMP:
      if (Icmp.at(t.l4).type != ICMP_ECHO) return LocalAnswer.None;
      return echo(core, p, t);
    case PROTOCOL_UDP:
      tellUnreachable(core, p, t, UNREACHABLE_PORT, 0);
      return LocalAnswer.PortUnreachable;
    case PROTOCOL_TCP:
      if (mayBeMet(core, t)) return LocalAnswer.None;
      tellReset(core, p, t);
      return LocalAnswer.Reset;
    default:
      tellUnreachable(core, p, t, UNREACHABLE_PROTOCOL, 0);
      return LocalAnswer.ProtocolUnreachable;
  }
}

/** Whether a SYN may meet one of the inside that is on its way. */
function mayBeMet(core: Core, t: Passage): bool {
  const isSyn = (t.tcpFlags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  return isSyn && t.zone.profile == <u32>FlowProfile.Strict && translates(core, t);
}

/** RFC 792: the same message, back, with another type. */
function echo(core: Core, p: Packet, t: Passage): LocalAnswer {
  if (fold(sumBytes(t.l4, t.l4Bytes)) != RIGHT_SUM) return LocalAnswer.None;
  if (!t.zone.errorLimit.takes(core.nowMs, ANSWERS_PER_SEC, ANSWERS_BURST)) return LocalAnswer.None;
  const bytes = IPV4_BYTES + t.l4Bytes;
  const reply = reserve(core, ETHERNET_BYTES + bytes);
  if (reply == 0) return LocalAnswer.None;
  const asked = Ethernet.at(p.data);
  Ethernet.at(reply).emit(asked.source, t.iface.mac, TYPE_IPV4);
  const ip = Ipv4.at(reply + ETHERNET_BYTES);
  ip.emit(t.ip.tos, bytes, 0, TTL, PROTOCOL_ICMP);
  ip.source = bswap<u32>(t.newDestination);
  ip.destination = bswap<u32>(t.source);
  ip.seal();
  const message = reply + ETHERNET_BYTES + IPV4_BYTES;
  memory.copy(message, t.l4, t.l4Bytes);
  Icmp.at(message).emit(ICMP_ECHO_REPLY, 0, Icmp.at(t.l4).rest);
  Icmp.at(message).seal(t.l4Bytes);
  count(core.coreCounters, CoreCounter.Copies, 1);
  sendReply(core, p, reply, ETHERNET_BYTES + bytes, p.flags & RxFlag.Trace);
  return LocalAnswer.Echo;
}

function isEcho6(t: Passage): bool {
  return Icmp6.at(t.l4).type == ICMP6_ECHO && t.l4Bytes >= ICMP6_ERROR_BYTES;
}

/** RFC 4443 §4.2. */
function echo6(core: Core, p: Packet, t: Passage): LocalAnswer {
  const asked = t.ip6;
  const sum = pseudoSum6(changetype<usize>(asked), NEXT_ICMP6, t.l4Bytes);
  if (fold(sum + sumBytes(t.l4, t.l4Bytes)) != RIGHT_SUM) return LocalAnswer.None;
  if (!t.zone.errorLimit.takes(core.nowMs, ANSWERS_PER_SEC, ANSWERS_BURST)) return LocalAnswer.None;
  const bytes = ETHERNET_BYTES + IPV6_BYTES + t.l4Bytes;
  const reply = reserve(core, bytes);
  if (reply == 0) return LocalAnswer.None;
  Ethernet.at(reply).emit(Ethernet.at(p.data).source, t.iface.mac, TYPE_IPV6);
  const ip = Ipv6.at(reply + ETHERNET_BYTES);
  ip.emit(t.l4Bytes, NEXT_ICMP6, TTL);
  ip.trafficClass = asked.trafficClass;
  ip.sourceHead = headOf(core, t, t.newDestination);
  ip.sourceTail = tailOf(core, t, t.newDestination);
  ip.destinationHead = asked.sourceHead;
  ip.destinationTail = asked.sourceTail;
  const message = reply + ETHERNET_BYTES + IPV6_BYTES;
  memory.copy(message, t.l4, t.l4Bytes);
  const rest = bswap<u32>(load<u32>(message, REST_OFFSET));
  Icmp6.at(message).emit(ICMP6_ECHO_REPLY, 0, rest, t.l4Bytes);
  count(core.coreCounters, CoreCounter.Copies, 1);
  sendReply(core, p, reply, bytes, p.flags & RxFlag.Trace);
  return LocalAnswer.Echo;
}
