/**
 * Control: changes to the FDB between batches. Records pass through scratch memory
 * (`FdbRecord`).
 */
import {
  Capacity,
  CoreCounter,
  Drop,
  DROPPED_BYTES,
  Dropped,
  FDB_RECORD_BYTES,
  FdbKind,
  FdbRecord,
  PortCounter,
  SCRATCH_BYTES,
  SegmentCounter,
  Status,
  TX_BYTES,
  Tx,
  TxFlag,
} from './abi';
import { Core, count } from './memory';
import { BUCKET_BYTES, keyOf } from './table/buckets';
import { Fdb, kindOf, placeOf, seenMsOf, valueOf } from './table/fdb';
import { PORT_ROUTER, PORT_TUNNEL, Port } from './table/port';
import { Segment, segmentOf } from './table/segment';
import { vtepIn } from './table/vtep';
import { MAC_BITS, MAC_MASK } from './wire/ethernet';

const FIRST_VALUE_OFFSET: usize = 32;
/** Any port, any domain: for `fdbFlush`. */
const ANY: u32 = 0xffffffff;

/**
 * Adds or replaces the entry in scratch. Static entries do not count against limits. The
 * port must be in the segment, or the VTEP in its overlay's underlay; a permanent entry is the switch's own, behind no port.
 */
export function fdbInsert(core: Core): Status {
  const record = core.scratch;
  const key = keyIn(record);
  const kind: FdbKind = load<u8>(record, FdbRecord.Kind);
  const isOwn = kind == FdbKind.Permanent;
  const place: u32 = isOwn ? core.portCount : load<u16>(record, FdbRecord.Port);
  const segment = segmentIn(core, key);
  if (changetype<usize>(segment) == 0 || kind > FdbKind.Permanent) return Status.OutOfRange;
  if (!isOwn && !isMember(core, segment, place)) return Status.OutOfRange;
  const fdb = Fdb.at(core.fdb);
  const value = valueOf(place, kind, core.nowMs);
  const found = fdb.lookup(key);
  if (found == 0 && !fdb.insert(key, value)) return Status.Full;
  if (found != 0) {
    core.fdbVersion++;
    if (kindOf(load<u64>(found)) == FdbKind.Dynamic)
      count(segment.counters, SegmentCounter.Entries, -1);
    store<u64>(found, value);
  }
  if (kind == FdbKind.Dynamic) count(segment.counters, SegmentCounter.Entries, 1);
  return Status.Ok;
}

/** The segment of a key from outside; null where there is no such domain, or no address. */
function segmentIn(core: Core, key: u64): Segment {
  const domain = <u32>(key >> MAC_BITS);
  const exists = domain <= core.capacity(Capacity.Domains) && (key & MAC_MASK) != 0;
  return exists ? segmentOf(core, domain) : changetype<Segment>(0);
}

/** Whether a place is a member's port, or a VTEP of the segment's underlay. */
function isMember(core: Core, segment: Segment, place: u32): bool {
  if (place <= core.portCount) {
    const port = Port.at(core.ports, place);
    return place < core.portCount && port.segment == segment && !port.has(PORT_TUNNEL);
  }
  const vtep = vtepIn(core, place - core.portCount);
  const overlay = segment.overlay;
  if (changetype<usize>(vtep) == 0 || changetype<usize>(overlay) == 0) return false;
  return overlay.underlay == vtep.underlay;
}

/** Removes the entry whose MAC and domain are in scratch. */
export function fdbRemove(core: Core): Status {
  const found = Fdb.at(core.fdb).lookup(keyIn(core.scratch));
  if (found == 0 || isRouters(core, load<u64>(found))) return Status.NotFound;
  removeAt(core, found);
  return Status.Ok;
}

/**
 * Removes entries of a place and a domain (ANY: all), dynamic ones only unless `all`.
 * Returns how many.
 */
export function fdbFlush(core: Core, place: u32, domain: u32, all: bool): u32 {
  const fdb = Fdb.at(core.fdb);
  let removed: u32 = 0;
  for (let i: u32 = 0; i <= fdb.mask; i++) {
    const bucket = fdb.buckets + <usize>i * BUCKET_BYTES;
    for (let at = bucket + FIRST_VALUE_OFFSET; at < bucket + BUCKET_BYTES; at += 8) {
      const key = keyOf(at);
      if (key == 0) continue;
      const value = load<u64>(at);
      if (place != ANY && placeOf(value) != place) continue;
      if (domain != ANY && <u32>(key >> MAC_BITS) != domain) continue;
      if (!all && kindOf(value) != FdbKind.Dynamic) continue;
      if (isRouters(core, value)) continue;
      removeAt(core, at);
      removed++;
    }
  }
  return removed;
}

