/**
 * SCTP associations as somebody in the middle sees them: states of RFC 9260 §4, moved by the
 * chunks of either direction, and verification tags, §8.5 (features CT-7). As Linux has it:
 * shutdown sent and received are told apart by direction, not by end.
 */
import {
  CHUNK_ABORT,
  CHUNK_COOKIE_ACK,
  CHUNK_COOKIE_ECHO,
  CHUNK_ERROR,
  CHUNK_HEARTBEAT,
  CHUNK_HEARTBEAT_ACK,
  CHUNK_INIT,
  CHUNK_INIT_ACK,
  CHUNK_SHUTDOWN,
  CHUNK_SHUTDOWN_ACK,
  CHUNK_SHUTDOWN_COMPLETE,
} from '../wire/sctp';
import { SctpState } from '../zone-abi';
import { FlowLine, FlowState } from './flow-line';

export const SCTP_REFUSE: u32 = 16;

/** What is known of an association: a flow's while one of its packets is at hand. */
@unmanaged
export class Association {
  /** Tags that packets of either direction must carry; 0: not known. As on the wire. */
  private tag: u32;
  private replyTag: u32;
  /** SctpState. */
  phase: u32;
  /** Bits: of node/follow-sctp.ts. */
  notes: u32;

  tagOf(isReply: bool): u32 {
    return isReply ? this.replyTag : this.tag;
  }

  setTag(isReply: bool, tag: u32): void {
    if (isReply) this.replyTag = tag;
    else this.tag = tag;
  }

  clear(): void {
    this.tag = this.replyTag = this.phase = this.notes = 0;
  }

  load(state: FlowState, original: FlowLine): void {
    this.tag = load<u32>(state.wordsOf(original));
    this.replyTag = load<u32>(state.wordsOf(original.other));
    this.phase = state.phase;
    this.notes = state.detail;
  }

  save(state: FlowState, original: FlowLine): void {
    store<u32>(state.wordsOf(original), this.tag);
    store<u32>(state.wordsOf(original.other), this.replyTag);
    state.phase = <u8>this.phase;
    state.detail = <u8>this.notes;
  }
}

export const ASSOCIATION_BYTES: usize = offsetof<Association>();

/** State after a chunk of an association in `state`: None of one that begins. */
export function nextSctpState(state: u32, chunk: u32, isReply: bool): u32 {
  if (state == SctpState.None) return isReply ? SCTP_REFUSE : firstState(chunk);
  if (state == SctpState.HeartbeatSent) return afterHeartbeat(chunk, isReply);
  switch (chunk) {
    case CHUNK_INIT:
      return isReply ? state : afterInit(state);
    case CHUNK_INIT_ACK:
      return isReply && state == SctpState.Closed ? SctpState.CookieWait : state;
    case CHUNK_ABORT:
      return SctpState.Closed;
    case CHUNK_SHUTDOWN:
      if (state != SctpState.Established) return state;
      return isReply ? SctpState.ShutdownReceived : SctpState.ShutdownSent;
    case CHUNK_SHUTDOWN_ACK:
      return isShuttingDown(state) ? SctpState.ShutdownAckSent : state;
    case CHUNK_ERROR: // a stale cookie
      return isReply && state == SctpState.CookieEchoed ? SctpState.Closed : state;
    case CHUNK_COOKIE_ECHO:
      return state == SctpState.CookieWait ? SctpState.CookieEchoed : state;
    case CHUNK_COOKIE_ACK:
      return state == SctpState.CookieEchoed ? SctpState.Established : state;
    case CHUNK_SHUTDOWN_COMPLETE:
      return state == SctpState.ShutdownAckSent ? SctpState.Closed : state;
    default:
      return state; // data and what else says nothing about the association
  }
}

function firstState(chunk: u32): u32 {
  switch (chunk) {
    case CHUNK_HEARTBEAT: // another path of an association that is not known here
      return SctpState.HeartbeatSent;
    case CHUNK_SHUTDOWN_ACK:
      return SctpState.ShutdownAckSent;
    default:
      return isControl(chunk) ? SctpState.Closed : SCTP_REFUSE;
  }
}

function isControl(chunk: u32): bool {
  if (chunk == CHUNK_SHUTDOWN_COMPLETE) return true;
  if (chunk == CHUNK_INIT || chunk == CHUNK_INIT_ACK) return true;
  return chunk >= CHUNK_HEARTBEAT && chunk <= CHUNK_COOKIE_ACK;
}

function afterHeartbeat(chunk: u32, isReply: bool): u32 {
  if (!isControl(chunk) || chunk == CHUNK_HEARTBEAT) return SctpState.HeartbeatSent;
  if (chunk == CHUNK_HEARTBEAT_ACK) {
    return isReply ? SctpState.Established : SctpState.HeartbeatSent;
  }
  if (isReply) return SCTP_REFUSE;
  if (chunk == CHUNK_INIT) return SctpState.CookieWait;
  return chunk == CHUNK_SHUTDOWN_ACK ? SctpState.ShutdownAckSent : SctpState.Closed;
}

/** An association begins anew where one is being shut down. */
function afterInit(state: u32): u32 {
  if (state == SctpState.ShutdownSent || state == SctpState.ShutdownReceived) {
    return SctpState.Closed;
  }
  return state;
}

function isShuttingDown(state: u32): bool {
  return (
    state == SctpState.ShutdownSent ||
    state == SctpState.ShutdownReceived ||
    state == SctpState.ShutdownAckSent
  );
}
