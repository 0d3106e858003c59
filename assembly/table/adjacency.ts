/**
 * Adjacencies: the neighbours of router interfaces, gateways and destinations on the link
 * alike: which MAC address an IP address has there, and how that is known (RFC 4861 §7.3).
 *
 * Key: interface and address. Structure: rows of 64 bytes, found by number from 1 on, or by
 * address through a table of buckets (buckets.ts) whose key is a hash of IPv6, compared in
 * full with the row: 96 to 128 bytes a neighbour. Two addresses of one hash would not both
 * find a place; they are as likely as guessing the secret. A lookup reads two lines at most,
 * and the row.
 *
 * Flows name a row by `reference`: its number and its version, which changes when the row
 * is freed, so that an old reference is noticed unless 65536 neighbours had the row since.
 *
 * A full table gives up a neighbour that did not answer, or one that nobody confirmed lately:
 * a clock hand looks at RECLAIM_ROWS rows at the most and spares those that were used since
 * it came by. When it finds none the new neighbour is refused and counted. The others stay
 * until removed; who did not answer is forgotten after FORGET_MS (node/adjacent.ts).
 *
 * About half the rows may be Incomplete: a stranger who tries all addresses of a subnet leaves
 * room for those that speak or are configured (`adjacencyAt`).
 *
 * Rows that somebody has to look at soon, since they are asked or packets wait for them, are
 * in a list (`list`, `unlist`).
 */
import { AdjacencyState } from '../adjacency-abi';
import { Core, alignLine } from '../memory';
import { Pool } from '../pool';
import { Adjacency, FLAG_LISTED, FLAG_USED, ROW_BYTES, indexOf } from './adjacency-row';
import { Buckets, mix } from './buckets';
import { addressKey } from './endpoints';
import { Iface } from './iface';
export { Adjacency };

const HEADER_BYTES: usize = 128;
/** Blocks of waiting packets, of all neighbours together: 2 MiB. */
const WAITING_BLOCKS: u32 = 1024;
/** Rows looked at to free one. */
const RECLAIM_ROWS: u32 = 256;
/** Of keys; the table holds nothing else. */
const KIND_ADJACENCY: u64 = 2;

@unmanaged
export class Adjacencies {
  private rows: usize;
  private buckets: Buckets;
  /** What waits: table/waiting.ts. */
  pool: Pool;
  /** Rows there are, used at least once, and the first free one of those. */
  rowCount: u32;
  touched: u32;
  private free: u32;
  /** Neighbours there are, and those that are Incomplete. */
  used: u32;
  unresolved: u32;
  /** Rows last looked at, to free one and to age it; when that was done last. */
  private hand: u32;
  sweep: u32;
  sweptMs: u32;
  /** The list of those somebody has to look at soon. */
  private first: u32;
  private last: u32;
  listed: u32;
  /** What may still happen in this batch: node/adjacent.ts. */
  asksLeft: u32;
  fatesLeft: u32;
  /** Of the frame that was taken last: bytes, RxFlag, port it came from. */
  frameBytes: u32;
  frameFlags: u32;
  framePort: u32;
  /** Whom the message heard last was about; null: nobody we know. */
  heard: Adjacency;
  /** Neighbours refused as no row was free, given up for others, and addresses of ours that
   * somebody else said were his. */
  refused: u32;
  reclaimed: u32;
  conflicts: u32;

  static at(ptr: usize): Adjacencies {
    return changetype<Adjacencies>(ptr);
  }

  /** Bytes for `rows` neighbours, and for what waits for them. */
  static bytesFor(rows: u32): usize {
    const places = Buckets.bytesFor(rows) + (<usize>rows + 1) * ROW_BYTES;
    return alignLine(HEADER_BYTES + places + Pool.bytesFor(blocksFor(rows)));
  }

  /** Lays out an empty table in zeroed memory at a line; at most 65535 rows. */
  static create(ptr: usize, rows: u32, seed: u64): Adjacencies {
    const table = Adjacencies.at(ptr);
    table.buckets = Buckets.create(ptr + HEADER_BYTES, rows, seed, mix(~seed));
    table.rows = ptr + HEADER_BYTES + Buckets.bytesFor(rows);
    table.pool = Pool.create(table.rows + (<usize>rows + 1) * ROW_BYTES, blocksFor(rows));
    table.rowCount = rows;
    return table;
  }

  /** A row by its number, from 1 on. */
  row(index: u32): Adjacency {
    return changetype<Adjacency>(this.rows + <usize>index * ROW_BYTES);
  }

  /** Makes sure that somebody looks at a row soon. */
  list(row: Adjacency): void {
    if (row.has(FLAG_LISTED)) return;
    row.mark(FLAG_LISTED, true);
    row.next = 0;
    if (this.last != 0) this.row(this.last).next = row.index;
    else this.first = row.index;
    this.last = row.index;
    this.listed++;
  }

  /** Takes the first row out of the list; null: it is empty. One that was freed is free then. */
  unlist(): Adjacency {
    if (this.first == 0) return changetype<Adjacency>(0);
    const row = this.row(this.first);
    this.first = row.next;
    if (this.first == 0) this.last = 0;
    this.listed--;
    row.mark(FLAG_LISTED, false);
    if (row.state == AdjacencyState.None) this.giveBack(row);
    return row;
  }

