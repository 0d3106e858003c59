/**
 * Follow windows: TCP connections of zones that check windows (features CT-3, CT-4): which
 * segments are believed, which pass and change nothing, and which are refused, as Linux has it
 * with nf_conntrack_tcp_be_liberal=0; and how long a connection lives that is not answered.
 *
 * A connection that is picked up in its middle is not checked: its scales are unknown. Nor is
 * one from where both ends have begun anew in the middle of it, after a crash of one.
 */
import { Core } from '../memory';
import { Flows } from '../table/flow';
import { FlowLine, LINE_REPLY, LINE_UNACKNOWLEDGED } from '../table/flow-line';
import { flowLeftMs, flowTimerMs } from '../table/flow-timers';
import {
  LAST_CALL,
  LAST_END,
  LAST_OTHER,
  LAST_PLAIN,
  MOST_RETRANSMISSIONS,
  isLastOf,
  isShut,
  lastKind,
  noteLast,
  retransmissions,
  setRetransmissions,
  setShut,
} from '../table/tcp-last';
import { TCP_KEEP, TCP_REFUSE } from '../table/tcp-track';
import {
  End,
  acknowledge,
  believe,
  isBefore,
  openEnd,
  openMiddle,
  sends,
  widestOf,
} from '../table/tcp-window';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Tcp } from '../wire/tcp';
import { FlowStatus, FlowTimer, PROFILE_TIMERS, TcpState, WindowBound } from '../zone-abi';
import { setTimer } from './flows';
import { Passage } from './passage';

/** What `resetFate` returns beside a state: Close, and its numbers need not be looked at. */
const CLOSE_UNSEEN: u32 = 32;
/** A flow that dies sooner is left alone. */
const LEAST_LEFT_MS: u32 = 120000;

function kindOf(flags: u32): u32 {
  if ((flags & (TCP_FIN | TCP_RST)) != 0) return LAST_END;
  if ((flags & TCP_SYN) == 0) return LAST_PLAIN;
  return (flags & TCP_ACK) == 0 ? LAST_CALL : LAST_OTHER;
}

/** Begins with the SYN that begins the flow, or is sent again. */
export function openWindow(core: Core, t: Passage): void {
  openEnd(Flows.at(core.flows), t.state, t.line, Tcp.at(t.l4));
  noteLast(t.state, t.line, LAST_CALL);
}

/**
 * What a segment that may come in state `now`, and leads to `next`, is to its connection: the
 * state after it; TCP_KEEP: it passes and moves nothing; or TCP_REFUSE.
 */
export function checkWindow(core: Core, t: Passage, now: u32, next: u32): u32 {
  if (next == TCP_KEEP) return passBy(t, now);
  const flags = t.tcpFlags;
  if ((flags & TCP_RST) != 0) next = resetFate(t, now);
  else if (isChallenge(t, now, next)) {
    noteLast(t.state, t.line, LAST_OTHER);
    return TCP_KEEP;
  }
  if (next == TCP_REFUSE) return TCP_REFUSE;
  const kind = kindOf(flags);
  const isSeen = next != CLOSE_UNSEEN;
  if (isSeen && !(opens(core, t, now) && kind == LAST_CALL)) {
    const bound = compare(core, t, now);
    if (t.segment.isRefused) lower(core, t, kind);
    if (t.segment.isRefused) return TCP_REFUSE;
    if (bound != WindowBound.None) return TCP_KEEP;
  }
  noteLast(t.state, t.line, kind);
  return isSeen ? next : TcpState.Close;
}

