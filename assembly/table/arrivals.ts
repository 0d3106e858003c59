/**
 * Learned keys of a segment in the order of arrival, for LimitPolicy.EvictOldest: a ring
 * of its own size (key u64, last seen u32, zero u32).
 *
 * The oldest is the first in the ring that has not been heard since it was put there; one
 * that has goes to the back, at most TRIES times, then the first goes whatever it said.
 * Entries removed otherwise leave a place behind that is passed over. A full ring gives up
 * such a place among its first TRIES, else its first key, whose entry must go with it: a
 * learned entry without a place could never be evicted. Cost: TRIES lookups.
 */
import { FdbKind } from '../abi';
import { ARRIVAL_BYTES } from '../memory';
import { Fdb, kindOf, seenMsOf } from './fdb';
import { Segment } from './segment';

const STAMP_OFFSET: usize = 8;
const TRIES: u32 = 16;

function place(segment: Segment, index: u32): usize {
  return segment.arrivals + <usize>(index % segment.arrivalPlaces) * ARRIVAL_BYTES;
}

/** Puts a key at the back, where there is room: see `makePlace`. */
export function noteArrival(segment: Segment, key: u64, nowMs: u32): void {
  const at = place(segment, segment.arrivalHead + segment.arrivalCount);
  store<u64>(at, key);
  store<u32>(at, nowMs, STAMP_OFFSET);
  segment.arrivalCount++;
}

/** Takes the key to evict out of the ring. Returns the address of its value, or 0. */
export function oldestArrival(fdb: Fdb, segment: Segment): usize {
  let entry: usize = 0;
  for (let tries: u32 = 0; tries < TRIES && segment.arrivalCount != 0; tries++) {
    const at = takeFirst(segment);
    const key = load<u64>(at);
    const heardMs = load<u32>(at, STAMP_OFFSET);
    const found = learnedAt(fdb, at);
    if (found == 0) continue;
    entry = found;
    const seenMs = seenMsOf(load<u64>(found));
    if (seenMs == heardMs || tries + 1 == TRIES) return found;
    noteArrival(segment, key, seenMs);
  }
  return entry;
}

/** Makes room for one key. Returns the value of an entry that must be removed for it, or 0. */
export function makePlace(fdb: Fdb, segment: Segment): usize {
  if (segment.arrivalCount < segment.arrivalPlaces) return 0;
  const near = min(TRIES, segment.arrivalCount);
  for (let i: u32 = 0; i < near; i++) {
    if (learnedAt(fdb, place(segment, segment.arrivalHead + i)) != 0) continue;
    closeGap(segment, i);
    return 0;
  }
  return learnedAt(fdb, takeFirst(segment));
}

/** Address of the value of the learned entry whose place is at `at`, or 0: it is gone. */
function learnedAt(fdb: Fdb, at: usize): usize {
  const found = fdb.lookup(load<u64>(at));
  return found != 0 && kindOf(load<u64>(found)) == FdbKind.Dynamic ? found : 0;
}

/** Takes out place `index` behind the first; those before it move up by one. */
function closeGap(segment: Segment, index: u32): void {
  for (let i = index; i > 0; i--) {
    const from = place(segment, segment.arrivalHead + i - 1);
    memory.copy(place(segment, segment.arrivalHead + i), from, ARRIVAL_BYTES);
  }
  takeFirst(segment);
}

function takeFirst(segment: Segment): usize {
  const at = place(segment, segment.arrivalHead);
  segment.arrivalHead = (segment.arrivalHead + 1) % segment.arrivalPlaces;
  segment.arrivalCount--;
  return at;
}
