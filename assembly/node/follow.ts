/**
 * Follow: what a packet means to its connection (features CT-1 to CT-7, RFC 9293, RFC 5961).
 *
 * Windows are not checked, but resets are: one that does not begin where its sender's segments
 * end is from somebody else (RFC 5961 §3). A SYN answered with a wrong acknowledgment is not
 * answered.
 */
import { Core, count } from '../memory';
import { State } from '../rules-abi';
import { FlowLine, FlowState, LINE_FAST } from '../table/flow-line';
import { ZONE_LOOSE } from '../table/zone';
import { TCP_AGAIN, TCP_KEEP, TCP_REFUSE, nextTcpState } from '../table/tcp-track';
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Tcp } from '../wire/tcp';
import { FlowStatus, FlowTimer, JournalKind, TcpState, ZoneCounter } from '../zone-abi';
import { bookState } from './balance-books';
import { endFlow, setTimer } from './flows';
import { followsOneWay } from './follow-one-way';
import { PROTOCOL_GRE, PROTOCOL_SCTP, Passage, isQueryType } from './passage';

/** How long a UDP flow with an answer must last to be a stream (features CT-5). */
const STREAM_MS: u32 = 2000;
const TYPE_SHIFT: u32 = 16;
const TYPE_MASK: u32 = 0xff;

/** Whether the packet, which has no flow, may begin one. */
export function begins(t: Passage): bool {
  t.ctState = State.New;
  if (t.protocol == PROTOCOL_ICMP) return isQueryType((t.ports >>> TYPE_SHIFT) & TYPE_MASK);
  if (!t.isTcp) return true;
  const state = nextTcpState(TcpState.None, t.tcpFlags, false);
  if (state == TcpState.Established) return t.zone.has(ZONE_LOOSE);
  return state == TcpState.SynSent;
}

/** Timer and state of a flow that has just begun. */
export function firstTimer(t: Passage): void {
  if (!t.isTcp) {
    setTimer(t, timerOf(t.protocol, false));
    return;
  }
  const isSyn = (t.tcpFlags & TCP_SYN) != 0;
  t.state.tcpState = <u8>(isSyn ? TcpState.SynSent : TcpState.Established);
  setTimer(t, isSyn ? FlowTimer.TcpSynSent : FlowTimer.TcpUnacknowledged);
  t.line.sequenceEnd = sequenceEndOf(t);
  if (isSyn) noteCall(t, Tcp.at(t.l4));
  else t.state.set(FlowStatus.Unconfirmed);
}

/** A SYN, maybe not the first: until there is an answer the other line has what it must say. */
function noteCall(t: Passage, tcp: Tcp): void {
  t.line.sequenceEnd = sequenceEndOf(t);
  t.line.other.sequenceEnd = tcp.sequence + 1;
}

/** The sequence number behind the segment: SYN and FIN count as a byte each. */
export function sequenceEndOf(t: Passage): u32 {
  const tcp = Tcp.at(t.l4);
  const controls = u32((t.tcpFlags & TCP_SYN) != 0) + u32((t.tcpFlags & TCP_FIN) != 0);
  return tcp.sequence + t.l4Bytes - tcp.headerBytes + controls;
}

/**
 * Moves the flow by its packet. False: no such flow has such a packet now. A packet that
 * begins a new connection in place of a finished one finds itself without a flow afterwards.
 */
export function follows(core: Core, t: Passage): bool {
  if (t.isTcp && !followsTcp(core, t)) return false;
  if (changetype<usize>(t.line) == 0) return true;
  const state = t.state;
  if (t.isTcp && state.backend != 0) bookState(core, state);
  const isAnswered = state.has(FlowStatus.SeenReply);
  t.ctState = t.isReply != 0 || isAnswered ? State.Established : State.New;
  if (state.has(FlowStatus.Dying)) return true;
  if (t.isReply != 0 && !isAnswered) {
    state.set(FlowStatus.SeenReply);
    t.news |= <u32>JournalKind.Update;
    t.line.flags &= ~LINE_FAST;
    t.line.other.judgeAgain(); // as established: it was judged as new
  }
  if (!t.isTcp) followOther(core, t);
  return true;
}

/** Streams live longer. */
function followOther(core: Core, t: Passage): void {
  const state = t.state;
  if (!state.has(FlowStatus.SeenReply) || state.has(FlowStatus.Assured)) return;
  if (t.protocol == PROTOCOL_UDP && core.nowMs - state.beganMs <= STREAM_MS) return;
  if (t.protocol == PROTOCOL_ICMP) return;
  state.set(FlowStatus.Assured);
  t.news |= <u32>JournalKind.Update;
  setTimer(t, timerOf(t.protocol, true));
}

