/**
 * Buckets: a hash table from a key of 64 bits, never 0, to a value of 64 bits.
 *
 * A bucket is one line of 64 bytes: four keys, then their four values. A key has two
 * candidate buckets and goes to the second when the first is full: one in 25 of a full
 * table. A lookup compares a bucket without branches, the first one first, and reads two
 * cache lines at most; of an unknown key it reads both. An insert into two full buckets
 * moves up to three entries to their other buckets; when that makes no room it is refused.
 * `create` gives one place in two, so for the entries asked for this does not happen in
 * practice (test/assembly/table/fdb.test.ts measures it). Entries stay until removed.
 *
 * Keys are chosen by strangers: buckets come from products with secret multipliers, one for
 * each candidate.
 */
export const BUCKET_BYTES: usize = 64;
const BUCKET_ENTRIES: u32 = 4;
const VALUES_OFFSET: usize = 32;
const KEYS_PAIR_OFFSET: usize = 16;
/** Entries that one insert moves at the most. */
export const MOST_MOVES: u32 = 3;

@unmanaged
export class Buckets {
  buckets: usize;
  /** Number of buckets - 1, a power of two minus one. */
  mask: u32;
  /** Of the offset of a bucket: its top bits are the top bits of a product. */
  private maskBytes: usize;
  private shift: u64;
  private xor: u64;
  private multiplierA: u64;
  private multiplierB: u64;
  /** All entries, of any kind. */
  entries: u32;
  /** Most entries: what was asked for. */
  limit: u32;

  static at(ptr: usize): Buckets {
    return changetype<Buckets>(ptr);
  }

  /** Bytes for a table that holds `entries`. */
  static bytesFor(entries: u32): usize {
    return BUCKET_BYTES + <usize>bucketsFor(entries) * BUCKET_BYTES;
  }

  /** Lays out an empty table in zeroed memory at a line; the seeds keep buckets secret. */
  static create(ptr: usize, entries: u32, seed: u64, seed2: u64): Buckets {
    const table = Buckets.at(ptr);
    table.buckets = ptr + BUCKET_BYTES;
    table.mask = bucketsFor(entries) - 1;
    table.maskBytes = <usize>table.mask * BUCKET_BYTES;
    table.shift = clz(<u64>table.maskBytes);
    table.xor = seed;
    table.multiplierA = mix(seed2) | 1;
    table.multiplierB = mix(seed ^ table.multiplierA) | 1;
    table.limit = entries;
    return table;
  }

  bucketA(key: u64): usize {
    return this.bucketOf(key, this.multiplierA);
  }

  bucketB(key: u64): usize {
    return this.bucketOf(key, this.multiplierB);
  }

  /**
   * Multiplied twice, with a fold between: one product is linear, and for one secret in
   * twenty, addresses in a row crowd in few buckets. Turned first, since what differs
   * between addresses is most often high up: last bytes and domains.
   */
  private bucketOf(key: u64, multiplier: u64): usize {
    let hash = rotl(key ^ this.xor, 32) * multiplier;
    hash ^= hash >> 32;
    return this.buckets + ((<usize>((hash * multiplier) >> this.shift)) & this.maskBytes);
  }

  /** Address of the value of `key`, or 0. */
  lookup(key: u64): usize {
    return this.find(this.bucketA(key), key);
  }

  /** As `lookup`, where the first bucket is known. */
  find(bucketA: usize, key: u64): usize {
    const found = findIn(bucketA, key);
    return found != 0 ? found : this.findElsewhere(key);
  }

  /** One key in 25 of a full table is in its second bucket, and every unknown one. */
  private findElsewhere(key: u64): usize {
    return findIn(this.bucketB(key), key);
  }

  /** Adds a key that is not there. False when the table has no place for it. */
  insert(key: u64, value: u64): bool {
    if (this.entries == this.limit) return false;
    const a = this.bucketA(key);
    const b = this.bucketB(key);
    let slot = freeSlot(a);
    if (slot == 0) slot = freeSlot(b);
    if (slot == 0) slot = this.makeRoom(a, MOST_MOVES);
    if (slot == 0) slot = this.makeRoom(b, MOST_MOVES);
    if (slot == 0) return false;
    fill(slot, key, value);
    this.entries++;
    return true;
  }

  /** Takes out the entry whose value is at `value`. */
  removeAt(value: usize): void {
    const bucket = value & ~(BUCKET_BYTES - 1);
    const slot = (value - bucket - VALUES_OFFSET) >> 3;
    store<u64>(bucket + (slot << 3), 0);
    this.entries--;
  }

  /**
   * Moves one entry of a full bucket to its other bucket, after at most `moves - 1` moves
   * that make room there. Returns its slot, or 0.
   */
  private makeRoom(bucket: usize, moves: u32): usize {
    for (let i: usize = 0; i < BUCKET_ENTRIES; i++) {
      const slot = bucket + (i << 3);
      const key = load<u64>(slot);
      const a = this.bucketA(key);
      const other = a == bucket ? this.bucketB(key) : a;
      if (other == bucket) continue;
      let free = freeSlot(other);
      if (free == 0 && moves > 1) free = this.makeRoom(other, moves - 1);
      if (free == 0) continue;
      fill(free, key, load<u64>(slot, VALUES_OFFSET));
      store<u64>(slot, 0);
      return slot;
    }
    return 0;
  }
}

if (offsetof<Buckets>() > BUCKET_BYTES) ERROR('Buckets header must fit one line');

/** Buckets of four places for a table that is half full at the most: a power of two. */
export function bucketsFor(entries: u32): u32 {
  let buckets: u32 = 1;
  while (buckets * (BUCKET_ENTRIES / 2) < entries) buckets <<= 1;
  return buckets;
}

/** Finalizer of splitmix64, to spread what a seed says. */
export function mix(x: u64): u64 {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/** Slots are addressed by their key; the value lies VALUES_OFFSET behind it. */
function fill(slot: usize, key: u64, value: u64): void {
  store<u64>(slot, key);
  store<u64>(slot, value, VALUES_OFFSET);
}

function freeSlot(bucket: usize): usize {
  for (let i: usize = 0; i < BUCKET_ENTRIES; i++) {
    if (load<u64>(bucket + (i << 3)) == 0) return bucket + (i << 3);
  }
  return 0;
}

/** Address of the value of `key` in one bucket, or 0. Compares all four keys at once. */
function findIn(bucket: usize, key: u64): usize {
  const want = i64x2.splat(key);
  const hits =
    i64x2.bitmask(i64x2.eq(v128.load(bucket), want)) |
    (i64x2.bitmask(i64x2.eq(v128.load(bucket, KEYS_PAIR_OFFSET), want)) << 2);
  if (hits == 0) return 0;
  return bucket + VALUES_OFFSET + ((<usize>ctz(hits)) << 3);
}

/** Key of the entry whose value is at `value`. */
export function keyOf(value: usize): u64 {
  return load<u64>(value - VALUES_OFFSET);
}
