/**
 * Ageing: takes expired entries out of the FDB, a bounded number of buckets a batch. A
 * lookup ignores an expired entry at once, so the sweep only gives its place back and
 * counts it.
 */
import { FdbKind, SegmentCounter } from '../abi';
import { Core, count } from '../memory';
import { BUCKET_BYTES, keyOf } from '../table/buckets';
import { Fdb, isExpired, kindOf } from '../table/fdb';
import { segmentOf } from '../table/segment';
import { MAC_BITS } from '../wire/ethernet';

/** A whole table is swept in this time, if batches come often enough. */
const SWEEP_MS: u32 = 10000;
/** Most buckets of one batch. */
const BATCH_BUCKETS: u32 = 256;
const FIRST_VALUE_OFFSET: usize = 32;

/** Sweeps as many buckets as the time since the last sweep asks for. */
export function age(core: Core): void {
  const fdb = Fdb.at(core.fdb);
  const elapsedMs = min(core.nowMs - fdb.sweptMs, SWEEP_MS);
  const due = <u32>(((<u64>fdb.mask + 1) * elapsedMs) / SWEEP_MS);
  if (due == 0) return;
  fdb.sweptMs = core.nowMs;
  sweep(core, fdb, min(due, BATCH_BUCKETS));
}

/** Sweeps the next `buckets` buckets. */
export function sweep(core: Core, fdb: Fdb, buckets: u32): void {
  let index = fdb.sweepNext;
  for (let i: u32 = 0; i < buckets; i++) {
    const bucket = fdb.buckets + <usize>index * BUCKET_BYTES;
    for (let value = bucket + FIRST_VALUE_OFFSET; value < bucket + BUCKET_BYTES; value += 8) {
      if (keyOf(value) != 0) expire(core, fdb, value);
    }
    index = (index + 1) & fdb.mask;
  }
  fdb.sweepNext = index;
}

function expire(core: Core, fdb: Fdb, value: usize): void {
  if (kindOf(load<u64>(value)) != FdbKind.Dynamic) return;
  const segment = segmentOf(core, <u32>(keyOf(value) >> MAC_BITS));
  if (!isExpired(load<u64>(value), core.nowMs, segment.ageMs)) return;
  fdb.removeAt(value);
  core.fdbVersion++;
  count(segment.counters, SegmentCounter.Expired, 1);
  count(segment.counters, SegmentCounter.Entries, -1);
}
