/**
 * Shares: what a line of a balanced flow counts on: a backend's packets of one direction, met
 * by one path of rules (rules/path.ts). A line holds a share where others hold a path; the
 * short way costs the same two additions. `foldShares` passes the sums on.
 *
 * Taking a backend away makes its shares stale: lines that hold them are judged at their next
 * packet, and nobody else is touched. Key: path and backend in full. A row ends with the last
 * line that holds it.
 */
import { Capacity } from '../abi';
import { Core, SHARE_BYTES } from '../memory';
import { countPath } from '../rules/path';
import { Rules } from '../rules/rules';
import { Backend } from './backend';
import { Buckets } from './buckets';

/** A line's `path` from here on is a share. */
export const FIRST_SHARE: u32 = 1 << 31;
/** Bits of an owner: its backend was taken away; packets reach that unchanged. */
const GONE: u32 = 1 << 31;
const DIRECT: u32 = 1 << 30;
const INDEX_MASK: u32 = DIRECT - 1;
const PATH_SHIFT: u64 = 32;

@unmanaged
class Share {
  packets: u64;
  bytes: u64;
  path: u32;
  /** Backend's number << 1 | 1 of answers; above, GONE and DIRECT. */
  owner: u32;
  /** Lines; 0: free. */
  holders: u32;
  /** The next of its backend, or free one, + 1. */
  next: u32;

  get isGone(): bool {
    return (this.owner & GONE) != 0;
  }

  get backendIndex(): u32 {
    return (this.owner & INDEX_MASK) >> 1;
  }
}

if (offsetof<Share>() != SHARE_BYTES) ERROR('Share must be SHARE_BYTES long');

function shareAt(core: Core, id: u32): Share {
  return changetype<Share>(core.shareRows + <usize>(id & ~FIRST_SHARE) * SHARE_BYTES);
}

function keyOf(path: u32, owner: u32): u64 {
  return ((<u64>path + 1) << PATH_SHIFT) | owner;
}

/** A share for one more line; 0: there is no room. */
export function holdShare(core: Core, backend: Backend, isReply: bool, path: u32): u32 {
  const owner = (backend.index << 1) | u32(isReply) | (backend.isDirect ? DIRECT : 0);
  const shares = Buckets.at(core.shares);
  const found = shares.lookup(keyOf(path, owner));
  if (found != 0) {
    const index = load<u32>(found);
    shareAt(core, index).holders++;
    return FIRST_SHARE | index;
  }
  const index = core.shareFree != 0 ? core.shareFree - 1 : core.sharesUsed;
  if (index >= core.capacity(Capacity.Shares)) return 0;
  if (!shares.insert(keyOf(path, owner), index)) return 0;
  const row = shareAt(core, index);
  if (core.shareFree != 0) core.shareFree = row.next;
  else core.sharesUsed++;
  row.packets = 0;
  row.bytes = 0;
  row.path = path;
  row.owner = owner;
  row.holders = 1;
  row.next = backend.shares;
  backend.shares = index + 1;
  return FIRST_SHARE | index;
}

/** One line less; `id` may be a path. */
export function releaseShare(core: Core, id: u32): void {
  if (id < FIRST_SHARE) return;
  const row = shareAt(core, id);
  if (--row.holders != 0) return;
  if (!row.isGone) {
    fold(core, row);
    unlink(core, row, id & ~FIRST_SHARE);
    forget(core, row, id & ~FIRST_SHARE);
  }
  row.next = core.shareFree;
  core.shareFree = (id & ~FIRST_SHARE) + 1;
}

/** Whether the backend of a share was taken away. */
export function isShareStale(core: Core, id: u32): bool {
  return shareAt(core, id).isGone;
}

/** The backend of a share; null: it was taken away, or `id` is no share. */
export function backendOfShare(core: Core, id: u32): Backend {
  if (id < FIRST_SHARE || shareAt(core, id).isGone) return changetype<Backend>(0);
  return Backend.at(core.backends, shareAt(core, id).backendIndex);
}

/** Whether a line's packets reach their backend unchanged, so that its answers go another way. */
export function isDirectShare(core: Core, id: u32): bool {
  return id >= FIRST_SHARE && (shareAt(core, id).owner & DIRECT) != 0;
}

/** Counts packets of a line on its path, from 1, or its share. */
export function countOn(core: Core, id: u32, packets: u32, bytes: u32): void {
  if (id < FIRST_SHARE) return countPath(Rules.at(core.rules), id, packets, bytes);
  const row = shareAt(core, id);
  row.packets += packets;
  row.bytes += bytes;
}

function countOnBackend(backend: Backend, isReply: bool, packets: u64, bytes: u64): void {
  if (isReply) {
    backend.outPackets += packets;
    backend.outBytes += bytes;
  } else {
    backend.inPackets += packets;
    backend.inBytes += bytes;
  }
}

function fold(core: Core, row: Share): void {
  if (row.packets == 0) return;
  countOnBackend(
    Backend.at(core.backends, row.backendIndex),
    (row.owner & 1) != 0,
    row.packets,
    row.bytes,
  );
  if (row.path != 0) countPath(Rules.at(core.rules), row.path, row.packets, row.bytes);
  row.packets = 0;
  row.bytes = 0;
}

/** Passes on what all shares have counted. */
export function foldShares(core: Core): void {
  for (let index: u32 = 0; index < core.sharesUsed; index++) {
    const row = shareAt(core, index);
    if (row.holders != 0 && !row.isGone) fold(core, row);
  }
}

/** Paths have become others: all shares, folded before, are of none. */
export function leavePaths(core: Core): void {
  for (let index: u32 = 0; index < core.sharesUsed; index++) {
    const row = shareAt(core, index);
    if (row.holders == 0 || row.isGone || row.path == 0) continue;
    forget(core, row, index);
    row.path = 0;
  }
}

/** Makes the shares of a backend stale, which is being taken away. */
export function retireShares(core: Core, backend: Backend): void {
  let next = backend.shares;
  while (next != 0) {
    const row = shareAt(core, next - 1);
    fold(core, row);
    forget(core, row, next - 1);
    row.owner |= GONE;
    next = row.next;
  }
  backend.shares = 0;
}

/** Takes a share out of those that are found, if it is that. */
function forget(core: Core, row: Share, index: u32): void {
  const shares = Buckets.at(core.shares);
  const found = shares.lookup(keyOf(row.path, row.owner));
  if (found != 0 && load<u32>(found) == index) shares.removeAt(found);
}

/** Takes a share out of its backend's list. */
function unlink(core: Core, row: Share, index: u32): void {
  const backend = Backend.at(core.backends, row.backendIndex);
  if (backend.shares == index + 1) {
    backend.shares = row.next;
    return;
  }
  for (let at = backend.shares; at != 0;) {
    const other = shareAt(core, at - 1);
    if (other.next == index + 1) {
      other.next = row.next;
      return;
    }
    at = other.next;
  }
}
