/**
 * Errors of IPv6: what errors.ts tells senders, in ICMPv6 (RFC 4443 §3). The types and codes are
 * those that RFC 7915 §4.2 gives for those of IPv4.
 */
import { CoreCounter, Node, RxFlag, Trace } from '../abi';
import { Core, count } from '../memory';
import { Packet, reserve } from '../packet';
import { note, say } from '../trace';
import { checksumOf, pseudoSum6, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { namedAt } from '../wire/extension';
import { ICMP_TIME_EXCEEDED } from '../wire/icmp';
import {
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_TIME_EXCEEDED,
  ICMP6_TOO_BIG,
  ICMP6_UNREACHABLE,
} from '../wire/icmp6';
import { PROTOCOL_TCP } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { TCP_BYTES, Tcp } from '../wire/tcp';
import { ZoneCounter } from '../zone-abi';
import { sendReply } from './answer';
import {
  UNREACHABLE_HOST,
  UNREACHABLE_NET,
  UNREACHABLE_POLICY,
  UNREACHABLE_PORT,
  UNREACHABLE_PROTOCOL,
  UNREACHABLE_REJECT_ROUTE,
  UNREACHABLE_SCOPE,
  UNREACHABLE_TOO_BIG,
  writeReset,
} from './errors';
import { Passage } from './passage';
import { answerError6 } from './too-big';

const CODE_SHIFT: u32 = 8;
const TYPE_MASK: u32 = 0xff;
const HOP_LIMIT: u32 = 64;
/** Codes of ICMP6_UNREACHABLE, RFC 4443 §3.1; of a parameter problem, §3.4. */
const NO_ROUTE: u32 = 0;
const PROHIBITED: u32 = 1;
const BEYOND_SCOPE: u32 = 2;
const ADDRESS_UNREACHABLE: u32 = 3;
const PORT_UNREACHABLE: u32 = 4;
const POLICY: u32 = 5;
const REJECT_ROUTE: u32 = 6;
const UNRECOGNIZED_NEXT: u32 = 1;

/** An ICMPv6 error to the packet's sender, from the speaker that the passage has. */
export function tellError6(
  core: Core,
  p: Packet,
  t: Passage,
  type: u32,
  code: u32,
  rest: u32,
): void {
  const kind = type == ICMP_TIME_EXCEEDED ? ICMP6_TIME_EXCEEDED : kindOf(code);
  const isProblem = (kind & TYPE_MASK) == ICMP6_PARAMETER_PROBLEM;
  const from = core.passage + offsetof<Passage>('speakerHead');
  const at = changetype<usize>(t.ip);
  const what = isProblem ? namedAt(at, <u32>(t.l4 - at)) : rest;
  if (!answerError6(core, p, ETHERNET_BYTES, t.total, kind, what, from)) return;
  count(t.zone.counters, ZoneCounter.ErrorsSent, 1);
  if (!p.has(RxFlag.Trace)) return;
  const record = note(core, p, Node.Zone, Trace.ErrorSent);
  say(record, kind & TYPE_MASK, kind >> CODE_SHIFT, t.zone.index);
}

/** ICMPv6 type | code << 8 of a code of "destination unreachable". */
function kindOf(code: u32): u32 {
  switch (code) {
    case UNREACHABLE_TOO_BIG:
      return ICMP6_TOO_BIG;
    case UNREACHABLE_PROTOCOL:
      return ICMP6_PARAMETER_PROBLEM | (UNRECOGNIZED_NEXT << CODE_SHIFT);
    case UNREACHABLE_NET:
      return ICMP6_UNREACHABLE | (NO_ROUTE << CODE_SHIFT);
    case UNREACHABLE_HOST:
      return ICMP6_UNREACHABLE | (ADDRESS_UNREACHABLE << CODE_SHIFT);
    case UNREACHABLE_PORT:
      return ICMP6_UNREACHABLE | (PORT_UNREACHABLE << CODE_SHIFT);
    case UNREACHABLE_SCOPE:
      return ICMP6_UNREACHABLE | (BEYOND_SCOPE << CODE_SHIFT);
    case UNREACHABLE_POLICY:
      return ICMP6_UNREACHABLE | (POLICY << CODE_SHIFT);
    case UNREACHABLE_REJECT_ROUTE:
      return ICMP6_UNREACHABLE | (REJECT_ROUTE << CODE_SHIFT);
    default:
      return ICMP6_UNREACHABLE | (PROHIBITED << CODE_SHIFT);
  }
}

/** Answers a TCP segment with a reset, as if from its destination. */
export function tellReset6(core: Core, p: Packet, t: Passage): void {
  const bytes = ETHERNET_BYTES + IPV6_BYTES + TCP_BYTES;
  const reply = reserve(core, bytes);
  if (reply == 0) return;
  const asked = Ethernet.at(p.data);
  Ethernet.at(reply).emit(asked.source, asked.destination, TYPE_IPV6);
  const ip = Ipv6.at(reply + ETHERNET_BYTES);
  ip.emit(TCP_BYTES, PROTOCOL_TCP, HOP_LIMIT);
  ip.sourceHead = t.ip6.destinationHead;
  ip.sourceTail = t.ip6.destinationTail;
  ip.destinationHead = t.ip6.sourceHead;
  ip.destinationTail = t.ip6.sourceTail;
  const tcp = reply + ETHERNET_BYTES + IPV6_BYTES;
  writeReset(tcp, t);
  const sum = pseudoSum6(changetype<usize>(ip), PROTOCOL_TCP, TCP_BYTES) + sumBytes(tcp, TCP_BYTES);
  Tcp.at(tcp).checksum = <u16>checksumOf(sum);
  count(core.coreCounters, CoreCounter.Copies, 1);
  sendReply(core, p, reply, bytes, p.flags & RxFlag.Trace);
}