/** Whether an entry is a router interface's own: it goes with that. */
function isRouters(core: Core, value: u64): bool {
  const place = placeOf(value);
  return place < core.portCount && Port.at(core.ports, place).has(PORT_ROUTER);
}

/** Before a port leaves its segment: no frame of the segment may follow it out. */
export function forgetPort(core: Core, port: Port): void {
  if (changetype<usize>(port.segment) != 0) fdbFlush(core, port.index, ANY, true);
}

/** Before a VTEP goes: no frame may follow it. */
export function forgetVtep(core: Core, vtep: u32): void {
  fdbFlush(core, core.portCount + vtep, ANY, true);
}

function removeAt(core: Core, value: usize): void {
  core.fdbVersion++;
  if (kindOf(load<u64>(value)) == FdbKind.Dynamic) {
    const segment = segmentOf(core, <u32>(keyOf(value) >> MAC_BITS));
    count(segment.counters, SegmentCounter.Entries, -1);
  }
  Fdb.at(core.fdb).removeAt(value);
}

/**
 * Writes the entries of the buckets from `bucket` on into scratch, as many as fit.
 * Returns the number of records; `scratch` ends with the bucket to go on with.
 */
export function fdbWalk(core: Core, firstBucket: u32): u32 {
  const fdb = Fdb.at(core.fdb);
  const next = core.scratch + SCRATCH_BYTES - 4;
  let record = core.scratch;
  let index = firstBucket;
  for (; index <= fdb.mask && record + 4 * FDB_RECORD_BYTES <= next; index++) {
    const bucket = fdb.buckets + <usize>index * BUCKET_BYTES;
    for (let at = bucket + FIRST_VALUE_OFFSET; at < bucket + BUCKET_BYTES; at += 8) {
      if (keyOf(at) == 0) continue;
      writeRecord(core, record, at);
      record += FDB_RECORD_BYTES;
    }
  }
  store<u32>(next, index > fdb.mask ? 0 : index);
  return <u32>((record - core.scratch) / FDB_RECORD_BYTES);
}

function writeRecord(core: Core, record: usize, at: usize): void {
  const key = keyOf(at);
  const value = load<u64>(at);
  store<u32>(record, <u32>key, FdbRecord.MacLow);
  store<u16>(record, <u16>((key & MAC_MASK) >> 32), FdbRecord.MacHigh);
  store<u16>(record, <u16>(key >> MAC_BITS), FdbRecord.Domain);
  store<u16>(record, <u16>placeOf(value), FdbRecord.Port);
  store<u8>(record, <u8>kindOf(value), FdbRecord.Kind);
  store<u32>(record, core.nowMs - seenMsOf(value), FdbRecord.AgeMs);
}

function keyIn(record: usize): u64 {
  const mac =
    (<u64>load<u32>(record, FdbRecord.MacLow)) |
    ((<u64>load<u16>(record, FdbRecord.MacHigh)) << 32);
  return mac | ((<u64>load<u16>(record, FdbRecord.Domain)) << MAC_BITS);
}

/**
 * Books send descriptors that the sender marked TxFlag.Refused as drops: the sent frame
 * becomes a dropped one, so the sums stay right: as PortGone where the sender marked that, else
 * as TxQueueFull. May be called again for others. Returns how many.
 */
export function refuse(core: Core): u32 {
  let refused: u32 = 0;
  for (let tx = core.tx; tx < core.txEnd; tx += TX_BYTES) {
    const flags: u32 = load<u16>(tx, Tx.Flags);
    if ((flags & (TxFlag.Refused | TxFlag.Booked)) != TxFlag.Refused) continue;
    store<u16>(tx, <u16>(flags | TxFlag.Booked), Tx.Flags);
    const port = Port.at(core.ports, load<u16>(tx, Tx.Port));
    const length = load<u32>(tx, Tx.Length);
    count(port.counters, PortCounter.TxPackets, -1);
    count(port.counters, PortCounter.TxBytes, -(<u64>length));
    const why: Drop = (flags & TxFlag.Gone) != 0 ? Drop.PortGone : Drop.TxQueueFull;
    count(port.counters, PortCounter.Drops + why, 1);
    count(core.coreCounters, CoreCounter.Dropped, 1);
    const at = core.droppedEnd;
    core.droppedEnd = at + DROPPED_BYTES;
    memory.copy(at, tx, DROPPED_BYTES);
    store<u16>(at, <u16>why, Dropped.Reason);
    refused++;
  }
  count(core.coreCounters, CoreCounter.Sent, -(<u64>refused));
  return refused;
}
