/**
 * The flow table: one entry for a connection, with both its directions, what to write into
 * its packets, its state and its counters (DESIGN §1.6). Of both families: an IPv6 address is
 * a number here, see flow-address.ts.
 *
 *   index     buckets of a line: eight tags u16, eight references u32. A reference is
 *             2 * entry + direction + 1; 0: free. A key has two candidate buckets, and an
 *             entry is moved to its other one by its tag alone, without reading the flow.
 *             The 16 bytes left of a line are a word of four entries each, in their order.
 *   lines     64 bytes a direction: key, rewrite, way out, counters. What an established
 *             flow's packet needs is in one line of the index and one of these.
 *   states    40 bytes an entry: what first packets, control packets and readers need.
 *
 * 168 bytes an entry, and the index: two references of 8 bytes, at most four in five in use.
 * Lookups compare eight tags at once; the line compares the key in full. A full table gives
 * up an unassured entry that shares a bucket with the new one, else refuses it (CT-8).
 *
 * An entry dies when neither direction was heard from for its timer: `isAlive` is exact to
 * the millisecond, and a sweep of a bounded number a batch gives places back. Keys are
 * chosen by strangers, so buckets come from products with secret multipliers.
 */
import { FLOW_LINE_BYTES, FLOW_STATE_BYTES } from '../memory';
import { FlowStatus } from '../zone-abi';
import { mix } from './buckets';
import { FlowLine, FlowState, isKey } from './flow-line';

const LINE_BYTES: usize = 64;
const SLOTS: u32 = 8;
const REFERENCES_OFFSET: usize = 16;
const WORDS_OFFSET: usize = 48;
const LINE_WORDS: u32 = 4; // of entries in a bucket: there is a bucket for 3.2 of them
/** Of ten slots eight are used by a full table. */
const FULL_TENTHS: u64 = 8;
/** Entries that one insert moves at the most. */
const MOST_MOVES: u32 = 3;

@unmanaged
export class Flows {
  /** Number of buckets. */
  buckets: u32;
  limit: u32;
  index: usize;
  lines: usize;
  states: usize;
  private multiplierA: u64;
  private multiplierB: u64;
  private xor: u64;
  /** Entries in use; entries taken at least once; first of those given back, + 1. */
  entries: u32;
  touched: u32;
  private free: u32;
  /** Next entry to sweep, and number of the next flow. */
  sweepNext: u32;
  sweptMs: u32;
  nextId: u32;

  static at(ptr: usize): Flows {
    return changetype<Flows>(ptr);
  }

  /** Bytes for a table of `flows` entries. */
  static bytesFor(flows: u32): usize {
    if (flows == 0) return 2 * LINE_BYTES;
    const entries = <usize>flows;
    const lines = entries * 2 * FLOW_LINE_BYTES;
    const states = (entries * FLOW_STATE_BYTES + LINE_BYTES - 1) & ~(LINE_BYTES - 1);
    return 2 * LINE_BYTES + <usize>bucketsFor(flows) * LINE_BYTES + lines + states;
  }

  /** Lays out an empty table in zeroed memory, at a multiple of 128. */
  static create(ptr: usize, flows: u32, seed: u64): Flows {
    const table = Flows.at(ptr);
    table.limit = flows;
    table.buckets = bucketsFor(flows);
    // Lines come first: a pair begins at a multiple of 128.
    table.lines = ptr + 2 * LINE_BYTES;
    table.index = table.lines + 2 * <usize>flows * FLOW_LINE_BYTES;
    table.states = table.index + <usize>table.buckets * LINE_BYTES;
    table.multiplierA = mix(seed) | 1;
    table.multiplierB = mix(~seed) | 1;
    table.xor = mix(seed ^ table.multiplierA);
    return table;
  }

  /** Hash of a key: the high half chooses the bucket, the low 16 bits are the tag. */
  hash(source: u32, destination: u32, ports: u32, scope: u32): u64 {
    const addresses = (<u64>source) | ((<u64>destination) << 32);
    const rest = (<u64>ports) | ((<u64>scope) << 32);
    let hash = (addresses ^ this.xor) * this.multiplierA;
    hash = (rotl(hash, 32) ^ rest) * this.multiplierB;
    hash ^= hash >> 32;
    return hash * this.multiplierA;
  }

