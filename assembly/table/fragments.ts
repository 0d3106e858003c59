/**
 * Reassembly of outer packets: a router on the way may have fragmented what a VTEP sent
 * (RFC 7348 §4.3 lets the receiver discard; Linux delivers, and so do we, within bounds).
 *
 * Key: scope (an underlay), family, addresses, identification, and the protocol of IPv4.
 * Structure: rows of one datagram each, 512 bytes, found by chains from hash buckets, which
 * have a secret salt; all rows are in one list in the order of their first fragment. Payload
 * is in blocks of 2 KiB (pool.ts), up to 32 a datagram, so that a datagram of 1600 bytes
 * takes one block, and a table of a megabyte holds 512 of them; a slot of 64 KiB each would
 * hold 16. A whole datagram is copied to the batch's copies, so rows are free at once.
 *
 * Cost: one chain, at most 64 ranges, one copy in and one out. A datagram has 64 fragments at
 * the most, and 65535 bytes. Two that overlap and are not the same bytes end it, RFC 5722:
 * nobody honest sends such; what was there twice is dropped alone (RFC 8200 §4.5).
 *
 * A full table, or pool, gives up its oldest datagrams: the ones that lost a fragment.
 * Rows die TIMEOUT_MS after their first fragment: RFC 791 has 15 s, RFC 8200 60 s.
 */
import { Core, alignLine } from '../memory';
import { reserve } from '../packet';
import { Pool } from '../pool';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { EXTENSION_BYTES } from '../wire/extension';
import { IPV4_DF, Ipv4 } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6 } from '../wire/ipv6';
import { Datagram, JUDGED_FIT, JUDGED_OVERLAP, JUDGED_TWICE, ROW_BYTES } from './datagram';
import { MOST_PAYLOAD_BYTES, PART_BYTES, Part } from './fragment-part';

/** What `add` returns instead of an address. */
export const FRAGMENT_KEPT: usize = 0; // its datagram waits for others
export const FRAGMENT_BAD: usize = 1; // not sound; or dropped with a datagram that is not
export const FRAGMENT_OVERLAP: usize = 2; // dropped with its datagram
export const FRAGMENT_TWICE: usize = 3; // dropped alone
export const FRAGMENT_NO_ROOM: usize = 4; // dropped with its datagram
/** What is above is an address. */
export const FRAGMENT_LAST: usize = 4;

export const FRAGMENT_TIMEOUT_MS: u32 = 30000;
/** Rows whose age one `add` looks at. */
const SWEEP_ROWS: u32 = 2;
const BUCKET_SHIFT: usize = 2;
const LEAST_BUCKETS: u32 = 16; // a line
const CONGESTION: u32 = 3; // ECN field, RFC 3168 §5

@unmanaged
export class Fragments {
  private salt: u64;
  private buckets: usize;
  private mask: u32;
  private firstRow: usize;
  private rowCount: u32;
  /** Rows used at least once, and the first of those that are free again. */
  private touched: u32;
  private free: Datagram;
  private oldest: Datagram;
  private newest: Datagram;
  private pool: Pool;
  /** Bytes of the frame whose address `add` returned last. */
  frameBytes: u32;
  /** Bytes of the longest fragment of it, IP headers included. */
  partBytes: u32;
  /** Datagrams that wait now. */
  waiting: u32;
  /** Datagrams so far: made whole, too old, given up for others, refused for what they were. */
  completed: u32;
  expired: u32;
  evicted: u32;
  refused: u32;

  static at(ptr: usize): Fragments {
    return changetype<Fragments>(ptr);
  }

  /** Bytes for a table of `datagrams` datagrams and `blocks` blocks of BLOCK_BYTES. */
  static bytesFor(datagrams: u32, blocks: u32): usize {
    const rows = HEADER_BYTES + bucketBytes(datagrams) + <usize>datagrams * ROW_BYTES;
    return alignLine(rows + Pool.bytesFor(blocks));
  }

  /** Lays out an empty table in zeroed memory at a line; at most 65535 blocks. */
  static create(ptr: usize, datagrams: u32, blocks: u32, salt: u64): Fragments {
    const table = Fragments.at(ptr);
    table.salt = salt;
    table.buckets = ptr + HEADER_BYTES;
    table.mask = <u32>(bucketBytes(datagrams) >> BUCKET_SHIFT) - 1;
    table.firstRow = table.buckets + bucketBytes(datagrams);
    table.rowCount = datagrams;
    table.pool = Pool.create(table.firstRow + <usize>datagrams * ROW_BYTES, blocks);
    return table;
  }

