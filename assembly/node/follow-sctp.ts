/**
 * Follow SCTP: what a packet's chunks mean to its association, and whether it carries the right
 * verification tag (features CT-7, RFC 9260 §5.1, §8.4, §8.5). What an association makes of its
 * chunks is as Linux has it: nf_conntrack_proto_sctp.
 *
 * A packet is worked off on a copy of what is known, `t.association`, and taken over as a whole
 * when none of its chunks is refused.
 */
import { Association, SCTP_REFUSE, nextSctpState } from '../table/sctp-track';
import {
  CHUNK_ABORT,
  CHUNK_BYTES,
  CHUNK_COOKIE_ACK,
  CHUNK_COOKIE_ECHO,
  CHUNK_DATA,
  CHUNK_HEARTBEAT,
  CHUNK_HEARTBEAT_ACK,
  CHUNK_INIT,
  CHUNK_INIT_ACK,
  CHUNK_SHUTDOWN_ACK,
  CHUNK_SHUTDOWN_COMPLETE,
  Chunk,
  INIT_BYTES,
  SCTP_BYTES,
  Sctp,
} from '../wire/sctp';
import { FlowStatus, FlowTimer, JournalKind, SctpState } from '../zone-abi';
import { setTimer } from './flows';
import { Passage } from './passage';

/** Notes of an association: who has sent an INIT since the last COOKIE ACK. */
const INIT_ORIGINAL: u32 = 1;
const INIT_REPLY: u32 = 2;
const INIT_BOTH: u32 = INIT_ORIGINAL | INIT_REPLY;
/** A heartbeat with a wrong tag was seen; of the reply direction. */
const HEARTBEAT_ODD: u32 = 4;
const HEARTBEAT_REPLY: u32 = 8;
/** Both ends have agreed, maybe in the middle of this packet. */
const AGREED: u32 = 16;

const ALONE: u32 = (1 << CHUNK_INIT) | (1 << CHUNK_INIT_ACK) | (1 << CHUNK_SHUTDOWN_COMPLETE);
const FIRST: u32 = ALONE | (1 << CHUNK_COOKIE_ACK) | (1 << CHUNK_COOKIE_ECHO);
/** RFC 9260 §8.4: nobody's packet that begins nothing. */
const NEVER_FIRST: u32 =
  (1 << CHUNK_ABORT) | (1 << CHUNK_SHUTDOWN_COMPLETE) | (1 << CHUNK_COOKIE_ACK);
/** RFC 9260 §8.5.1: the tags of these are looked at one by one. */
const OWN_RULES: u32 =
  (1 << CHUNK_INIT) |
  (1 << CHUNK_SHUTDOWN_COMPLETE) |
  (1 << CHUNK_COOKIE_ECHO) |
  (1 << CHUNK_ABORT) |
  (1 << CHUNK_SHUTDOWN_ACK) |
  (1 << CHUNK_HEARTBEAT) |
  (1 << CHUNK_HEARTBEAT_ACK);
const TYPES: u32 = 32;

/** Whether the packet, which has no flow, may begin one. */
export function beginsSctp(t: Passage): bool {
  const kinds = kindsOf(t);
  if (kinds == 0 || (kinds & NEVER_FIRST) != 0) return false;
  const a = t.association;
  a.clear();
  const end = t.l4 + t.l4Bytes;
  const tag = Sctp.at(t.l4).tag;
  for (let at = t.l4 + SCTP_BYTES; at + CHUNK_BYTES <= end; at += Chunk.at(at).paddedBytes) {
    const type = Chunk.at(at).type;
    if (nextSctpState(SctpState.None, type, false) == SCTP_REFUSE) return false;
    if (type == CHUNK_INIT) {
      if (tag != 0 || at + INIT_BYTES > end) return false;
      a.setTag(true, Chunk.at(at).initiateTag);
    } else if (type == CHUNK_HEARTBEAT) a.setTag(false, tag);
    else if (type == CHUNK_SHUTDOWN_ACK) a.setTag(true, tag); // of what is answered: §8.4, 5
  }
  return walk(t, kinds);
}

/** Timer and state of a flow that has just begun. */
export function firstSctp(t: Passage): void {
  settle(t);
}

/** Moves the flow by its packet. False: its association has no such packet now. */
export function followsSctp(t: Passage): bool {
  const kinds = kindsOf(t);
  if (kinds == 0) return false;
  t.association.load(t.state, t.line.original);
  if (!walk(t, kinds)) return false;
  settle(t);
  return true;
}

/** Takes over what the packet has made of the association. */
function settle(t: Passage): void {
  const a = t.association;
  if (a.phase != t.state.phase) t.news |= <u32>JournalKind.Update;
  a.save(t.state, t.line.original);
  if ((a.notes & AGREED) != 0) t.state.set(FlowStatus.Assured);
  if (t.isQuiet == 0) setTimer(t, <FlowTimer>(FlowTimer.SctpClosed + a.phase - SctpState.Closed));
}

