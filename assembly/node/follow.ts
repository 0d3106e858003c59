/**
 * Follow: what a packet means to its connection (features CT-1 to CT-7). TCP: follow-tcp.ts;
 * SCTP: follow-sctp.ts; what else there is has an answer, or none.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core, count } from '../memory';
import { Packet } from '../packet';
import { State } from '../rules-abi';
import { LINE_FAST } from '../table/flow-line';
import { note, say, sayFourth } from '../trace';
import { NEXT_ICMP6 } from '../wire/icmp6';
import { PROTOCOL_ICMP, PROTOCOL_UDP } from '../wire/ipv4';
import { FlowStatus, FlowTimer, JournalKind, WindowBound, ZoneCounter } from '../zone-abi';
import { bookPhase } from './balance-books';
import { beginsSctp, firstSctp, followsSctp } from './follow-sctp';
import { beginsTcp, firstTcp, followsTcp, isTcpSignOfLife, isTcpSteady } from './follow-tcp';
import { setTimer } from './flows';
import { PROTOCOL_GRE, Passage } from './passage';

/** How long a UDP flow with an answer must last to be a stream (features CT-5). */
const STREAM_MS: u32 = 2000;

/** Whether the packet, which has no flow, may begin one. */
export function begins(t: Passage): bool {
  t.ctState = State.New;
  if (t.isIcmp) return t.isQuery;
  if (t.isTcp) return beginsTcp(t);
  return !t.isSctp || beginsSctp(t);
}

/** Timer and state of a flow that has just begun. */
export function firstTimer(core: Core, t: Passage): void {
  if (t.isTcp) firstTcp(core, t);
  else if (t.isSctp) firstSctp(t);
  else setTimer(t, timerOf(t.protocol, false));
}

/**
 * Moves the flow by its packet. False: no such flow has such a packet now. A packet that
 * begins a new connection in place of a finished one finds itself without a flow afterwards.
 */
export function follows(core: Core, t: Passage): bool {
  const before: u32 = t.state.phase;
  if (t.isTcp && !followsTcp(core, t)) return false;
  if (t.isSctp && !followsSctp(t)) return false;
  if (changetype<usize>(t.line) == 0) return true;
  if (t.segment.bound != WindowBound.None) count(t.zone.counters, ZoneCounter.WindowIgnored, 1);
  const state = t.state;
  if (t.isTcp && state.phase != before) bookPhase(core, t, before);
  const isAnswered = state.has(FlowStatus.SeenReply);
  t.ctState = t.isReply != 0 || isAnswered ? State.Established : State.New;
  if (state.has(FlowStatus.Dying)) return true;
  if (isAnswered && !t.isTcp && !t.isSctp) followStream(core, t);
  if (t.isReply != 0 && !isAnswered) {
    state.set(FlowStatus.SeenReply);
    t.news |= <u32>JournalKind.Update;
    t.line.flags &= ~LINE_FAST;
    t.line.other.judgeAgain(); // as established: it was judged as new
  }
  return true;
}

/** Counts a packet that no flow can have. Returns what it is dropped as, where it is. */
export function countInvalid(t: Passage): Drop {
  count(t.zone.counters, ZoneCounter.Invalid, 1);
  if (t.segment.bound == WindowBound.None) return Drop.Invalid;
  count(t.zone.counters, ZoneCounter.OutOfWindow, 1);
  return Drop.OutOfWindow;
}

/** Says which bound of its window a segment breaks, if it breaks one. */
export function traceWindow(core: Core, p: Packet, t: Passage): void {
  const s = t.segment;
  if (!p.has(RxFlag.Trace) || s.bound == WindowBound.None) return;
  const about = note(core, p, Node.Zone, Trace.Segment);
  say(about, s.sequence, s.end, s.acknowledged);
  sayFourth(about, s.windowBytes);
  say(note(core, p, Node.Zone, Trace.OutOfWindow), s.bound, s.number, s.limit);
}

/** What goes on after the first answer is a stream, and lives longer. */
function followStream(core: Core, t: Passage): void {
  const state = t.state;
  if (state.has(FlowStatus.Assured) || t.isIcmp) return;
  if (t.protocol == PROTOCOL_UDP && core.nowMs - state.beganMs <= STREAM_MS) return;
  state.set(FlowStatus.Assured);
  t.news |= <u32>JournalKind.Update;
  setTimer(t, timerOf(t.protocol, true));
}

function timerOf(protocol: u32, isStream: bool): FlowTimer {
  switch (protocol) {
    case PROTOCOL_UDP:
      return isStream ? FlowTimer.UdpStream : FlowTimer.Udp;
    case PROTOCOL_ICMP:
    case NEXT_ICMP6:
      return FlowTimer.Icmp;
    case PROTOCOL_GRE:
      return isStream ? FlowTimer.GreStream : FlowTimer.Gre;
    default:
      return FlowTimer.Generic;
  }
}

/** Whether packets like this one are taken for signs of life. */
export function isSignOfLife(t: Passage): bool {
  return t.isQuiet == 0 && (!t.isTcp || isTcpSignOfLife(t));
}

/** Whether such a packet of such a flow changes nothing but counters. */
export function isSteady(t: Passage): bool {
  if (t.isTcp) return isTcpSteady(t);
  return t.protocol == PROTOCOL_UDP && t.state.has(FlowStatus.Assured);
}