  /**
   * Takes in the fragment at `ip`, of which `bytes` bytes are there, behind an Ethernet
   * header. Returns one of the results above, or the address of the frame with the whole
   * datagram, `frameBytes` bytes in the batch's copies: the headers of the first fragment,
   * whose lengths, fragment fields and checksum are those of a whole packet.
   */
  add(core: Core, ip: usize, bytes: u32, scope: u32): usize {
    this.expire(core.nowMs, SWEEP_ROWS);
    const part = Part.at(changetype<usize>(this) + PART_OFFSET);
    if (!part.read(ip, bytes, scope)) return FRAGMENT_BAD;
    if (part.offset == 0 && part.hasMore == 0) return this.passAlone(core, ip, part);
    if (this.rowCount == 0) return FRAGMENT_NO_ROOM;
    const hash = part.hash(this.salt);
    let datagram = this.find(part, hash, core.nowMs);
    if (changetype<usize>(datagram) == 0) datagram = this.open(part, hash, core.nowMs);
    const judged = datagram.judge(part);
    if (judged == JUDGED_TWICE) return FRAGMENT_TWICE;
    if (judged != JUDGED_FIT) {
      return this.refuse(datagram, judged == JUDGED_OVERLAP ? FRAGMENT_OVERLAP : FRAGMENT_NO_ROOM);
    }
    if (!this.makeRoom(datagram, part)) return this.refuse(datagram, FRAGMENT_NO_ROOM);
    datagram.put(this.pool, part);
    if (part.offset == 0) datagram.keepHeaders(ip - ETHERNET_BYTES, part);
    return datagram.isWhole ? this.finish(core, datagram) : FRAGMENT_KEPT;
  }

  /** Ends datagrams whose time is over, oldest first, `most` of them at the most. */
  expire(nowMs: u32, most: u32): void {
    for (let i: u32 = 0; i < most; i++) {
      const oldest = this.oldest;
      if (changetype<usize>(oldest) == 0 || !isOver(oldest, nowMs)) return;
      this.forget(oldest);
      this.expired++;
    }
  }

  /** RFC 6946: a fragment header on a whole packet has nothing to do with any other. */
  private passAlone(core: Core, ip: usize, part: Part): usize {
    const headers = ETHERNET_BYTES + part.headerBytes;
    const frame = reserve(core, headers + part.payloadBytes);
    if (frame == 0) return FRAGMENT_NO_ROOM;
    memory.copy(frame, ip - ETHERNET_BYTES, headers);
    part.nameNext(frame + ETHERNET_BYTES);
    this.partBytes = part.headerBytes + part.payloadBytes;
    memory.copy(frame + headers, part.payload, part.payloadBytes);
    return this.close(frame, part.headerBytes, part.payloadBytes);
  }

  /** The datagram of a fragment; null when there is none, or none any more. */
  private find(part: Part, hash: u32, nowMs: u32): Datagram {
    let row = load<usize>(this.bucketOf(hash));
    while (row != 0 && !part.isOf(row)) row = changetype<usize>(Datagram.at(row).chain);
    if (row == 0 || !isOver(Datagram.at(row), nowMs)) return Datagram.at(row);
    this.forget(Datagram.at(row));
    this.expired++;
    return Datagram.at(0);
  }

  /** A row for a datagram that is not there, if need be that of the oldest one. */
  private open(part: Part, hash: u32, nowMs: u32): Datagram {
    if (changetype<usize>(this.free) == 0 && this.touched == this.rowCount) this.evict(this.oldest);
    let row = this.free;
    if (changetype<usize>(row) != 0) {
      this.free = row.chain;
    } else {
      row = Datagram.at(this.firstRow + <usize>this.touched * ROW_BYTES);
      this.touched++;
    }
    row.begin(part, hash, nowMs);
    const bucket = this.bucketOf(hash);
    row.chain = Datagram.at(load<usize>(bucket));
    store<usize>(bucket, changetype<usize>(row));
    const newest = this.newest;
    row.older = newest;
    if (changetype<usize>(newest) != 0) newest.newer = row;
    else this.oldest = row;
    this.newest = row;
    this.waiting++;
    return row;
  }

