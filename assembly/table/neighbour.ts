/**
 * Neighbours: the MAC address of an IPv4 or IPv6 address in a forwarding domain.
 *
 * Buckets of two lines: four addresses (16 bytes each), then four values (48-bit MAC,
 * 16-bit domain) and four words for flags. A key has two candidate buckets; all four
 * addresses of a bucket are compared, without branches, so a lookup reads four lines at
 * most, always: two of each bucket. An insert into two full buckets moves up to three
 * entries to their other buckets; when that makes no room, or the table holds what was asked
 * for, the insert is refused and counted by the caller. `create` gives one place in two
 * (test/assembly/table/neighbour.test.ts measures that this is enough): 64 to 128 bytes an
 * entry. One lookup serves both families: questions about neighbours are rare.
 *
 * Entries are configured. They do not age and are not learned: they stay until removed.
 *
 * An IPv6 address is two numbers as WASM loads them, bytes 0-7 and 8-15. An IPv4 address
 * has IPV4_HEAD first, which begins like a group address, so no neighbour of IPv6 has it,
 * and then itself in host order. Questions name addresses that strangers choose, so
 * buckets come from a product with secret multipliers.
 */
import { MOST_MOVES, bucketsFor, mix } from './buckets';

export const NEIGHBOUR_BUCKET_BYTES: usize = 128;
export const NEIGHBOUR_BUCKET_ENTRIES: u32 = 4;
const HEADER_BYTES: usize = 64;
const BUCKET_SHIFT: usize = 7;
const ADDRESS_SHIFT: usize = 4;
const TAIL_OFFSET: usize = 8;
const VALUES_OFFSET: usize = 64;
const DOMAIN_OFFSET: usize = 70;
/** From a value to its flags. */
const FLAGS_OFFSET: usize = 32;

const DOMAIN_SHIFT: u64 = 48;
const MAC_MASK: u64 = 0xffffffffffff;

/** First half of the key of an IPv4 address. */
export const IPV4_HEAD: u64 = 0xff;

@unmanaged
export class Neighbours {
  buckets: usize;
  /** Number of buckets - 1, a power of two minus one. */
  mask: u32;
  private xor: u64;
  private multiplier: u64;
  private multiplier2: u64;
  private multiplier3: u64;
  entries: u32;
  /** Most entries: what was asked for. */
  limit: u32;

  static at(ptr: usize): Neighbours {
    return changetype<Neighbours>(ptr);
  }

  /** Bytes for a table that holds `entries`. */
  static bytesFor(entries: u32): usize {
    return HEADER_BYTES + <usize>bucketsFor(entries) * NEIGHBOUR_BUCKET_BYTES;
  }

  /** Lays out an empty table in zeroed memory at a line; the seed keeps buckets secret. */
  static create(ptr: usize, entries: u32, seed: u64): Neighbours {
    const table = Neighbours.at(ptr);
    table.buckets = ptr + HEADER_BYTES;
    table.mask = bucketsFor(entries) - 1;
    table.xor = mix(seed);
    table.multiplier = mix(table.xor) | 1;
    table.multiplier2 = mix(table.multiplier) | 1;
    table.multiplier3 = mix(table.multiplier2) | 1;
    table.limit = entries;
    return table;
  }

  /** Address of the value of an address in a domain, or 0. */
  lookup(head: u64, tail: u64, domain: u32): usize {
    const hash = this.hash(head, tail, domain);
    const a = this.bucketA(hash);
    const b = this.bucketB(hash);
    const want = i64x2.replace_lane(i64x2.splat(head), 1, tail);
    const hits = hitsIn(a, want, domain) | (hitsIn(b, want, domain) << NEIGHBOUR_BUCKET_ENTRIES);
    if (hits == 0) return 0;
    const slot = ctz(hits);
    const bucket = select(a, b, slot < NEIGHBOUR_BUCKET_ENTRIES);
    return bucket + VALUES_OFFSET + ((<usize>(slot % NEIGHBOUR_BUCKET_ENTRIES)) << 3);
  }

  /**
   * Adds an address that is not there; `value` is that of `neighbourValue`. Returns where
   * the value is, or 0 when the table has no place for it.
   */
  insert(head: u64, tail: u64, value: u64): usize {
    if (this.entries == this.limit) return 0;
    const hash = this.hash(head, tail, domainOf(value));
    const a = this.bucketA(hash);
    const b = this.bucketB(hash);
    let place = freePlace(a);
    if (place == 0) place = freePlace(b);
    if (place == 0) place = this.makeRoom(a, MOST_MOVES);
    if (place == 0) place = this.makeRoom(b, MOST_MOVES);
    if (place == 0) return 0;
    const address = addressAt(place);
    store<u64>(address, head);
    store<u64>(address, tail, TAIL_OFFSET);
    store<u64>(place, value);
    store<u64>(place, 0, FLAGS_OFFSET);
    this.entries++;
    return place;
  }