/** Types of the packet's chunks, 1 << type; 0: it has none, or they may not stand so. */
function kindsOf(t: Passage): u32 {
  const end = t.l4 + t.l4Bytes;
  let kinds: u32 = 0;
  let isFirst = true;
  for (let at = t.l4 + SCTP_BYTES; at + CHUNK_BYTES <= end; at += Chunk.at(at).paddedBytes) {
    const chunk = Chunk.at(at);
    const bit: u32 = chunk.type < TYPES ? 1 << chunk.type : 0;
    if (!isFirst && ((bit & FIRST) | (kinds & ALONE)) != 0) return 0;
    if (chunk.bytes == 0) return 0;
    kinds |= bit;
    if (bit == 0) kinds |= 1 << (TYPES - 1); // of no type that means anything here
    isFirst = false;
  }
  return kinds;
}

/** Moves `t.association` by all chunks. False: one of them is refused. */
function walk(t: Passage, kinds: u32): bool {
  const a = t.association;
  const isReply = t.isReply != 0;
  const tag = Sctp.at(t.l4).tag;
  if ((kinds & OWN_RULES) == 0 && tag != a.tagOf(isReply)) return false;
  const end = t.l4 + t.l4Bytes;
  for (let at = t.l4 + SCTP_BYTES; at + CHUNK_BYTES <= end; at += Chunk.at(at).paddedBytes) {
    const chunk = Chunk.at(at);
    const type = chunk.type;
    if (!isTagRight(a, chunk, tag, isReply)) return false;
    if (type == CHUNK_COOKIE_ACK) a.notes &= ~INIT_BOTH;
    if (type == CHUNK_HEARTBEAT || type == CHUNK_HEARTBEAT_ACK) {
      if (isOdd(a, tag, isReply)) {
        const isAlone = (kinds & (1 << CHUNK_DATA)) == 0 && t.isQuiet == 0;
        if (!isAlone || !passOdd(a, type, tag, isReply)) return false;
        if (type == CHUNK_HEARTBEAT) {
          t.isQuiet = 1;
          continue;
        }
      }
    }
    const next = nextSctpState(a.phase, type, isReply);
    if (next == SCTP_REFUSE) return false;
    if (type == CHUNK_INIT || type == CHUNK_INIT_ACK) {
      if (at + INIT_BYTES > end || !noteInit(a, chunk, isReply)) return false;
      const isAgain = next == SctpState.Closed && a.phase == SctpState.Closed;
      // An INIT sent again does not keep the flow: Linux.
      if (type == CHUNK_INIT && isAgain && changetype<usize>(t.line) != 0) t.isQuiet = 1;
    }
    a.phase = next;
    if (next == SctpState.Established) a.notes |= AGREED;
  }
  return true;
}

/** RFC 9260 §8.5.1, A to D. */
function isTagRight(a: Association, chunk: Chunk, tag: u32, isReply: bool): bool {
  switch (chunk.type) {
    case CHUNK_INIT:
      return tag == 0;
    case CHUNK_ABORT:
    case CHUNK_SHUTDOWN_COMPLETE:
      return tag == a.tagOf(chunk.isTagReflected ? !isReply : isReply);
    case CHUNK_COOKIE_ECHO:
      return tag == a.tagOf(isReply);
    default:
      return true;
  }
}

/** Whether a heartbeat, or the answer to one, has another tag than its direction. */
function isOdd(a: Association, tag: u32, isReply: bool): bool {
  if (a.tagOf(isReply) == 0) {
    a.setTag(isReply, tag);
    return false;
  }
  if (tag != a.tagOf(isReply)) return true;
  a.notes &= ~HEARTBEAT_ODD;
  return false;
}

/**
 * One with a wrong tag: an end may have begun anew, by another path. It passes; its answer
 * from the other end has the new tag of its direction.
 */
function passOdd(a: Association, type: u32, tag: u32, isReply: bool): bool {
  const direction: u32 = isReply ? HEARTBEAT_REPLY : 0;
  if (type == CHUNK_HEARTBEAT) {
    a.notes = (a.notes & ~HEARTBEAT_REPLY) | HEARTBEAT_ODD | direction;
    return true;
  }
  const isAsked = (a.notes & HEARTBEAT_ODD) != 0 && (a.notes & HEARTBEAT_REPLY) != direction;
  if (!isAsked) return false;
  a.notes &= ~HEARTBEAT_ODD;
  a.setTag(isReply, tag);
  a.setTag(!isReply, 0);
  return true;
}

/** The tag that an INIT or INIT ACK asks for; both ends may have called at once (§5.2.1). */
function noteInit(a: Association, chunk: Chunk, isReply: bool): bool {
  const own = isReply ? INIT_REPLY : INIT_ORIGINAL;
  const other = INIT_BOTH ^ own;
  if (chunk.type == CHUNK_INIT) {
    if ((a.notes & INIT_BOTH) == INIT_BOTH) a.notes &= ~other;
    a.notes |= own;
  } else {
    const known = a.tagOf(!isReply);
    const isOther = known != chunk.initiateTag;
    if ((a.notes & other) == 0 && known != 0 && isOther) return false;
    if ((a.notes & INIT_BOTH) == INIT_BOTH && isOther) return false;
  }
  a.setTag(!isReply, chunk.initiateTag);
  return true;
}