  /** First candidate bucket. */
  bucketOf(hash: u64): usize {
    return this.index + <usize>(((hash >> 32) * this.buckets) >> 32) * LINE_BYTES;
  }

  /** The other candidate of a tag that is in `bucket`: the same both ways. */
  private otherBucket(bucket: usize, tag: u32): usize {
    const place = <u32>((bucket - this.index) / LINE_BYTES);
    const sum = <u32>((<u64>(tag * 0x9e3779b1) * this.buckets) >> 32);
    const other = sum >= place ? sum - place : sum + this.buckets - place;
    return this.index + <usize>other * LINE_BYTES;
  }

  /** The first line in a bucket whose tag fits, not compared further; 0: none. */
  candidate(bucket: usize, hash: u64): usize {
    const hits = hitsIn(bucket, tagOf(hash));
    return hits == 0 ? 0 : this.lineAt(bucket, ctz(hits));
  }

  /** Whether a key may be there: one in 4000 that is not seems to be. Reads the index alone. */
  mayHave(hash: u64): bool {
    const tag = tagOf(hash);
    const bucket = this.bucketOf(hash);
    return hitsIn(bucket, tag) != 0 || hitsIn(this.otherBucket(bucket, tag), tag) != 0;
  }

  private lineAt(bucket: usize, slot: u32): usize {
    const reference: usize = load<u32>(bucket + ((<usize>slot) << 2), REFERENCES_OFFSET);
    return this.lines + (reference - 1) * LINE_BYTES;
  }

  /** The line with this key, expired or not; null: none. */
  find(hash: u64, source: u32, destination: u32, ports: u32, scope: u32): FlowLine {
    const slot = this.slotOf(hash, source, destination, ports, scope);
    if (slot == 0) return changetype<FlowLine>(0);
    return changetype<FlowLine>(this.lines + (<usize>load<u32>(slot) - 1) * LINE_BYTES);
  }

  /** Address of the reference to the line with this key, or 0. */
  private slotOf(hash: u64, source: u32, destination: u32, ports: u32, scope: u32): usize {
    const tag = tagOf(hash);
    let bucket = this.bucketOf(hash);
    for (let i = 0; i < 2; i++) {
      for (let hits = hitsIn(bucket, tag); hits != 0; hits &= hits - 1) {
        const slot = ctz(hits);
        const line = changetype<FlowLine>(this.lineAt(bucket, slot));
        if (isKey(line, source, destination, ports, scope)) {
          return bucket + REFERENCES_OFFSET + ((<usize>slot) << 2);
        }
      }
      bucket = this.otherBucket(bucket, tag);
    }
    return 0;
  }

  /** Number of the entry a line belongs to, from 0. */
  entryOf(line: FlowLine): u32 {
    return <u32>((changetype<usize>(line) - this.lines) / (2 * LINE_BYTES));
  }

  lineOf(entry: u32): FlowLine {
    return changetype<FlowLine>(this.lines + <usize>entry * 2 * LINE_BYTES);
  }

  stateOf(line: FlowLine): FlowState {
    return changetype<FlowState>(this.states + <usize>this.entryOf(line) * FLOW_STATE_BYTES);
  }

  /** Address of the word that an entry has in the index: of its protocol, as FlowState's are. */
  wordOf(line: FlowLine): usize {
    const entry = this.entryOf(line);
    const bucket = this.index + <usize>(entry / LINE_WORDS) * LINE_BYTES;
    return bucket + WORDS_OFFSET + ((<usize>(entry % LINE_WORDS)) << 2);
  }

  /** An entry that is in no bucket yet: its original line, zeroed; null: all are in use. */
  take(): FlowLine {
    let entry: u32 = 0;
    if (this.free != 0) {
      entry = this.free - 1;
      this.free = this.lineOf(entry).source;
    } else {
      if (this.touched == this.limit) return changetype<FlowLine>(0);
      entry = this.touched++;
    }
    const line = this.lineOf(entry);
    memory.fill(changetype<usize>(line), 0, 2 * LINE_BYTES);
    const state = this.stateOf(line);
    memory.fill(changetype<usize>(state), 0, FLOW_STATE_BYTES);
    store<u32>(this.wordOf(line), 0);
    state.id = ++this.nextId;
    this.entries++;
    return line;
  }

  /** Makes both directions of an entry known. False: there is no place in their buckets. */
  enter(line: FlowLine): bool {
    if (!this.insert(line)) return false;
    if (this.insert(line.other)) return true;
    this.forget(line);
    return false;
  }