/** A segment that its receiver will answer by itself: Linux' IGNORE. */
function passBy(t: Passage, now: u32): u32 {
  const state = t.state;
  const line = t.line;
  const tcp = Tcp.at(t.l4);
  const kind = kindOf(t.tcpFlags);
  const isAnswer = kind == LAST_OTHER && lastKind(state) == LAST_CALL && !isLastOf(state, line);
  if (isAnswer && !isSaidAgain(t, tcp)) return beginAnew(t, tcp);
  // What the caller's reset will say: RFC 9293 §3.10.7.3.
  if (now == TcpState.SynSent) End.of(state, line.other).acknowledged = tcp.acknowledged;
  noteLast(state, line, kind);
  setShut(state, tcp.window == 0);
  return TCP_KEEP;
}

/** Whether a SYN-ACK is the one that was seen, to the SYN that was seen. */
function isSaidAgain(t: Passage, tcp: Tcp): bool {
  const line = t.line;
  return t.sequenceEnd == line.sequenceEnd && tcp.acknowledged == line.other.sequenceEnd;
}

/** A SYN in the middle is answered as one: both ends have new numbers, not all of them seen. */
function beginAnew(t: Passage, tcp: Tcp): u32 {
  t.state.clear(FlowStatus.Windowed);
  t.state.notes = 0;
  t.line.sequenceEnd = t.sequenceEnd;
  t.line.other.sequenceEnd = tcp.acknowledged;
  t.line.flags &= ~LINE_UNACKNOWLEDGED;
  t.line.other.flags &= ~LINE_UNACKNOWLEDGED;
  return TcpState.SynRecv;
}

/** RFC 5961 §4.2: the answer to a SYN in the middle says nothing about the last FIN. */
function isChallenge(t: Passage, now: u32, next: u32): bool {
  if (now != TcpState.LastAck || next != TcpState.TimeWait) return false;
  return lastKind(t.state) == LAST_CALL && !isLastOf(t.state, t.line);
}

/** State after a reset, by its sequence number: RFC 5961 §3, as far as it can be told here. */
function resetFate(t: Passage, now: u32): u32 {
  const state = t.state;
  const line = t.line;
  const tcp = Tcp.at(t.l4);
  const sequence = tcp.sequence;
  if (isClosing(now)) return CLOSE_UNSEEN;
  const last = lastKind(state);
  const isOwn = isLastOf(state, line);
  if (hasAcknowledged(line.other, now) && last != LAST_CALL) {
    const expected = End.of(state, line.other).acknowledged;
    if (sequence == 0 && now != TcpState.Established) return TcpState.Close;
    if (isBefore(sequence, expected)) return TCP_REFUSE;
    if (now != TcpState.Established || sequence == expected) return TcpState.Close;
    // Right behind what its sender has just said.
    if (last == LAST_PLAIN && isOwn && sequence == line.sequenceEnd) return TcpState.Close;
    return now;
  }
  // Nobody is there whom a SYN in the middle called: RFC 9293 §3.10.7.1.
  const isStray = last == LAST_CALL && !isOwn && now != TcpState.SynSent;
  if (isStray && sequence == 0 && (t.tcpFlags & TCP_ACK) != 0) return CLOSE_UNSEEN;
  const isCaller = now == TcpState.SynSent && last == LAST_PLAIN && !isOwn && t.isReply == 0;
  if (isCaller && sequence == End.of(state, line).acknowledged) return CLOSE_UNSEEN;
  return TcpState.Close;
}

function isClosing(state: u32): bool {
  return state >= <u32>TcpState.FinWait && state <= <u32>TcpState.Close;
}

/** Whether the end of a line has acknowledged anything yet. */
function hasAcknowledged(line: FlowLine, now: u32): bool {
  if (now == TcpState.SynSent || now == TcpState.SynSent2) return false;
  return now != TcpState.SynRecv || line.has(LINE_REPLY);
}