  /** Makes the pool have what a fragment needs. False when it never has as much. */
  private makeRoom(datagram: Datagram, part: Part): bool {
    const missing = datagram.missingBlocks(part);
    while (this.pool.left < missing) {
      const victim = this.oldest == datagram ? datagram.newer : this.oldest;
      if (changetype<usize>(victim) == 0) return false;
      this.evict(victim);
    }
    return true;
  }

  private evict(datagram: Datagram): void {
    this.forget(datagram);
    this.evicted++;
  }

  private refuse(datagram: Datagram, result: usize): usize {
    this.forget(datagram);
    this.refused++;
    return result;
  }

  /** Frees a row and its blocks. */
  private forget(datagram: Datagram): void {
    datagram.release(this.pool);
    const older = datagram.older;
    const newer = datagram.newer;
    if (changetype<usize>(older) != 0) older.newer = newer;
    else this.oldest = newer;
    if (changetype<usize>(newer) != 0) newer.older = older;
    else this.newest = older;
    this.unchain(datagram);
    datagram.chain = this.free;
    this.free = datagram;
    this.waiting--;
  }

  private unchain(datagram: Datagram): void {
    const bucket = this.bucketOf(datagram.hash);
    let before = Datagram.at(load<usize>(bucket));
    if (before == datagram) return store<usize>(bucket, changetype<usize>(datagram.chain));
    while (before.chain != datagram) before = before.chain;
    before.chain = datagram.chain;
  }

  /** Makes the frame of a whole datagram, and forgets that. */
  private finish(core: Core, datagram: Datagram): usize {
    const total = datagram.totalBytes;
    const header = datagram.headerBytes;
    if (datagram.contradictsItself || header + total > mostBytes(datagram)) {
      return this.refuse(datagram, FRAGMENT_BAD);
    }
    const frame = reserve(core, ETHERNET_BYTES + header + total);
    if (frame == 0) return this.refuse(datagram, FRAGMENT_NO_ROOM);
    const ip = frame + ETHERNET_BYTES;
    memory.copy(frame, datagram.headers, ETHERNET_BYTES + header);
    datagram.gather(this.pool, ip + header);
    if (datagram.metCongestion) markCongestion(ip);
    this.partBytes = header + datagram.mostBytes;
    if (Ipv6.at(ip).isVersion6) this.partBytes += EXTENSION_BYTES;
    this.forget(datagram);
    this.completed++;
    return this.close(frame, header, total);
  }

  /** Makes the headers of a frame those of a whole packet. Returns its address. */
  private close(frame: usize, header: u32, payload: u32): usize {
    const ip = frame + ETHERNET_BYTES;
    this.frameBytes = ETHERNET_BYTES + header + payload;
    if (Ipv6.at(ip).isVersion6) {
      Ipv6.at(ip).payloadBytes = header - IPV6_BYTES + payload;
      return frame;
    }
    const ipv4 = Ipv4.at(ip);
    ipv4.totalBytes = header + payload;
    ipv4.fragment = ipv4.fragment & IPV4_DF;
    ipv4.seal();
    return frame;
  }

  private bucketOf(hash: u32): usize {
    return this.buckets + ((<usize>(hash & this.mask)) << BUCKET_SHIFT);
  }
}

/** The header, and the fragment at hand behind it. */
const PART_OFFSET: usize = 128;
const HEADER_BYTES: usize = 256;
if (offsetof<Fragments>() > PART_OFFSET) ERROR('Fragments must fit before the part');
if (PART_OFFSET + PART_BYTES > HEADER_BYTES) ERROR('a Part must fit behind Fragments');

/** Two buckets a datagram or more. */
function bucketBytes(datagrams: u32): usize {
  let buckets = LEAST_BUCKETS;
  while (buckets < datagrams * 2) buckets <<= 1;
  return (<usize>buckets) << BUCKET_SHIFT;
}

function isOver(datagram: Datagram, nowMs: u32): bool {
  return nowMs - datagram.firstMs >= FRAGMENT_TIMEOUT_MS;
}

/** What IP headers and payload may have together: the IPv6 header does not count itself. */
function mostBytes(datagram: Datagram): u32 {
  const isV6 = Ipv6.at(datagram.headers + ETHERNET_BYTES).isVersion6;
  return isV6 ? MOST_PAYLOAD_BYTES + IPV6_BYTES : MOST_PAYLOAD_BYTES;
}

function markCongestion(ip: usize): void {
  if (Ipv6.at(ip).isVersion6) return Ipv6.at(ip).markCongestion();
  Ipv4.at(ip).tos |= CONGESTION;
}
