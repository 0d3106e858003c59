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
import { IPV4_HEAD } from '../table/neighbour';
import { note, say } from '../trace';
import { fold, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { ICMP_ECHO, ICMP_ECHO_REPLY, Icmp } from '../wire/icmp';
import {
  IPV4_BYTES,
  Ipv4,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TYPE_IPV4,
} from '../wire/ipv4';
import { TCP_ACK, TCP_SYN } from '../wire/tcp';
import { FlowProfile, LocalAnswer, ZoneCounter } from '../zone-abi';
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

/** CONSUMED, or a reason. */
export function deliver(core: Core, p: Packet, t: Passage): Drop {
  let refused = ask(core, p, t, Hook.MangleInput);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.FilterInput);
  if (refused != Drop.None) return refused;
  refused = balance(core, p, t);
  if (refused != NOT_BALANCED) return refused;
  conclude(core, t, true);
  const address = bswap<u32>(t.newDestination);
  if (changetype<usize>(localIface(core, t.zone.index, IPV4_HEAD, address)) == 0) {
    return Drop.LocalAddress;
  }
  count(t.zone.counters, ZoneCounter.Delivered, 1);
  const answer = answerFor(core, p, t);
  if (p.has(RxFlag.Trace)) say(note(core, p, Node.Local, Trace.Delivered), answer, 0, 0);
  return CONSUMED;
}

function answerFor(core: Core, p: Packet, t: Passage): LocalAnswer {
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
  return isSyn && t.zone.profile == <u32>FlowProfile.Strict && translates(core, t.zone);
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