function timerOf(protocol: u32, isStream: bool): FlowTimer {
  switch (protocol) {
    case PROTOCOL_UDP:
      return isStream ? FlowTimer.UdpStream : FlowTimer.Udp;
    case PROTOCOL_ICMP:
      return FlowTimer.Icmp;
    case PROTOCOL_GRE:
      return isStream ? FlowTimer.GreStream : FlowTimer.Gre;
    case PROTOCOL_SCTP:
      return isStream ? FlowTimer.SctpEstablished : FlowTimer.SctpCookieWait;
    default:
      return FlowTimer.Generic;
  }
}

function followsTcp(core: Core, t: Passage): bool {
  const state = t.state;
  if (state.has(FlowStatus.OneWay) && t.isReply == 0) return followsOneWay(core, t);
  const tcp = Tcp.at(t.l4);
  const now: u32 = state.tcpState;
  let next = nextTcpState(now, t.tcpFlags, t.isReply != 0);
  if (next == TCP_REFUSE) return false;
  if (next == TCP_AGAIN) return beginsAgain(core, t);
  const line = t.line;
  if ((t.tcpFlags & TCP_RST) != 0) {
    const isExact = tcp.sequence == line.sequenceEnd || line.sequenceEnd == 0;
    if (now == TcpState.Established && !isExact) return false;
  } else if (now == TcpState.SynSent && t.isReply != 0) {
    if (next == TCP_KEEP) return true; // a challenge: what it says is of another connection
    if (next == TcpState.SynRecv && tcp.acknowledged != line.sequenceEnd) return false;
    line.sequenceEnd = sequenceEndOf(t);
  } else if (next == TcpState.SynSent) noteCall(t, tcp);
  else if (next != TCP_KEEP) noteSequence(line, sequenceEndOf(t));
  if (next == TCP_KEEP) return true;
  if (next == TcpState.Established) next = established(t, now);
  if (next != now) moveTo(t, next);
  // A call that was refused, or called off: nothing is left of it.
  if (next == TcpState.Close && !state.has(FlowStatus.SeenReply)) state.set(FlowStatus.Dying);
  return true;
}

/** The end of what a direction has sent so far. */
export function noteSequence(line: FlowLine, end: u32): void {
  if (<i32>(end - line.sequenceEnd) > 0 || line.sequenceEnd == 0) line.sequenceEnd = end;
}

/** An acknowledged handshake; of what began in its middle, a packet behind the first answer. */
function established(t: Passage, now: u32): u32 {
  const state = t.state;
  if (now == TcpState.SynRecv) {
    state.set(FlowStatus.Assured);
    setTimer(t, FlowTimer.TcpEstablished);
  } else if (state.has(FlowStatus.Unconfirmed) && state.has(FlowStatus.SeenReply)) {
    state.status &= ~(<u16>FlowStatus.Unconfirmed);
    state.set(FlowStatus.Assured);
    t.news |= <u32>JournalKind.Update;
    setTimer(t, FlowTimer.TcpEstablished);
  }
  return TcpState.Established;
}

export function moveTo(t: Passage, next: u32): void {
  t.state.tcpState = <u8>next;
  t.news |= <u32>JournalKind.Update;
  t.line.flags &= ~LINE_FAST;
  t.line.other.flags &= ~LINE_FAST;
  if (next != TcpState.Established) setTimer(t, <FlowTimer>next);
}

/** A connection begins where one has just ended: in this very packet (features CT-3, pain 7). */
export function beginsAgain(core: Core, t: Passage): bool {
  count(t.zone.counters, ZoneCounter.Reopened, 1);
  endFlow(core, t.line);
  t.line = changetype<FlowLine>(0);
  t.state = changetype<FlowState>(0);
  t.isReply = 0;
  return begins(t);
}

/** Whether packets like this one are taken for signs of life: not SYNs nobody answers. */
export function isSignOfLife(t: Passage): bool {
  if (!t.isTcp) return true;
  const isSyn = (t.tcpFlags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  return !(isSyn && t.state.tcpState == TcpState.SynSent && t.isReply == 0);
}

/** Whether such a packet of such a flow changes nothing but counters. */
export function isSteady(t: Passage): bool {
  if (t.isTcp) {
    const isPlain = (t.tcpFlags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0;
    return isPlain && t.state.tcpState == TcpState.Established && t.state.has(FlowStatus.Assured);
  }
  return t.protocol == PROTOCOL_UDP && t.state.has(FlowStatus.Assured);
}
