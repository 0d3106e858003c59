/**
 * Control: changes to the neighbours of router interfaces between batches. Records pass
 * through scratch memory (`AdjacencyRecord`).
 */
import { Drop, Family, SCRATCH_BYTES, Status } from './abi';
import { ADJACENCY_RECORD_BYTES, AdjacencyRecord, AdjacencyState } from './adjacency-abi';
import { Core } from './memory';
import { loseQueued } from './node/adjacent-queue';
import { familyOf, headAt, storeAddress, tailAt } from './table/address';
import {
  Adjacencies,
  Adjacency,
  adjacencyAt,
  findAdjacency,
  removeAdjacency,
} from './table/adjacency';
import { setPermanent } from './table/adjacency-state';
import { Iface } from './table/iface';
import { isStation } from './wire/ethernet';
import { isGroupIpv6 } from './wire/ipv6';

const MAC_HIGH_SHIFT: u64 = 32;
const NEVER: u32 = 0xffffffff;

/** Makes the neighbour in scratch a Permanent one of an interface; one that is there too. */
export function adjacencyInsert(core: Core, iface: Iface): Status {
  const record = core.scratch;
  const low: u64 = load<u32>(record, AdjacencyRecord.MacLow);
  const mac = low | ((<u64>load<u16>(record, AdjacencyRecord.MacHigh)) << MAC_HIGH_SHIFT);
  if (!hasSoundAddress(record) || !isStation(mac)) return Status.OutOfRange;
  if (iface.isOwnAddress(headIn(record), tailIn(record))) return Status.OutOfRange;
  const row = adjacencyAt(core, iface, headIn(record), tailIn(record));
  if (changetype<usize>(row) == 0) return Status.Full;
  setPermanent(core, row, mac);
  return Status.Ok;
}

/** Removes the neighbour of an interface whose address and family are in scratch. */
export function adjacencyRemove(core: Core, iface: Iface): Status {
  const record = core.scratch;
  if (!hasSoundAddress(record)) return Status.NotFound;
  const row = findAdjacency(core, iface, headIn(record), tailIn(record));
  if (changetype<usize>(row) == 0) return Status.NotFound;
  forget(core, row);
  return Status.Ok;
}

/** Removes the neighbours of an interface: it gives up its link. Returns how many. */
export function adjacencyFlush(core: Core, iface: u32): u32 {
  const table = Adjacencies.at(core.adjacencies);
  const before = table.used;
  for (let i: u32 = 1; i <= table.rowCount; i++) {
    const row = table.row(i);
    if (row.state != AdjacencyState.None && row.iface == iface) forget(core, row);
  }
  return before - table.used;
}

/** What waited for it counts as dropped for want of a neighbour. */
function forget(core: Core, row: Adjacency): void {
  loseQueued(core, row, Drop.NeighbourFailed);
  removeAdjacency(core, row);
}

/**
 * Writes the neighbours from row `first` on into scratch, as many as fit. Returns the number
 * of records; `scratch` ends with the row to go on with, 0 at the end.
 */
export function adjacencyWalk(core: Core, first: u32): u32 {
  const table = Adjacencies.at(core.adjacencies);
  const next = core.scratch + SCRATCH_BYTES - 4;
  let record = core.scratch;
  let index = max<u32>(first, 1);
  for (; index <= table.rowCount && record + ADJACENCY_RECORD_BYTES <= next; index++) {
    const row = table.row(index);
    if (row.state == AdjacencyState.None) continue;
    writeRecord(core, record, row);
    record += ADJACENCY_RECORD_BYTES;
  }
  store<u32>(next, index > table.rowCount ? 0 : index);
  return <u32>((record - core.scratch) / ADJACENCY_RECORD_BYTES);
}

function writeRecord(core: Core, record: usize, row: Adjacency): void {
  memory.fill(record, 0, ADJACENCY_RECORD_BYTES);
  storeAddress(record + <usize>AdjacencyRecord.Address, row.head, row.tail);
  store<u16>(record, <u16>row.iface, AdjacencyRecord.Interface);
  store<u8>(record, <u8>familyOf(row.head), AdjacencyRecord.Family);
  store<u8>(record, <u8>row.state, AdjacencyRecord.State);
  store<u32>(record, <u32>row.mac, AdjacencyRecord.MacLow);
  store<u16>(record, <u16>(row.mac >> MAC_HIGH_SHIFT), AdjacencyRecord.MacHigh);
  store<u16>(record, <u16>row.waiting, AdjacencyRecord.Waiting);
  const ageMs = row.isConfirmed ? core.nowMs - row.seenMs : NEVER;
  store<u32>(record, ageMs, AdjacencyRecord.ConfirmedMs);
  store<u32>(record, row.index, AdjacencyRecord.Number);
  store<u32>(record, row.asks, AdjacencyRecord.Asks);
}

function familyIn(record: usize): u32 {
  return load<u8>(record, AdjacencyRecord.Family);
}

/** A group address of IPv6 is nobody's, and may be the key of an IPv4 address. */
function hasSoundAddress(record: usize): bool {
  if (familyIn(record) == Family.Ipv4) return true;
  return familyIn(record) == Family.Ipv6 && !isGroupIpv6(headIn(record));
}

/** Both halves of the address, see table/neighbour.ts. */
function headIn(record: usize): u64 {
  return headAt(record + <usize>AdjacencyRecord.Address, familyIn(record));
}

function tailIn(record: usize): u64 {
  return tailAt(record + <usize>AdjacencyRecord.Address, familyIn(record));
}