  /** Takes out the entry whose value is at `value`. */
  removeAt(value: usize): void {
    store<u64>(value, 0);
    this.entries--;
  }

  private hash(head: u64, tail: u64, domain: u32): u64 {
    let h = (tail ^ this.xor) * this.multiplier;
    h ^= h >> 32;
    h = (h ^ head) * this.multiplier2;
    h ^= h >> 32;
    h = (h ^ domain) * this.multiplier3;
    return h ^ (h >> 32); // low bits of a product know nothing of the high bits of its factors
  }

  private bucketA(hash: u64): usize {
    return this.buckets + ((<usize>((<u32>(hash >> 32)) & this.mask)) << BUCKET_SHIFT);
  }

  private bucketB(hash: u64): usize {
    return this.buckets + ((<usize>(((<u32>hash) >>> 8) & this.mask)) << BUCKET_SHIFT);
  }

  /**
   * Moves one entry of a full bucket to its other bucket, after at most `moves - 1` moves
   * that make room there. Returns its place, or 0.
   */
  private makeRoom(bucket: usize, moves: u32): usize {
    const end = bucket + VALUES_OFFSET + NEIGHBOUR_BUCKET_ENTRIES * 8;
    for (let place = bucket + VALUES_OFFSET; place < end; place += 8) {
      const address = addressAt(place);
      const value = load<u64>(place);
      const hash = this.hash(load<u64>(address), load<u64>(address, TAIL_OFFSET), domainOf(value));
      const a = this.bucketA(hash);
      const other = a == bucket ? this.bucketB(hash) : a;
      if (other == bucket) continue;
      let free = freePlace(other);
      if (free == 0 && moves > 1) free = this.makeRoom(other, moves - 1);
      if (free == 0) continue;
      memory.copy(addressAt(free), address, 1 << ADDRESS_SHIFT);
      store<u64>(free, value);
      store<u64>(free, load<u64>(place, FLAGS_OFFSET), FLAGS_OFFSET);
      store<u64>(place, 0);
      return place;
    }
    return 0;
  }
}

if (offsetof<Neighbours>() > HEADER_BYTES) ERROR('Neighbours header must fit one line');

/** A bit for each entry of a bucket that is this address in this domain. */
function hitsIn(bucket: usize, address: v128, domain: u32): u32 {
  let hits: u32 = 0;
  for (let i: u32 = 0; i < NEIGHBOUR_BUCKET_ENTRIES; i++) {
    const found = v128.load(bucket + ((<usize>i) << ADDRESS_SHIFT));
    const isAddress: u32 = i64x2.all_true(i64x2.eq(found, address)) ? 1 : 0;
    const isDomain: u32 =
      <u32>load<u16>(bucket + ((<usize>i) << 3), DOMAIN_OFFSET) == domain ? 1 : 0;
    hits |= (isAddress & isDomain) << i;
  }
  return hits;
}

/** Places are addressed by their value; a used one has a domain. */
function freePlace(bucket: usize): usize {
  const end = bucket + VALUES_OFFSET + NEIGHBOUR_BUCKET_ENTRIES * 8;
  for (let place = bucket + VALUES_OFFSET; place < end; place += 8) {
    if (load<u64>(place) == 0) return place;
  }
  return 0;
}

/** Address of the first value of a bucket: there are four, 8 bytes apart, 0 where free. */
export function valuesOf(bucket: usize): usize {
  return bucket + VALUES_OFFSET;
}

/** Where the 16 bytes of the IP address are whose value is at `value`. */
export function addressAt(value: usize): usize {
  const values = value & ~(VALUES_OFFSET - 1);
  return values - VALUES_OFFSET + ((value - values) << 1);
}

export function neighbourValue(mac: u64, domain: u32): u64 {
  return mac | ((<u64>domain) << DOMAIN_SHIFT);
}

export function macOf(value: u64): u64 {
  return value & MAC_MASK;
}

export function domainOf(value: u64): u32 {
  return <u32>(value >> DOMAIN_SHIFT);
}

/** NeighbourFlag of the entry whose value is at `value`. */
export function neighbourFlags(value: usize): u32 {
  return load<u32>(value, FLAGS_OFFSET);
}

export function setNeighbourFlags(value: usize, flags: u32): void {
  store<u32>(value, flags, FLAGS_OFFSET);
}
