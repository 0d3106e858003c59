/**
 * A datagram of which some fragments are there: a row of table/fragments.ts.
 *
 * Behind the fields: 32 block numbers (u16, 0: nothing of these 2 KiB is there yet), the
 * ranges of bytes that are there (first u16, end u16, in the order of arrival), and the
 * Ethernet and IP headers of the first fragment.
 */
import { BLOCK_BYTES, Pool } from '../pool';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { KEY_BYTES, MOST_HEADER_BYTES, MOST_PAYLOAD_BYTES, Part } from './fragment-part';

const MOST_BLOCKS: u32 = (MOST_PAYLOAD_BYTES + BLOCK_BYTES) / BLOCK_BYTES;
const MOST_PARTS: u32 = 64;
const BLOCK_SHIFT: usize = 1; // a u16 each
const RANGE_SHIFT: usize = 2; // two u16 each
const END_SHIFT: u32 = 16;
const START_MASK: u32 = 0xffff;

/** Code points of the ECN field, as bits of what was seen, RFC 3168 §5. */
const SEEN_NOT_CAPABLE: u32 = 1 << 0;
const SEEN_CONGESTION: u32 = 1 << 3;

/** What `judge` says of a fragment. */
export const JUDGED_FIT: u32 = 0;
export const JUDGED_TWICE: u32 = 1; // the same bytes of the datagram are there
export const JUDGED_OVERLAP: u32 = 2; // some of them are, or its end was another
export const JUDGED_MANY: u32 = 3; // of a datagram in too many pieces

@unmanaged
export class Datagram {
  // The key: KEY_BYTES, as in a Part.
  private key0: u64;
  private key1: u64;
  private key2: u64;
  private key3: u64;
  private key4: u64;
  /** When its first fragment came. */
  firstMs: u32;
  hash: u32;
  /** Payload bytes of all; 0: the last fragment is not there. */
  totalBytes: u32;
  /** Behind the last byte that is there. */
  private endBytes: u32;
  private receivedBytes: u32;
  private parts: u32;
  private ecnSeen: u32;
  /** Bytes of the IP headers; 0: the first fragment is not there. */
  headerBytes: u32;
  /** In a hash bucket, or among free rows. */
  chain: Datagram;
  /** Neighbours in the order of first fragments. */
  older: Datagram;
  newer: Datagram;
  /** Payload bytes of the longest fragment. */
  mostBytes: u32;

  static at(ptr: usize): Datagram {
    return changetype<Datagram>(ptr);
  }

  begin(part: Part, hash: u32, nowMs: u32): void {
    const at = changetype<usize>(this);
    memory.fill(at, 0, ROW_BYTES);
    memory.copy(at, changetype<usize>(part), KEY_BYTES);
    this.hash = hash;
    this.firstMs = nowMs;
  }

  /** Where the Ethernet header of the first fragment is, and the IP header behind it. */
  get headers(): usize {
    return changetype<usize>(this) + HEADERS_OFFSET;
  }

  get isWhole(): bool {
    return this.totalBytes != 0 && this.receivedBytes == this.totalBytes;
  }

  /** Whether a router saw congestion, RFC 3168 §5.3. */
  get metCongestion(): bool {
    return (this.ecnSeen & SEEN_CONGESTION) != 0;
  }

  /** Whether it was congested and not capable of being told: both cannot be true. */
  get contradictsItself(): bool {
    return this.metCongestion && (this.ecnSeen & SEEN_NOT_CAPABLE) != 0;
  }

  /** Whether a fragment fits the ones that are there; one of the numbers above. */
  judge(part: Part): u32 {
    const start = part.offset;
    const end = part.end;
    const total = this.totalBytes;
    for (let i: u32 = 0; i < this.parts; i++) {
      const range = load<u32>(this.rangeAt(i));
      const rangeStart = range & START_MASK;
      const rangeEnd = range >>> END_SHIFT;
      if (rangeStart == start && rangeEnd == end) return JUDGED_TWICE;
      if (start < rangeEnd && rangeStart < end) return JUDGED_OVERLAP;
    }
    if (total != 0 && end > total) return JUDGED_OVERLAP;
    if (part.hasMore == 0 && (total != 0 || end < this.endBytes)) return JUDGED_OVERLAP;
    return this.parts == MOST_PARTS ? JUDGED_MANY : JUDGED_FIT;
  }

