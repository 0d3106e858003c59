/**
 * Errors: what a zone tells senders with ICMP (RFC 1812 §5.2.7, §4.3.3). The message quotes
 * the packet as it came in, and leaves by where that came from, in the name of the
 * interface. Limits and exceptions: too-big.ts. Callers speak of errors as ICMP of IPv4 does;
 * errors6.ts says the same in ICMPv6.
 */
import { CoreCounter, Node, RxFlag, Trace } from '../abi';
import { Core, count } from '../memory';
import { Packet, reserve } from '../packet';
import { storeAddress } from '../table/address';
import { note, say } from '../trace';
import { checksumOf, pseudoSum4, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { ICMP_UNREACHABLE } from '../wire/icmp';
import { IPV4_BYTES, IPV4_DF, Ipv4, PROTOCOL_TCP, TYPE_IPV4 } from '../wire/ipv4';
import { TCP_ACK, TCP_BYTES, TCP_RST, Tcp } from '../wire/tcp';
import { ZoneCounter } from '../zone-abi';
import { headOf, tailOf } from './addresses';
import { sendReply } from './answer';
import { isBalanced } from './balance';
import { tellError6, tellReset6 } from './errors6';
import { Passage } from './passage';
import { answerError4 } from './too-big';

export const UNREACHABLE_NET: u32 = 0;
export const UNREACHABLE_HOST: u32 = 1;
export const UNREACHABLE_PROTOCOL: u32 = 2;
export const UNREACHABLE_PORT: u32 = 3;
export const UNREACHABLE_TOO_BIG: u32 = 4;
export const UNREACHABLE_NET_PROHIBITED: u32 = 9;
export const UNREACHABLE_HOST_PROHIBITED: u32 = 10;
export const UNREACHABLE_PROHIBITED: u32 = 13; // RFC 1812 §5.2.7.1
/** Of ICMPv6 alone, RFC 4443 §3.1: codes 5, 6 and 2 there. */
export const UNREACHABLE_POLICY: u32 = 256;
export const UNREACHABLE_REJECT_ROUTE: u32 = 257;
export const UNREACHABLE_SCOPE: u32 = 258;
const CODE_SHIFT: u32 = 8;
const TTL: u32 = 64;
const PORT_BITS: u32 = 16;
const RESETS_PER_SEC: u32 = 1000;
const RESETS_BURST: u32 = 1000;

/** "Destination unreachable" with a code, and the MTU where that is the matter. */
export function tellUnreachable(core: Core, p: Packet, t: Passage, code: u32, mtuBytes: u32): void {
  tellError(core, p, t, ICMP_UNREACHABLE, code, mtuBytes);
}

/** An ICMP error to the packet's sender. */
export function tellError(
  core: Core,
  p: Packet,
  t: Passage,
  type: u32,
  code: u32,
  rest: u32,
): void {
  const iface = t.iface;
  const i = iface.speakerTo(headOf(core, t, t.source), tailOf(core, t, t.source));
  if (i == iface.addressCount) return;
  const from = core.passage + offsetof<Passage>('speakerHead');
  if (isBalanced(t))
    storeAddress(from, headOf(core, t, t.destination), tailOf(core, t, t.destination));
  else storeAddress(from, iface.addressHead(i), iface.addressTail(i));
  if (t.isIpv6 != 0) return tellError6(core, p, t, type, code, rest);
  const kind = type | (code << CODE_SHIFT);
  if (!answerError4(core, p, ETHERNET_BYTES, t.total, kind, rest, from)) return;
  count(t.zone.counters, ZoneCounter.ErrorsSent, 1);
  if (p.has(RxFlag.Trace)) say(note(core, p, Node.Zone, Trace.ErrorSent), type, code, t.zone.index);
}

/** Answers a TCP segment with a reset, RFC 9293 §3.10.7.1, as if from its destination. */
export function tellReset(core: Core, p: Packet, t: Passage): void {
  if (!t.isTcp || (t.tcpFlags & TCP_RST) != 0) return;
  if (!t.zone.errorLimit.takes(core.nowMs, RESETS_PER_SEC, RESETS_BURST)) return;
  if (t.isIpv6 != 0) return tellReset6(core, p, t);
  const bytes = ETHERNET_BYTES + IPV4_BYTES + TCP_BYTES;
  const reply = reserve(core, bytes);
  if (reply == 0) return;
  const asked = Ethernet.at(p.data);
  Ethernet.at(reply).emit(asked.source, asked.destination, TYPE_IPV4);
  const ip = Ipv4.at(reply + ETHERNET_BYTES);
  ip.emit(0, IPV4_BYTES + TCP_BYTES, IPV4_DF, TTL, PROTOCOL_TCP);
  ip.source = bswap<u32>(t.destination);
  ip.destination = bswap<u32>(t.source);
  ip.seal();
  writeReset(reply + ETHERNET_BYTES + IPV4_BYTES, t);
  const tcp = reply + ETHERNET_BYTES + IPV4_BYTES;
  const sum = pseudoSum4(changetype<usize>(ip), PROTOCOL_TCP, TCP_BYTES) + sumBytes(tcp, TCP_BYTES);
  Tcp.at(tcp).checksum = <u16>checksumOf(sum);
  count(core.coreCounters, CoreCounter.Copies, 1);
  sendReply(core, p, reply, bytes, p.flags & RxFlag.Trace);
}

/** The header of a reset, without checksum, to TCP_BYTES bytes at `at`. */
export function writeReset(at: usize, t: Passage): void {
  const asked = Tcp.at(t.l4);
  const hasAck = (t.tcpFlags & TCP_ACK) != 0;
  const sequence = hasAck ? asked.acknowledged : 0;
  const flags = hasAck ? TCP_RST : TCP_RST | TCP_ACK;
  const acknowledged = hasAck ? 0 : t.sequenceEnd;
  const ports = bswap<u32>(rotl(t.ports, PORT_BITS));
  Tcp.at(at).emit(ports, sequence, acknowledged, flags, 0);
}
