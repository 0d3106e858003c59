/**
 * Learning: what a frame's source address does to the FDB (features BR-5, BR-7; IEEE
 * 802.1Q-2018 §8.7). Called for the frames that change something; the common one, whose
 * source is known, in place and fresh, does not get here.
 *
 * A dynamic entry moves to the port last heard from. A static one stays, and by default
 * the frame is dropped: somebody else uses the address. Over a segment's limit, or when
 * the table is full, the frame is forwarded and its source is not learned.
 *
 * A source behind a tunnel is at a VTEP, not at a port. A configured address that comes from
 * another VTEP than its own is dropped, and so is one of this side's, learned or configured,
 * but where the tunnel learns (features OV-13, OV-20).
 *
 * Drops: Locked, StaticMoved, WrongVtep, OwnSource.
 */
import {
  Drop,
  FdbKind,
  LimitPolicy,
  Node,
  RxFlag,
  SegmentCounter,
  StaticMove,
  Trace,
} from '../abi';
import { Core, count } from '../memory';
import { Packet } from '../packet';
import { makePlace, noteArrival, oldestArrival } from '../table/arrivals';
import { Fdb, isExpired, kindOf, placeOf, valueOf } from '../table/fdb';
import { PORT_LEARNING, PORT_LOCKED, PORT_TUNNEL, Port } from '../table/port';
import { Segment } from '../table/segment';
import { note, say, sayKey } from '../trace';

/** `entry` is the address of the source's value, or 0. */
export function learn(core: Core, p: Packet, entry: usize): Drop {
  const port = p.port;
  const value: u64 = entry == 0 ? 0 : load<u64>(entry);
  if (port.has(PORT_LOCKED)) {
    if (entry == 0 || placeOf(value) != p.place) return Drop.Locked;
    if (isExpired(value, core.nowMs, port.ageMs)) return Drop.Locked;
    if (kindOf(value) == FdbKind.Dynamic) refresh(core, p, entry, value);
    return Drop.None;
  }
  if (entry != 0 && kindOf(value) != FdbKind.Dynamic) return meetStatic(core, p, value);
  if (!port.has(PORT_LEARNING)) {
    tell(core, p, Trace.SourceIgnored, 1, 0);
    return port.has(PORT_TUNNEL) && isLocal(core, value, port) ? Drop.OwnSource : Drop.None;
  }
  if (entry == 0) learnNew(core, p);
  else if (isExpired(value, core.nowMs, port.ageMs)) relearn(core, p, entry);
  else if (placeOf(value) != p.place) move(core, p, entry, value);
  else refresh(core, p, entry, value);
  return Drop.None;
}

function meetStatic(core: Core, p: Packet, value: u64): Drop {
  tell(core, p, Trace.SourceKnown, placeOf(value), kindOf(value));
  if (placeOf(value) == p.place) return Drop.None;
  if (p.port.has(PORT_TUNNEL)) {
    return placeOf(value) > core.portCount ? Drop.WrongVtep : Drop.OwnSource;
  }
  return p.port.segment.staticMove == StaticMove.Drop ? Drop.StaticMoved : Drop.None;
}

/** Whether an entry is alive and of a port of this side: no VTEP has that address. */
function isLocal(core: Core, value: u64, port: Port): bool {
  if (value == 0 || isExpired(value, core.nowMs, port.ageMs)) return false;
  return placeOf(value) <= core.portCount;
}

function learnNew(core: Core, p: Packet): void {
  const segment = p.port.segment;
  if (segment.learnLimit != 0 && segment.entries >= segment.learnLimit) {
    if (segment.limitPolicy == LimitPolicy.Refuse) return refuse(core, p, segment);
    if (!evictOldest(core, segment)) return refuse(core, p, segment);
  }
  const fdb = Fdb.at(core.fdb);
  if (segment.arrivalPlaces != 0) {
    const displaced = makePlace(fdb, segment);
    if (displaced != 0) evict(core, segment, displaced);
  }
  const value = valueOf(p.place, FdbKind.Dynamic, core.nowMs);
  if (!fdb.insert(p.source, value)) return refuse(core, p, segment);
  if (segment.arrivalPlaces != 0) noteArrival(segment, p.source, core.nowMs);
  count(segment.counters, SegmentCounter.Learned, 1);
  count(segment.counters, SegmentCounter.Entries, 1);
  tell(core, p, Trace.SourceLearned, p.place, 0);
}

/** A dead entry that was not yet swept: it expired, and its address is new again. */
function relearn(core: Core, p: Packet, entry: usize): void {
  core.fdbVersion++;
  store<u64>(entry, valueOf(p.place, FdbKind.Dynamic, core.nowMs));
  const counters = p.port.segment.counters;
  count(counters, SegmentCounter.Expired, 1);
  count(counters, SegmentCounter.Learned, 1);
  tell(core, p, Trace.SourceLearned, p.place, 0);
}

function move(core: Core, p: Packet, entry: usize, value: u64): void {
  core.fdbVersion++;
  store<u64>(entry, valueOf(p.place, FdbKind.Dynamic, core.nowMs));
  count(p.port.segment.counters, SegmentCounter.Moved, 1);
  tell(core, p, Trace.SourceMoved, p.place, placeOf(value));
}

function refresh(core: Core, p: Packet, entry: usize, value: u64): void {
  tell(core, p, Trace.SourceKnown, placeOf(value), FdbKind.Dynamic);
  store<u64>(entry, valueOf(placeOf(value), FdbKind.Dynamic, core.nowMs));
}

function refuse(core: Core, p: Packet, segment: Segment): void {
  count(segment.counters, SegmentCounter.Refused, 1);
  tell(core, p, Trace.SourceRefused, segment.entries, segment.learnLimit);
}

/** Gives up the entry of a segment that was heard from longest ago. */
function evictOldest(core: Core, segment: Segment): bool {
  const entry = oldestArrival(Fdb.at(core.fdb), segment);
  if (entry == 0) return false;
  evict(core, segment, entry);
  return true;
}

function evict(core: Core, segment: Segment, entry: usize): void {
  core.fdbVersion++;
  Fdb.at(core.fdb).removeAt(entry);
  count(segment.counters, SegmentCounter.Evicted, 1);
  count(segment.counters, SegmentCounter.Entries, -1);
}

/** Traces a decision about the source address. */
function tell(core: Core, p: Packet, event: Trace, a: u32, b: u32): void {
  if (!p.has(RxFlag.Trace)) return;
  const at = note(core, p, Node.Bridge, event);
  say(at, a, b, 0);
  sayKey(at, p.source);
}