/** Begins an end, if the segment is the first of it. Whether it is. */
function opens(core: Core, t: Passage, now: u32): bool {
  const flows = Flows.at(core.flows);
  const state = t.state;
  const line = t.line;
  const tcp = Tcp.at(t.l4);
  const end = t.sequenceEnd;
  const isFirst = widestOf(flows, line) == 0;
  t.segment.read(state, line, tcp, end);
  if ((t.tcpFlags & TCP_SYN) == 0) {
    if (!isFirst) return false;
    openMiddle(flows, state, line, t.segment);
    if (t.segment.highest == line.other.sequenceEnd + 1) line.other.sequenceEnd++;
    return true;
  }
  const isCalling = now == TcpState.SynSent || now == TcpState.SynRecv;
  const isLater = isCalling && isBefore(line.sequenceEnd, end); // begun anew: other options
  if (!isFirst && !isLater) return false;
  line.sequenceEnd = end;
  openEnd(flows, state, line, tcp);
  return true;
}

/** Compares the segment with its windows, and moves them. */
function compare(core: Core, t: Passage, now: u32): WindowBound {
  const flows = Flows.at(core.flows);
  const state = t.state;
  const line = t.line;
  const s = t.segment;
  const isReset = (t.tcpFlags & TCP_RST) != 0;
  if (isReset && s.sequence == 0 && now == TcpState.SynSent) {
    s.sequence = s.end = line.sequenceEnd; // refuses a SYN, RFC 9293 §3.10.7.1
  }
  s.check(flows, state, line);
  if (s.bound == WindowBound.SequenceOver) sends(line, s.end);
  if (s.bound != WindowBound.None) return s.bound;
  let isNew = believe(flows, state, line, s);
  if ((t.tcpFlags & TCP_ACK) != 0) {
    const isFirst = !hasAcknowledged(line, now);
    isNew = acknowledge(state, line, s.acknowledged, isFirst) || isNew;
  }
  if (kindOf(t.tcpFlags) == LAST_PLAIN) {
    const isAgain = !isNew && isLastOf(state, line);
    setRetransmissions(state, isAgain ? retransmissions(state) + 1 : 0);
    setShut(state, Tcp.at(t.l4).window == 0);
  }
  return WindowBound.None;
}

/**
 * Both ends say that they are done, and neither is believed: what is known here is wrong, and
 * is not kept for days (Linux: nf_tcp_handle_invalid).
 */
function lower(core: Core, t: Passage, kind: u32): void {
  const state = t.state;
  if (kind != LAST_END || !state.has(FlowStatus.Assured)) return;
  if (lastKind(state) != LAST_END || isLastOf(state, t.line)) {
    noteLast(state, t.line, kind);
    return;
  }
  const leftMs = flowLeftMs(core, t.line);
  if (leftMs < LEAST_LEFT_MS || leftMs <= timerMs(core, t, FlowTimer.TcpUnacknowledged)) return;
  setTimer(t, FlowTimer.TcpUnacknowledged);
}

function timerMs(core: Core, t: Passage, timer: FlowTimer): u32 {
  return flowTimerMs(core, timer + t.zone.profile * PROFILE_TIMERS);
}

/** Sets the timer after a segment that was believed, and has led to a state. */
export function setWindowTimer(core: Core, t: Passage): void {
  const state = t.state;
  const usual = <FlowTimer>state.phase;
  const usualMs = timerMs(core, t, usual);
  const isShorter = usualMs > timerMs(core, t, FlowTimer.TcpRetransmitting);
  if (retransmissions(state) >= MOST_RETRANSMISSIONS && isShorter) {
    setTimer(t, FlowTimer.TcpRetransmitting);
  } else if ((t.tcpFlags & TCP_RST) != 0) setTimer(t, FlowTimer.TcpClose);
  else if (isUnacknowledged(t.line) && usualMs > timerMs(core, t, FlowTimer.TcpUnacknowledged)) {
    setTimer(t, FlowTimer.TcpUnacknowledged);
  } else if (isShut(state) && isShorter) setTimer(t, FlowTimer.TcpRetransmitting);
  else setTimer(t, usual);
}

function isUnacknowledged(line: FlowLine): bool {
  return ((line.flags | line.other.flags) & LINE_UNACKNOWLEDGED) != 0;
}
