/**
 * Addresses of IPv6 flows: 16 bytes as a number of 4, so that one flow table (flow.ts) holds
 * both families and its lines stay one cache line long.
 *
 * Key: the address. Structure: rows of 32 bytes, found by chains from hash buckets, one a row or
 * more, with a secret salt. A row has a count of those that hold it: a packet while it is
 * judged, a flow of it for each address it names; and is free again with the last. A free row's
 * number may mean another address later, so nobody keeps one he does not hold.
 *
 * Cost: one chain. A full table refuses, and with it the flow: node/addresses.ts.
 */
import { alignLine } from '../memory';
import { mix } from './buckets';

const ROW_BYTES: usize = 32;
const HEADER_BYTES: usize = 64;
const LEAST_BUCKETS: u32 = 16; // a line
const BUCKET_SHIFT: usize = 2;
/** Flows that share an address, on average, in a full table; and what is there beside. */
const FLOWS_AN_ADDRESS: u32 = 16;
const LEAST_ADDRESSES: u32 = 64;

@unmanaged
class Row {
  head: u64;
  tail: u64;
  /** 0: free. */
  holders: u32;
  /** Next in its chain, or of the free ones: number, 0 at the end. */
  next: u32;
  private spare: u64;
}

if (offsetof<Row>() != ROW_BYTES) ERROR('Row must be ROW_BYTES long');

@unmanaged
export class FlowAddresses {
  private salt: u64;
  private buckets: usize;
  private mask: u32;
  /** Before the first row: numbers begin with 1. */
  private rows: usize;
  limit: u32;
  private free: u32;
  private touched: u32;
  /** Addresses that somebody holds. */
  used: u32;

  static at(ptr: usize): FlowAddresses {
    return changetype<FlowAddresses>(ptr);
  }

  /** Addresses for a table of `flows` flows. */
  static limitFor(flows: u32): u32 {
    return flows == 0 ? 0 : flows / FLOWS_AN_ADDRESS + LEAST_ADDRESSES;
  }

  static bytesFor(limit: u32): usize {
    return alignLine(HEADER_BYTES + bucketBytes(limit) + <usize>limit * ROW_BYTES);
  }

  /** Lays out an empty table in zeroed memory, at a line. */
  static create(ptr: usize, limit: u32, salt: u64): FlowAddresses {
    const table = FlowAddresses.at(ptr);
    table.salt = salt;
    table.buckets = ptr + HEADER_BYTES;
    table.mask = <u32>(bucketBytes(limit) >> BUCKET_SHIFT) - 1;
    table.rows = table.buckets + bucketBytes(limit) - ROW_BYTES;
    table.limit = limit;
    return table;
  }

  /** Number of an address that somebody holds; 0: nobody does. */
  find(head: u64, tail: u64): u32 {
    let index = load<u32>(this.bucketOf(head, tail));
    while (index != 0) {
      const row = this.row(index);
      if (row.head == head && row.tail == tail) break;
      index = row.next;
    }
    return index;
  }

  /** Likewise, with one more holder; one that is not there is made. 0: the table is full. */
  hold(head: u64, tail: u64): u32 {
    const found = this.find(head, tail);
    if (found != 0) {
      this.row(found).holders++;
      return found;
    }
    const index = this.take();
    if (index == 0) return 0;
    const row = this.row(index);
    const bucket = this.bucketOf(head, tail);
    row.head = head;
    row.tail = tail;
    row.holders = 1;
    row.next = load<u32>(bucket);
    store<u32>(bucket, index);
    this.used++;
    return index;
  }

  /** One holder more of an address that is held, or one less. */
  change(index: u32, by: i32): void {
    const row = this.row(index);
    assert(row.holders != 0);
    row.holders += by;
    if (row.holders != 0) return;
    this.unchain(index, row);
    row.next = this.free;
    this.free = index;
    this.used--;
  }

  headOf(index: u32): u64 {
    return this.row(index).head;
  }

  tailOf(index: u32): u64 {
    return this.row(index).tail;
  }

  private take(): u32 {
    const index = this.free;
    if (index != 0) {
      this.free = this.row(index).next;
      return index;
    }
    return this.touched == this.limit ? 0 : ++this.touched;
  }

  private unchain(index: u32, row: Row): void {
    let link = this.bucketOf(row.head, row.tail);
    while (load<u32>(link) != index) {
      link = changetype<usize>(this.row(load<u32>(link))) + offsetof<Row>('next');
    }
    store<u32>(link, row.next);
  }

  private row(index: u32): Row {
    return changetype<Row>(this.rows + <usize>index * ROW_BYTES);
  }

  private bucketOf(head: u64, tail: u64): usize {
    const hash = <u32>mix(mix(head ^ this.salt) ^ tail);
    return this.buckets + ((<usize>(hash & this.mask)) << BUCKET_SHIFT);
  }
}

if (offsetof<FlowAddresses>() > HEADER_BYTES) ERROR('FlowAddresses must fit its header');

function bucketBytes(limit: u32): usize {
  let buckets = LEAST_BUCKETS;
  while (buckets < limit) buckets <<= 1;
  return (<usize>buckets) << BUCKET_SHIFT;
}
