/**
 * Paths: trails that were met before, under a number. A flow whose outcome is cached keeps
 * the number, and a packet of it counts on all rules of its way by two additions; a rule's
 * counter is its own plus those of the paths that hold it (`foldPaths` adds them up).
 *
 * Key: the counters of a trail, compared in full. Structure: rows of 32 bytes, a hash table
 * of row numbers, half of it free, and the trails one behind the other. A search ends at the
 * first free place; there is always one. Full, of rows or of trails: no number, and the
 * caller counts such packets one by one. Paths do not end before the program does.
 */
import { PATH_ROW_BYTES, Rules } from './rules';
import { Subject } from './subject';

const MULTIPLIER: u32 = 0x9e3779b1;
const FOLD: u32 = 15;
const WORD_BYTES: usize = 4;

@unmanaged
class Path {
  packets: u64;
  bytes: u64;
  /** First word of its trail, and how many. */
  first: u32;
  length: u32;
  hash: u32;
  private spare: u32;
}

if (offsetof<Path>() != PATH_ROW_BYTES) ERROR('Path must be 32 bytes');

function rowAt(rules: Rules, path: u32): Path {
  return changetype<Path>(rules.pathRows + <usize>(path - 1) * PATH_ROW_BYTES);
}

function wordAt(rules: Rules, index: u32): usize {
  return rules.pathWords + <usize>index * WORD_BYTES;
}

function hashOf(trail: usize, length: u32): u32 {
  let hash = length;
  for (let i: u32 = 0; i < length; i++) {
    hash = (hash ^ load<u32>(trail + <usize>i * WORD_BYTES)) * MULTIPLIER;
    hash ^= hash >>> FOLD;
  }
  return hash;
}

/**
 * Number of the subject's trail, from 1. 0: the table is full, or the trail does not hold all
 * that was met; its packets are to be counted by `countTrail`, and asked about again.
 */
export function pathOf(rules: Rules, s: Subject): u32 {
  if (s.trailOverflow != 0 || rules.mostPaths == 0) return 0;
  const length = s.trailLength;
  const hash = hashOf(s.trail, length);
  let index = hash & rules.pathMask;
  while (true) {
    const place = rules.pathPlaces + <usize>index * WORD_BYTES;
    const path = load<u32>(place);
    if (path == 0) return addPath(rules, s, hash, place);
    const row = rowAt(rules, path);
    const isSame = row.hash == hash && row.length == length;
    if (isSame && memory.compare(wordAt(rules, row.first), s.trail, (<usize>length) << 2) == 0) {
      return path;
    }
    index = (index + 1) & rules.pathMask;
  }
}

function addPath(rules: Rules, s: Subject, hash: u32, place: usize): u32 {
  if (rules.pathCount == rules.mostPaths) return 0;
  const length = s.trailLength;
  if (rules.pathWordsUsed + length > rules.mostPathWords) return 0;
  rules.pathCount++;
  const path = rules.pathCount;
  const row = rowAt(rules, path);
  row.packets = 0;
  row.bytes = 0;
  row.first = rules.pathWordsUsed;
  row.length = length;
  row.hash = hash;
  memory.copy(wordAt(rules, row.first), s.trail, (<usize>length) << 2);
  rules.pathWordsUsed += length;
  store<u32>(place, path);
  return path;
}

/** Counts packets of a flow on a path, from 1, of the program in use. Two additions. */
export function countPath(rules: Rules, path: u32, packets: u64, bytes: u64): void {
  const row = rowAt(rules, path);
  row.packets += packets;
  row.bytes += bytes;
}

/** Adds the counts of all paths to those of their rules, and zeroes them. */
export function foldPaths(rules: Rules): void {
  for (let path: u32 = 1; path <= rules.pathCount; path++) {
    const row = rowAt(rules, path);
    if (row.packets == 0) continue;
    foldPath(rules, row);
    row.packets = 0;
    row.bytes = 0;
  }
}

function foldPath(rules: Rules, row: Path): void {
  for (let i: u32 = 0; i < row.length; i++) {
    const counter = rules.counterAt(load<u32>(wordAt(rules, row.first + i)));
    store<u64>(counter, load<u64>(counter) + row.packets);
    store<u64>(counter, load<u64>(counter, 8) + row.bytes, 8);
  }
}