  find(key: u64): Adjacency {
    const found = this.buckets.lookup(key);
    return found == 0 ? changetype<Adjacency>(0) : this.row(load<u32>(found));
  }

  /** A row for a key that is not there; null: there is none. */
  open(core: Core, key: u64): Adjacency {
    let index = this.free;
    if (index != 0) this.free = this.row(index).next;
    else if (this.touched < this.rowCount) index = ++this.touched;
    else index = this.reclaim(core);
    if (index == 0) return this.refuse();
    const row = this.row(index);
    row.index = index;
    if (!this.buckets.insert(key, index)) {
      this.giveBack(row);
      return this.refuse();
    }
    this.used++;
    return row;
  }

  /** Frees the row of a key; of one in the list `unlist` does the rest. */
  close(row: Adjacency, key: u64): void {
    const found = this.buckets.lookup(key);
    if (found != 0) this.buckets.removeAt(found);
    if (row.state == AdjacencyState.Incomplete) this.unresolved--;
    row.end();
    this.used--;
    if (!row.has(FLAG_LISTED)) this.giveBack(row);
  }

  /** Counts one that finds no place. */
  refuse(): Adjacency {
    this.refused++;
    return changetype<Adjacency>(0);
  }

  private giveBack(row: Adjacency): void {
    row.next = this.free;
    this.free = row.index;
  }

  /** Frees the row of the least useful neighbour. Its number; 0: all are of use. */
  private reclaim(core: Core): u32 {
    let spared: u32 = 0;
    for (let i: u32 = min(this.rowCount, RECLAIM_ROWS); i != 0; i--) {
      this.hand = this.hand >= this.rowCount ? 1 : this.hand + 1;
      const row = this.row(this.hand);
      if (!isReclaimable(row)) continue;
      if (row.state == AdjacencyState.Failed || !row.has(FLAG_USED)) return this.evict(core, row);
      row.mark(FLAG_USED, false);
      if (spared == 0) spared = row.index;
    }
    return spared != 0 ? this.evict(core, this.row(spared)) : 0;
  }

  private evict(core: Core, row: Adjacency): u32 {
    this.reclaimed++;
    this.close(row, keyOf(core, row.iface, row.head, row.tail));
    this.free = row.next;
    return row.index;
  }
}

if (offsetof<Adjacencies>() > HEADER_BYTES) ERROR('Adjacencies must fit its header');

function blocksFor(rows: u32): u32 {
  return rows == 0 ? 0 : WAITING_BLOCKS;
}

function isReclaimable(row: Adjacency): bool {
  if (row.state != AdjacencyState.Stale && row.state != AdjacencyState.Failed) return false;
  return row.waiting == 0 && !row.has(FLAG_LISTED);
}

function keyOf(core: Core, iface: u32, head: u64, tail: u64): u64 {
  return addressKey(core, KIND_ADJACENCY, iface, head, tail);
}

/** The neighbour at an address of an interface's link; null: nobody asked for it. */
export function findAdjacency(core: Core, iface: Iface, head: u64, tail: u64): Adjacency {
  const found = Adjacencies.at(core.adjacencies).find(keyOf(core, iface.index, head, tail));
  if (changetype<usize>(found) == 0) return found;
  const isIt = found.head == head && found.tail == tail && found.iface == iface.index;
  return isIt ? found : changetype<Adjacency>(0);
}

/**
 * Likewise; one that is not there is made: Incomplete, and asked soon. Null: there is no room,
 * or half the rows are Incomplete, as when somebody tries all addresses of a subnet.
 */
export function adjacencyTo(core: Core, iface: Iface, head: u64, tail: u64): Adjacency {
  return findOrMake(core, iface, head, tail, true);
}

/** Likewise, for one that is known to be there: it spoke, or is configured. */
export function adjacencyAt(core: Core, iface: Iface, head: u64, tail: u64): Adjacency {
  return findOrMake(core, iface, head, tail, false);
}

function findOrMake(core: Core, iface: Iface, head: u64, tail: u64, isGuess: bool): Adjacency {
  const table = Adjacencies.at(core.adjacencies);
  const key = keyOf(core, iface.index, head, tail);
  let row = table.find(key);
  if (changetype<usize>(row) == 0) {
    if (isGuess && table.unresolved > table.rowCount / 2) return table.refuse();
    row = table.open(core, key);
    if (changetype<usize>(row) == 0) return row;
    row.begin(iface.index, head, tail);
    table.unresolved++;
    table.list(row);
    return row;
  }
  if (row.head != head || row.tail != tail) return changetype<Adjacency>(0);
  row.mark(FLAG_USED, true);
  return row;
}

/** The neighbour that a reference names; null: it is gone. */
export function adjacencyOf(core: Core, reference: u32): Adjacency {
  const index = indexOf(reference);
  const table = Adjacencies.at(core.adjacencies);
  if (index == 0 || index > table.rowCount) return changetype<Adjacency>(0);
  const row = table.row(index);
  const isIt = row.reference == reference && row.state != AdjacencyState.None;
  return isIt ? row : changetype<Adjacency>(0);
}

/** Forgets a neighbour, for which nothing waits: node/adjacent-queue.ts sees to that. */
export function removeAdjacency(core: Core, row: Adjacency): void {
  assert(row.waiting == 0 && row.state != AdjacencyState.None);
  Adjacencies.at(core.adjacencies).close(row, keyOf(core, row.iface, row.head, row.tail));
}
