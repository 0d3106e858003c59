/**
 * Follow TCP: what a segment means to its connection (features CT-2 to CT-4, RFC 9293, RFC
 * 5961). Where windows are not checked resets still are: one that does not begin where its
 * sender's segments end is from somebody else (RFC 5961 §3). A SYN is answered by what
 * acknowledges it, with the data it may have brought (RFC 7413), or not at all.
 */
import { Core, count } from '../memory';
import { State } from '../rules-abi';
import { FlowLine, FlowState, LINE_FAST } from '../table/flow-line';
import { TCP_AGAIN, TCP_KEEP, TCP_REFUSE, nextTcpState } from '../table/tcp-track';
import { ZONE_LIBERAL, ZONE_LOOSE } from '../table/zone';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Tcp } from '../wire/tcp';
import { isDirectShare } from '../table/share';
import { FlowStatus, FlowTimer, JournalKind, TcpState, ZoneCounter } from '../zone-abi';
import { followsOneWay } from './follow-one-way';
import { checkWindow, openWindow, setWindowTimer } from './follow-window';
import { endFlow, setTimer } from './flows';
import { Passage } from './passage';

/** Whether the segment, which has no flow, may begin one. */
export function beginsTcp(t: Passage): bool {
  const state = nextTcpState(TcpState.None, t.tcpFlags, false);
  if (state == TcpState.Established) return t.zone.has(ZONE_LOOSE);
  return state == TcpState.SynSent;
}

/** Timer and state of a flow that has just begun. */
export function firstTcp(core: Core, t: Passage): void {
  const isSyn = (t.tcpFlags & TCP_SYN) != 0;
  t.state.phase = <u8>(isSyn ? TcpState.SynSent : TcpState.Established);
  setTimer(t, isSyn ? FlowTimer.TcpSynSent : FlowTimer.TcpUnacknowledged);
  t.line.sequenceEnd = t.sequenceEnd;
  if (!isSyn) {
    t.state.set(FlowStatus.Unconfirmed);
    return;
  }
  noteCall(t, Tcp.at(t.l4));
  if (t.zone.has(ZONE_LIBERAL)) return;
  t.state.set(FlowStatus.Windowed);
  openWindow(core, t);
}

/** A SYN, maybe not the first: until there is an answer the other line has what it must say. */
function noteCall(t: Passage, tcp: Tcp): void {
  t.line.sequenceEnd = t.sequenceEnd;
  t.line.other.sequenceEnd = tcp.sequence + 1;
}

/**
 * Moves the flow by its segment. False: no such flow has such a segment now. One that begins a
 * new connection in place of a finished one finds itself without a flow afterwards.
 */
export function followsTcp(core: Core, t: Passage): bool {
  const state = t.state;
  if (t.isReply == 0 && isDirectShare(core, t.line.path)) return followsOneWay(core, t);
  const now: u32 = state.phase;
  let next = nextTcpState(now, t.tcpFlags, t.isReply != 0);
  if (next == TCP_REFUSE) return false;
  if (next == TCP_AGAIN) return beginsAgain(core, t);
  const isCall = next == TcpState.SynSent;
  if (!isCall && !isRightAnswer(t, now, next)) return false;
  if (isCall) noteCall(t, Tcp.at(t.l4));
  next = isWindowed(t) ? windowed(core, t, now, next) : unchecked(t, now, next);
  if (next == TCP_REFUSE) return false;
  if (next == TCP_KEEP) return true;
  if (next == TcpState.Established) established(t, now);
  if (next != now) moveTo(t, next);
  if (state.has(FlowStatus.Windowed) && !isCall) setWindowTimer(core, t);
  // A call that was refused, or called off: nothing is left of it.
  if (next == TcpState.Close && !state.has(FlowStatus.SeenReply)) state.set(FlowStatus.Dying);
  return true;
}

/** Whether windows are checked; not any more where a zone has become liberal. */
function isWindowed(t: Passage): bool {
  if (!t.state.has(FlowStatus.Windowed)) return false;
  if (t.zone.has(ZONE_LIBERAL)) t.state.clear(FlowStatus.Windowed);
  return t.state.has(FlowStatus.Windowed);
}

/** A SYN-ACK must acknowledge the SYN, and may acknowledge data of it. */
function isRightAnswer(t: Passage, now: u32, next: u32): bool {
  if (now != TcpState.SynSent || next != TcpState.SynRecv) return true;
  const least = t.line.sequenceEnd;
  return Tcp.at(t.l4).acknowledged - least <= t.line.other.sequenceEnd - least;
}

function windowed(core: Core, t: Passage, now: u32, next: u32): u32 {
  if (next == TcpState.SynSent) {
    openWindow(core, t);
    return next;
  }
  const found = checkWindow(core, t, now, next);
  if (found == TCP_KEEP) t.isQuiet = 1;
  return found;
}

/** The same where windows are not checked. */
function unchecked(t: Passage, now: u32, next: u32): u32 {
  const line = t.line;
  const tcp = Tcp.at(t.l4);
  if ((t.tcpFlags & TCP_RST) != 0) {
    const isExact = tcp.sequence == line.sequenceEnd || line.sequenceEnd == 0;
    return now == TcpState.Established && !isExact ? TCP_REFUSE : next;
  }
  if (next == TCP_KEEP || next == TcpState.SynSent) return next;
  if (now == TcpState.SynSent && t.isReply != 0) line.sequenceEnd = t.sequenceEnd;
  else noteSequence(line, t.sequenceEnd);
  return next;
}

/** The end of what a direction has sent so far. */
export function noteSequence(line: FlowLine, end: u32): void {
  if (<i32>(end - line.sequenceEnd) > 0 || line.sequenceEnd == 0) line.sequenceEnd = end;
}

/** An acknowledged handshake, or what goes on after an answer to what began in its middle. */
function established(t: Passage, now: u32): void {
  const state = t.state;
  const isAnswered = state.has(FlowStatus.Unconfirmed) && state.has(FlowStatus.SeenReply);
  if (now != TcpState.SynRecv && !isAnswered) return;
  state.clear(FlowStatus.Unconfirmed);
  state.set(FlowStatus.Assured);
  t.news |= <u32>JournalKind.Update;
  setTimer(t, FlowTimer.TcpEstablished);
}

export function moveTo(t: Passage, next: u32): void {
  t.state.phase = <u8>next;
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
  t.ctState = State.New;
  return beginsTcp(t);
}

/** Whether a segment is taken for a sign of life: not a SYN that nobody answers. */
export function isTcpSignOfLife(t: Passage): bool {
  const isSyn = (t.tcpFlags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  return !(isSyn && t.state.phase == TcpState.SynSent && t.isReply == 0);
}

/** Whether such a segment of such a flow changes nothing but counters. */
export function isTcpSteady(t: Passage): bool {
  const state = t.state;
  const isPlain = (t.tcpFlags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0;
  const isEstablished = state.phase == TcpState.Established && state.has(FlowStatus.Assured);
  return isPlain && isEstablished && !state.has(FlowStatus.Windowed);
}