  /** Takes an entry out, in buckets or not. */
  remove(line: FlowLine): void {
    const original = line.original;
    this.forget(original);
    this.forget(original.other);
    this.giveBack(original);
  }

  /** Takes back an entry that is in no bucket. */
  giveBack(original: FlowLine): void {
    original.scope = 0;
    original.other.scope = 0;
    original.source = this.free;
    this.free = this.entryOf(original) + 1;
    this.entries--;
  }

  private insert(line: FlowLine): bool {
    const hash = this.hash(line.source, line.destination, line.ports, line.scope);
    const tag = tagOf(hash);
    const reference = <u32>((changetype<usize>(line) - this.lines) / LINE_BYTES) + 1;
    const first = this.bucketOf(hash);
    const second = this.otherBucket(first, tag);
    if (put(first, tag, reference) || put(second, tag, reference)) return true;
    if (!this.makeRoom(first, MOST_MOVES) && !this.makeRoom(second, MOST_MOVES)) return false;
    return put(first, tag, reference) || put(second, tag, reference);
  }

  /** Moves one entry of a full bucket to its other one. */
  private makeRoom(bucket: usize, moves: u32): bool {
    for (let i: u32 = 0; i < SLOTS; i++) {
      const at = bucket + ((<usize>i) << 2);
      const tag: u32 = load<u16>(bucket + ((<usize>i) << 1));
      const other = this.otherBucket(bucket, tag);
      if (other == bucket) continue;
      const reference = load<u32>(at, REFERENCES_OFFSET);
      if (!put(other, tag, reference)) {
        if (moves == 1 || !this.makeRoom(other, moves - 1)) continue;
        if (!put(other, tag, reference)) continue;
      }
      clear(at + REFERENCES_OFFSET);
      return true;
    }
    return false;
  }

  private forget(line: FlowLine): void {
    const hash = this.hash(line.source, line.destination, line.ports, line.scope);
    const slot = this.slotOf(hash, line.source, line.destination, line.ports, line.scope);
    if (slot != 0) clear(slot);
  }

  /** The oldest unassured entry in the buckets of a key; null: none. */
  leastOf(hash: u64, nowMs: u32): FlowLine {
    let bucket = this.bucketOf(hash);
    let least = changetype<FlowLine>(0);
    let leastMs: u32 = 0;
    for (let i = 0; i < 2; i++) {
      for (let slot: u32 = 0; slot < SLOTS; slot++) {
        if (load<u32>(bucket + ((<usize>slot) << 2), REFERENCES_OFFSET) == 0) continue;
        const line = changetype<FlowLine>(this.lineAt(bucket, slot));
        const silentMs = min(nowMs - line.seenMs, nowMs - line.other.seenMs);
        if (this.stateOf(line).has(FlowStatus.Assured) || silentMs < leastMs) continue;
        least = line;
        leastMs = silentMs;
      }
      bucket = this.otherBucket(bucket, tagOf(hash));
    }
    return least;
  }
}

if (offsetof<Flows>() > 2 * LINE_BYTES) ERROR('Flows must fit its header');

function bucketsFor(flows: u32): u32 {
  return <u32>((<u64>flows * 2 * 10) / (SLOTS * FULL_TENTHS)) + 2;
}

/** Never 0: an empty slot has that. */
function tagOf(hash: u64): u32 {
  return max((<u32>hash) & 0xffff, 1);
}

/** Slots of a bucket whose tag fits, as bits. */
function hitsIn(bucket: usize, tag: u32): u32 {
  return i16x8.bitmask(i16x8.eq(v128.load(bucket), i16x8.splat(<i16>tag)));
}

/** Puts a reference into a free slot, if there is one. */
function put(bucket: usize, tag: u32, reference: u32): bool {
  const hits = hitsIn(bucket, 0);
  if (hits == 0) return false;
  const slot: usize = ctz(hits);
  store<u16>(bucket + (slot << 1), <u16>tag);
  store<u32>(bucket + (slot << 2), reference, REFERENCES_OFFSET);
  return true;
}

/** Empties the slot whose reference is at `at`. */
function clear(at: usize): void {
  const bucket = at & ~(LINE_BYTES - 1);
  store<u32>(at, 0);
  store<u16>(bucket + ((at - bucket - REFERENCES_OFFSET) >> 1), 0);
}
