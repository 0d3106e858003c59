/**
 * TCP windows as somebody in the middle can check them (features CT-4): Guido van Rooij, "Real
 * Stateful TCP Packet Filtering in IP Filter", 2001, with what Linux lets pass beyond it.
 *
 * Known of each end: `line.sequenceEnd`, behind all that it has sent; `most`, behind all that
 * the other end has ever said it takes; `acknowledged`, the highest number it has itself
 * acknowledged; its `widest`, the largest window it has offered, in bytes.
 *
 *   sequence  <= most                                      SequenceAhead, or SequenceOver
 *   highest   <= the other's sequenceEnd                   AcknowledgesUnsent
 *   end       >= own sequenceEnd - the other's widest      SequenceOld
 *   highest   >= the other's sequenceEnd - own widest      AcknowledgesOld
 *
 * `highest` is the highest number acknowledged, selectively too, of who takes such. Old segments
 * and segments a little too long are nobody's attack but a network's everyday: they pass, move
 * nothing and are no sign of life.
 *
 * Memory: two words a direction in FlowState, scales in its `detail`, and the entry's word in
 * the index: `widest` of both, 16 bits each, rounded up (`narrowed`).
 */
import { NO_SCALE, highestAcknowledged, permitsSack, scaleOf } from '../wire/tcp-option';
import { TCP_ACK, TCP_RST, TCP_SYN, Tcp } from '../wire/tcp';
import { WindowBound } from '../zone-abi';
import { Flows } from './flow';
import { FlowLine, FlowState, LINE_REPLY, LINE_SACK, LINE_UNACKNOWLEDGED } from './flow-line';

/** An acknowledgment may be late by this much at least: more than any window without scale. */
const LEAST_LATE: u32 = 66000;
const SCALE_BITS: u32 = 4;
const SCALE_MASK: u32 = 0xf;
/** Of `widest` in 16 bits: eleven of it, and by how many it is shifted. */
const KEPT_BITS: u32 = 11;
const KEPT_MASK: u32 = (1 << KEPT_BITS) - 1;
const WIDTH_BYTES: usize = 2;

/** What is known of one end: two words of FlowState. */
@unmanaged
export class End {
  most: u32;
  acknowledged: u32;

  static of(state: FlowState, line: FlowLine): End {
    return changetype<End>(state.wordsOf(line));
  }
}

/** A segment as it is checked, and what was found. */
@unmanaged
export class Segment {
  sequence: u32;
  /** Behind its last byte; SYN and FIN are one each. */
  end: u32;
  acknowledged: u32;
  /** The highest number that is acknowledged, selectively too. */
  highest: u32;
  windowBytes: u32;
  bound: WindowBound;
  /** The number that breaks the bound, and the last one that would not. */
  number: u32;
  limit: u32;

  /** Reads the segment, which is sent in the direction of `line` and ends at `end`. */
  read(state: FlowState, line: FlowLine, tcp: Tcp, end: u32): void {
    const flags = tcp.flags;
    this.sequence = tcp.sequence;
    this.end = end;
    this.windowBytes = (flags & TCP_SYN) != 0 ? tcp.window : tcp.window << shiftOf(state, line);
    this.acknowledged = this.highest = line.other.sequenceEnd;
    if ((flags & TCP_ACK) == 0) return;
    if ((flags & TCP_RST) != 0 && tcp.acknowledged == 0) return; // some say so, and mean nothing
    this.acknowledged = tcp.acknowledged;
    this.highest = line.other.has(LINE_SACK) ? highestAcknowledged(tcp) : tcp.acknowledged;
  }

  private breaks(bound: WindowBound, number: u32, limit: u32): void {
    this.bound = bound;
    this.number = number;
    this.limit = limit;
  }

  /** Compares it with what is known of both ends. */
  check(flows: Flows, state: FlowState, line: FlowLine): void {
    const most = End.of(state, line).most;
    const offered = widestOf(flows, line.other);
    const sent = line.other.sequenceEnd;
    const oldest = sent - max(widestOf(flows, line), LEAST_LATE);
    const first = line.sequenceEnd - offered;
    const isOld = offered != 0 && isBefore(this.end, first);
    const isLate = isBefore(this.highest, oldest);
    const isUnsent = isBefore(sent, this.highest);
    if (isBefore(most, this.sequence)) {
      const isSound = offered != 0 && !isOld && !isLate && !isUnsent;
      if (isSound && this.end - most + 1 <= offered) {
        this.breaks(WindowBound.SequenceOver, this.end, most);
      } else this.breaks(WindowBound.SequenceAhead, this.sequence, most);
    } else if (isUnsent) this.breaks(WindowBound.AcknowledgesUnsent, this.highest, sent);
    else if (isOld) this.breaks(WindowBound.SequenceOld, this.end, first);
    else if (isLate) this.breaks(WindowBound.AcknowledgesOld, this.highest, oldest);
  }

  get isRefused(): bool {
    return this.bound == WindowBound.SequenceAhead || this.bound == WindowBound.AcknowledgesUnsent;
  }
}

export const SEGMENT_BYTES: usize = offsetof<Segment>();

