/**
 * What was last seen of a TCP connection whose windows are checked: the notes of its FlowState.
 *
 *   bits 0-1   segments in a row that said nothing new, of one end: 3 is three or more
 *   bit 2      1: the last segment was of the reply direction
 *   bits 3-4   LastKind of it
 *   bit 5      1: the last segment with an ACK alone offered no window
 */
import { FlowLine, FlowState, LINE_REPLY } from './flow-line';

const IDLE_MASK: u32 = 3;
const REPLY: u32 = 4;
const KIND_SHIFT: u32 = 3;
const KIND_MASK: u32 = 3;
const SHUT: u32 = 32;
/** Linux: tcp_max_retrans. */
export const MOST_RETRANSMISSIONS: u32 = 3;

/** Kinds of segments, as far as what follows them depends on it. */
export const LAST_OTHER: u32 = 0;
export const LAST_CALL: u32 = 1; // a SYN
export const LAST_PLAIN: u32 = 2; // an ACK alone
export const LAST_END: u32 = 3; // a FIN or a reset

export function lastKind(state: FlowState): u32 {
  return (state.notes >>> KIND_SHIFT) & KIND_MASK;
}

/** Whether the last segment was of the direction of a line. */
export function isLastOf(state: FlowState, line: FlowLine): bool {
  return line.has(LINE_REPLY) == ((state.notes & REPLY) != 0);
}

export function noteLast(state: FlowState, line: FlowLine, kind: u32): void {
  const kept = state.notes & (IDLE_MASK | SHUT);
  state.notes = kept | (line.has(LINE_REPLY) ? REPLY : 0) | (kind << KIND_SHIFT);
}

/** Segments of one end in a row that said nothing new. */
export function retransmissions(state: FlowState): u32 {
  return state.notes & IDLE_MASK;
}

export function setRetransmissions(state: FlowState, count: u32): void {
  state.notes = (state.notes & ~IDLE_MASK) | min(count, MOST_RETRANSMISSIONS);
}

/** Whether no window was offered. */
export function isShut(state: FlowState): bool {
  return (state.notes & SHUT) != 0;
}

export function setShut(state: FlowState, isIt: bool): void {
  state.notes = isIt ? state.notes | SHUT : state.notes & ~SHUT;
}