  /** Blocks that the payload of a fragment needs and that are not there. */
  missingBlocks(part: Part): u32 {
    let missing: u32 = 0;
    const last = (part.end - 1) / BLOCK_BYTES;
    for (let i = part.offset / BLOCK_BYTES; i <= last; i++) {
      if (load<u16>(this.blockAt(i)) == 0) missing++;
    }
    return missing;
  }

  /** Takes in a fragment that fits, for which the pool has the missing blocks. */
  put(pool: Pool, part: Part): void {
    store<u32>(this.rangeAt(this.parts), part.offset | (part.end << END_SHIFT));
    this.parts++;
    this.receivedBytes += part.payloadBytes;
    this.endBytes = max(this.endBytes, part.end);
    this.mostBytes = max(this.mostBytes, part.payloadBytes);
    this.ecnSeen |= 1 << part.ecn;
    if (part.hasMore == 0) this.totalBytes = part.end;
    let from = part.payload;
    let offset = part.offset;
    while (offset < part.end) {
      const within = offset % BLOCK_BYTES;
      const bytes = min(BLOCK_BYTES - within, part.end - offset);
      memory.copy(this.openBlock(pool, offset / BLOCK_BYTES) + within, from, bytes);
      from += bytes;
      offset += bytes;
    }
  }

  /** Keeps the headers of the first fragment, which begin at `frame`. */
  keepHeaders(frame: usize, part: Part): void {
    this.headerBytes = part.headerBytes;
    memory.copy(this.headers, frame, ETHERNET_BYTES + part.headerBytes);
    part.nameNext(this.headers + ETHERNET_BYTES);
  }

  /** Copies the whole payload. */
  gather(pool: Pool, to: usize): void {
    for (let offset: u32 = 0; offset < this.totalBytes; offset += BLOCK_BYTES) {
      const block = load<u16>(this.blockAt(offset / BLOCK_BYTES));
      memory.copy(to + offset, pool.addressOf(block), min(BLOCK_BYTES, this.totalBytes - offset));
    }
  }

  /** Gives all blocks back. */
  release(pool: Pool): void {
    for (let i: u32 = 0; i < MOST_BLOCKS; i++) {
      const block: u32 = load<u16>(this.blockAt(i));
      if (block != 0) pool.give(block);
    }
  }

  private openBlock(pool: Pool, index: u32): usize {
    let block: u32 = load<u16>(this.blockAt(index));
    if (block == 0) {
      block = pool.take();
      assert(block != 0);
      store<u16>(this.blockAt(index), <u16>block);
    }
    return pool.addressOf(block);
  }

  private blockAt(index: u32): usize {
    return changetype<usize>(this) + BLOCKS_OFFSET + ((<usize>index) << BLOCK_SHIFT);
  }

  private rangeAt(index: u32): usize {
    return changetype<usize>(this) + RANGES_OFFSET + ((<usize>index) << RANGE_SHIFT);
  }
}

const BLOCKS_OFFSET: usize = offsetof<Datagram>();
const RANGES_OFFSET: usize = BLOCKS_OFFSET + ((<usize>MOST_BLOCKS) << BLOCK_SHIFT);
const HEADERS_OFFSET: usize = RANGES_OFFSET + ((<usize>MOST_PARTS) << RANGE_SHIFT);

/** Bytes of one. */
export const ROW_BYTES: usize = 512;
if (HEADERS_OFFSET + ETHERNET_BYTES + MOST_HEADER_BYTES > ROW_BYTES) {
  ERROR('Datagram must fit ROW_BYTES');
}
if (offsetof<Datagram>('firstMs') != KEY_BYTES) ERROR('the key must be KEY_BYTES long');
