/**
 * What waits for a neighbour: copies of whole frames (table/waiting.ts), sent in the order
 * they came once its MAC address is known, or dropped by name when it does not answer.
 *
 * In the books a packet that waits is consumed; what becomes of it later is a copy more that
 * is sent, or dropped at the expense of the port it came from. Frames that end late have
 * LATE_FATES descriptors a batch (adjacent.ts); without one a frame goes on waiting, or is counted alone.
 *
 * Drops: NeighbourFailed, NeighbourQueueFull.
 */
import { CoreCounter, DROPPED_BYTES, Drop, Dropped, OWN_ACCORD, PortCounter } from '../abi';
import { AdjacencyState } from '../adjacency-abi';
import { Core, count } from '../memory';
import { Packet, reserve } from '../packet';
import { Adjacencies, Adjacency } from '../table/adjacency';
import { retryAdjacency, useAdjacency } from '../table/adjacency-state';
import { Port } from '../table/port';
import {
  MOST_BLOCKS,
  MOST_WAITING,
  blocksOf,
  copyWaiting,
  putWaiting,
  shiftWaiting,
  waitingBytes,
  waitingFlags,
  waitingPort,
} from '../table/waiting';
import { RETRY_MS, askNow } from './adjacent';
import { CONSUMED } from './outer';

/**
 * Lets a packet wait for a neighbour that is not open; asks for that if nobody did. Returns
 * CONSUMED, which the caller counts, or a reason.
 */
export function queueOn(core: Core, p: Packet, row: Adjacency): Drop {
  const table = Adjacencies.at(core.adjacencies);
  if (row.state == AdjacencyState.Failed) {
    if (core.nowMs - row.askedMs < RETRY_MS) return Drop.NeighbourFailed;
    retryAdjacency(core, row);
  }
  const needed = blocksOf(p);
  while (row.waiting != 0 && isFull(table, row, needed)) {
    giveUp(core, row, Drop.NeighbourQueueFull);
  }
  if (table.pool.left < needed) return Drop.NeighbourQueueFull;
  putWaiting(table.pool, row, p);
  table.list(row);
  if (row.state == AdjacencyState.Incomplete && row.asks == 0) askNow(core, p.origin, row);
  return CONSUMED;
}

function isFull(table: Adjacencies, row: Adjacency, needed: u32): bool {
  const isOver = row.waiting == MOST_WAITING || row.blocks + needed > MOST_BLOCKS;
  return isOver || table.pool.left < needed;
}

/**
 * Takes the oldest frame that waits. Returns its address in the batch's copies, with
 * headroom; what `Adjacencies.frame…` say is of it, and its virtio header lies before it if
 * it has one. 0: none waits, or this batch has no room for it and it goes on waiting. To a
 * Stale neighbour this is a use.
 */
export function takeQueued(core: Core, row: Adjacency): usize {
  const frame = take(core, row);
  if (frame != 0) useAdjacency(core, row);
  return frame;
}

function take(core: Core, row: Adjacency): usize {
  const table = Adjacencies.at(core.adjacencies);
  if (row.waiting == 0 || table.fatesLeft == 0) return 0;
  const pool = table.pool;
  const bytes = waitingBytes(pool, row);
  const frame = reserve(core, bytes);
  if (frame == 0) return 0;
  copyWaiting(pool, row, frame);
  table.frameBytes = bytes;
  table.frameFlags = waitingFlags(pool, row);
  table.framePort = waitingPort(pool, row);
  table.fatesLeft--;
  shiftWaiting(pool, row);
  return frame;
}

/** Drops the frame that was taken last, which is at `frame`. */
export function dropTaken(core: Core, frame: usize, reason: Drop): void {
  const table = Adjacencies.at(core.adjacencies);
  const at = core.droppedEnd;
  store<u32>(at, <u32>frame, Dropped.Data);
  store<u32>(at, table.frameBytes, Dropped.Length);
  store<u16>(at, <u16>table.framePort, Dropped.Port);
  store<u16>(at, <u16>reason, Dropped.Reason);
  store<u32>(at, OWN_ACCORD, Dropped.Origin);
  core.droppedEnd = at + DROPPED_BYTES;
  book(core, table.framePort, reason);
}

/** Drops all that waits for a neighbour. */
export function dropQueued(core: Core, row: Adjacency, reason: Drop): void {
  while (row.waiting != 0) giveUp(core, row, reason);
}

/** Counts all that waits for a neighbour as dropped: between batches, nobody shows it. */
export function loseQueued(core: Core, row: Adjacency, reason: Drop): void {
  while (row.waiting != 0) lose(core, row, reason);
}

function giveUp(core: Core, row: Adjacency, reason: Drop): void {
  const frame = take(core, row);
  if (frame != 0) dropTaken(core, frame, reason);
  else lose(core, row, reason);
}

function lose(core: Core, row: Adjacency, reason: Drop): void {
  const pool = Adjacencies.at(core.adjacencies).pool;
  const port = waitingPort(pool, row);
  shiftWaiting(pool, row);
  book(core, port, reason);
}

function book(core: Core, port: u32, reason: Drop): void {
  count(Port.at(core.ports, port).counters, PortCounter.Drops + reason, 1);
  count(core.coreCounters, CoreCounter.Copies, 1);
  count(core.coreCounters, CoreCounter.Dropped, 1);
}