/** Whether a sequence number is before another one: they go round, RFC 9293 §3.4. */
export function isBefore(number: u32, other: u32): bool {
  return <i32>(number - other) < 0;
}

/** By how many bits windows of a direction are shifted. */
function shiftOf(state: FlowState, line: FlowLine): u32 {
  const scale = saidScale(state, line);
  return scale == NO_SCALE ? 0 : scale;
}

function saidScale(state: FlowState, line: FlowLine): u32 {
  return ((<u32>state.detail) >>> (line.has(LINE_REPLY) ? SCALE_BITS : 0)) & SCALE_MASK;
}

function setScale(state: FlowState, line: FlowLine, scale: u32): void {
  const shift = line.has(LINE_REPLY) ? SCALE_BITS : 0;
  state.detail = <u8>((state.detail & ~(SCALE_MASK << shift)) | (scale << shift));
}

/** A width in 16 bits, at most one in 1024 too large; exact where eleven bits hold it. */
function narrowed(bytes: u32): u32 {
  const bits: u32 = 32 - <u32>clz(bytes);
  if (bits <= KEPT_BITS) return bytes;
  const shift = bits - KEPT_BITS;
  const kept = (bytes + (1 << shift) - 1) >>> shift;
  return kept > KEPT_MASK ? ((shift + 1) << KEPT_BITS) | (kept >>> 1) : (shift << KEPT_BITS) | kept;
}

/** The largest window an end has offered, in bytes; 0: it has not said anything yet. */
export function widestOf(flows: Flows, line: FlowLine): u32 {
  const width: u32 = load<u16>(flows.wordOf(line) + (line.has(LINE_REPLY) ? WIDTH_BYTES : 0));
  return (width & KEPT_MASK) << (width >>> KEPT_BITS);
}

function setWidest(flows: Flows, line: FlowLine, bytes: u32): void {
  const at = flows.wordOf(line) + (line.has(LINE_REPLY) ? WIDTH_BYTES : 0);
  store<u16>(at, <u16>narrowed(bytes));
}

/** Begins with the SYN of one end, which ends at `line.sequenceEnd`. */
export function openEnd(flows: Flows, state: FlowState, line: FlowLine, tcp: Tcp): void {
  End.of(state, line).most = line.sequenceEnd;
  setWidest(flows, line, max(tcp.window, 1));
  setScale(state, line, scaleOf(tcp));
  line.flags &= ~(LINE_SACK | LINE_UNACKNOWLEDGED);
  if (permitsSack(tcp)) line.flags |= LINE_SACK;
  if (!line.has(LINE_REPLY)) return;
  // RFC 7323 §2.2: only if both say so.
  const other = line.other;
  if (saidScale(state, line) != NO_SCALE && saidScale(state, other) != NO_SCALE) return;
  setScale(state, line, 0);
  setScale(state, other, 0);
}

/** Begins with a segment of an end that has sent no SYN: a reset that answers a SYN. */
export function openMiddle(flows: Flows, state: FlowState, line: FlowLine, s: Segment): void {
  const windowBytes = max(s.windowBytes, 1);
  line.sequenceEnd = s.end;
  setWidest(flows, line, windowBytes);
  End.of(state, line).most = s.end + windowBytes;
}

/** What has been sent beyond the window by a little: what acknowledges it will be right. */
export function sends(line: FlowLine, end: u32): void {
  line.sequenceEnd = end;
  line.flags |= LINE_UNACKNOWLEDGED;
}

/** Moves both ends by a segment in its window. Returns whether it said anything new. */
export function believe(flows: Flows, state: FlowState, line: FlowLine, s: Segment): bool {
  const own = End.of(state, line);
  const other = line.other;
  const theirs = End.of(state, other);
  let isNew = false;
  const widest = widestOf(flows, line);
  const windowBytes = s.windowBytes + (s.highest - s.acknowledged);
  if (windowBytes > widest) setWidest(flows, line, windowBytes);
  if (isBefore(line.sequenceEnd, s.end)) {
    sends(line, s.end);
    isNew = true;
  }
  const offered = widestOf(flows, other);
  // It fits in part: the other has offered more than was seen.
  if (offered != 0 && isBefore(own.most, s.end)) {
    setWidest(flows, other, offered + (s.end - own.most));
  }
  const reach = s.highest + s.windowBytes;
  if (!isBefore(reach, theirs.most)) {
    // One byte at least: the probe of a window that is shut, RFC 9293 §3.8.6.1.
    const most = s.windowBytes == 0 ? reach + 1 : reach;
    if (most != theirs.most) isNew = true;
    theirs.most = most;
  }
  if (s.acknowledged == other.sequenceEnd) other.flags &= ~LINE_UNACKNOWLEDGED;
  return isNew;
}

/** Notes what an end acknowledges. Returns whether it is more than before, or the first. */
export function acknowledge(state: FlowState, line: FlowLine, number: u32, isFirst: bool): bool {
  const own = End.of(state, line);
  if (!isFirst && !isBefore(own.acknowledged, number)) return false;
  own.acknowledged = number;
  return true;
}
