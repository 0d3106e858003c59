/**
 * Control: changes to the neighbours between batches. Records pass through scratch memory
 * (`NeighbourRecord`).
 */
import {
  Capacity,
  Family,
  NEIGHBOUR_RECORD_BYTES,
  NeighbourFlag,
  NeighbourRecord,
  SCRATCH_BYTES,
  SegmentCounter,
  Status,
} from './abi';
import { Core, count } from './memory';
import { familyOf, headAt, storeAddress, tailAt } from './table/address';
import {
  NEIGHBOUR_BUCKET_BYTES,
  NEIGHBOUR_BUCKET_ENTRIES,
  Neighbours,
  addressAt,
  domainOf,
  macOf,
  neighbourFlags,
  neighbourValue,
  setNeighbourFlags,
  valuesOf,
} from './table/neighbour';
import { Segment, segmentOf } from './table/segment';
import { isGroup } from './wire/ethernet';
import { isGroupIpv6 } from './wire/ipv6';

/** Any domain: for `neighbourFlush`. */
const ANY: u32 = 0xffffffff;
/** Second half of an address. */
const TAIL_OFFSET: usize = 8;
const MAC_HIGH_SHIFT: u64 = 32;

/** Adds or replaces the neighbour in scratch. */
export function neighbourInsert(core: Core): Status {
  const record = core.scratch;
  const domain: u32 = load<u16>(record, NeighbourRecord.Domain);
  const flags: u32 = load<u8>(record, NeighbourRecord.Flags);
  const mac = macIn(record);
  const isSound = hasSoundAddress(record) && mac != 0 && !isGroup(mac);
  if (!isSound || flags > <u32>NeighbourFlag.Router || !hasDomain(core, domain))
    return Status.OutOfRange;
  const table = Neighbours.at(core.neighbours);
  const value = neighbourValue(mac, domain);
  let found = table.lookup(headIn(record), tailIn(record), domain);
  if (found == 0) found = table.insert(headIn(record), tailIn(record), value);
  if (found == 0) {
    count(segmentOf(core, domain).counters, SegmentCounter.NeighboursRefused, 1);
    return Status.Full;
  }
  store<u64>(found, value);
  setNeighbourFlags(found, flags);
  return Status.Ok;
}

/** Removes the neighbour whose address, family and domain are in scratch. */
export function neighbourRemove(core: Core): Status {
  const record = core.scratch;
  const domain: u32 = load<u16>(record, NeighbourRecord.Domain);
  if (domain == 0 || !hasSoundAddress(record)) return Status.NotFound;
  const table = Neighbours.at(core.neighbours);
  const found = table.lookup(headIn(record), tailIn(record), domain);
  if (found == 0) return Status.NotFound;
  table.removeAt(found);
  return Status.Ok;
}

/** Removes the neighbours of a domain (ANY: all). Returns how many. */
export function neighbourFlush(core: Core, domain: u32): u32 {
  const table = Neighbours.at(core.neighbours);
  let removed: u32 = 0;
  for (let i: u32 = 0; i <= table.mask; i++) {
    const values = valuesOf(table.buckets + <usize>i * NEIGHBOUR_BUCKET_BYTES);
    for (let at = values; at < values + NEIGHBOUR_BUCKET_ENTRIES * 8; at += 8) {
      const value = load<u64>(at);
      if (value == 0 || (domain != ANY && domainOf(value) != domain)) continue;
      table.removeAt(at);
      removed++;
    }
  }
  return removed;
}

/**
 * Writes the neighbours of the buckets from `firstBucket` on into scratch, as many as fit.
 * Returns the number of records; `scratch` ends with the bucket to go on with.
 */
export function neighbourWalk(core: Core, firstBucket: u32): u32 {
  const table = Neighbours.at(core.neighbours);
  const next = core.scratch + SCRATCH_BYTES - 4;
  const most = NEIGHBOUR_BUCKET_ENTRIES * NEIGHBOUR_RECORD_BYTES;
  let record = core.scratch;
  let index = firstBucket;
  for (; index <= table.mask && record + most <= next; index++) {
    const values = valuesOf(table.buckets + <usize>index * NEIGHBOUR_BUCKET_BYTES);
    for (let at = values; at < values + NEIGHBOUR_BUCKET_ENTRIES * 8; at += 8) {
      if (load<u64>(at) == 0) continue;
      writeRecord(record, at);
      record += NEIGHBOUR_RECORD_BYTES;
    }
  }
  store<u32>(next, index > table.mask ? 0 : index);
  return <u32>((record - core.scratch) / NEIGHBOUR_RECORD_BYTES);
}

function writeRecord(record: usize, at: usize): void {
  const value = load<u64>(at);
  const head = load<u64>(addressAt(at));
  const tail = load<u64>(addressAt(at), TAIL_OFFSET);
  memory.fill(record, 0, NEIGHBOUR_RECORD_BYTES);
  storeAddress(record + <usize>NeighbourRecord.Address, head, tail);
  store<u16>(record, <u16>domainOf(value), NeighbourRecord.Domain);
  store<u8>(record, <u8>familyOf(head), NeighbourRecord.Family);
  store<u8>(record, <u8>neighbourFlags(at), NeighbourRecord.Flags);
  store<u32>(record, <u32>macOf(value), NeighbourRecord.MacLow);
  store<u16>(record, <u16>(macOf(value) >> MAC_HIGH_SHIFT), NeighbourRecord.MacHigh);
}

function familyIn(record: usize): u32 {
  return load<u8>(record, NeighbourRecord.Family);
}

/** A group address of IPv6 is nobody's, and may be the key of an IPv4 address. */
function hasSoundAddress(record: usize): bool {
  if (familyIn(record) == Family.Ipv4) return true;
  return familyIn(record) == Family.Ipv6 && !isGroupIpv6(headIn(record));
}

function hasDomain(core: Core, domain: u32): bool {
  if (domain > core.capacity(Capacity.Domains)) return false;
  return segmentOf(core, domain) != changetype<Segment>(0);
}

/** Both halves of the key, see table/neighbour.ts. */
function headIn(record: usize): u64 {
  return headAt(record + <usize>NeighbourRecord.Address, familyIn(record));
}

function tailIn(record: usize): u64 {
  return tailAt(record + <usize>NeighbourRecord.Address, familyIn(record));
}

function macIn(record: usize): u64 {
  const high = (<u64>load<u16>(record, NeighbourRecord.MacHigh)) << MAC_HIGH_SHIFT;
  return high | (<u64>load<u32>(record, NeighbourRecord.MacLow));
}
