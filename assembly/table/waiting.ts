/**
 * Waiting: frames that wait for a neighbour's MAC address, longer than their batch, in blocks
 * of a pool (pool.ts). The frames of one neighbour are a list, oldest first; a frame is a
 * list of blocks.
 *
 *   every block   bytes 0-3    next block of the frame; 0: none
 *   the first     bytes 4-7    first block of the next frame; 0: none
 *                 bytes 8-11   bytes of the frame
 *                 bytes 12-13  index of the port it came from
 *                 bytes 14-15  RxFlag: Offload, then the virtio header lies before the frame
 *   then          content
 *
 * A frame of up to 2022 bytes with its virtio header takes one block, one of 64 KiB 33. A
 * neighbour has up to MOST_WAITING frames and MOST_BLOCKS blocks, what Linux grants one
 * (101 frames, 212992 bytes).
 */
import { RxFlag, VNET_BYTES } from '../abi';
import { Packet } from '../packet';
import { BLOCK_BYTES, Pool } from '../pool';
import { Adjacency } from './adjacency-row';

export const MOST_WAITING: u32 = 101;
export const MOST_BLOCKS: u32 = 104;

const NEXT_FRAME_OFFSET: usize = 4;
const BYTES_OFFSET: usize = 8;
const PORT_OFFSET: usize = 12;
const FLAGS_OFFSET: usize = 14;
const FIRST_OFFSET: u32 = 16;
const LATER_OFFSET: u32 = 4;
const KEPT_FLAGS: u32 = RxFlag.Offload;

/** Blocks that a packet takes. */
export function blocksOf(p: Packet): u32 {
  return blocksFor(p.length + vnetBytesOf(p.flags));
}

function blocksFor(bytes: u32): u32 {
  const first = BLOCK_BYTES - FIRST_OFFSET;
  if (bytes <= first) return 1;
  const later = BLOCK_BYTES - LATER_OFFSET;
  return 1 + (bytes - first + later - 1) / later;
}

function vnetBytesOf(flags: u32): u32 {
  return (flags & RxFlag.Offload) != 0 ? VNET_BYTES : 0;
}

/** Puts a copy of a packet behind what waits for a neighbour. The pool has the blocks. */
export function putWaiting(pool: Pool, row: Adjacency, p: Packet): void {
  const first = pool.take();
  const at = pool.addressOf(first);
  store<u32>(at, 0, NEXT_FRAME_OFFSET);
  store<u32>(at, p.length, BYTES_OFFSET);
  store<u16>(at, <u16>p.port.index, PORT_OFFSET);
  store<u16>(at, <u16>(p.flags & KEPT_FLAGS), FLAGS_OFFSET);
  const vnet = vnetBytesOf(p.flags);
  fill(pool, first, <usize>p.data - vnet, p.length + vnet);
  if (row.waiting == 0) row.firstWaiting = first;
  else store<u32>(pool.addressOf(row.lastWaiting), first, NEXT_FRAME_OFFSET);
  row.lastWaiting = first;
  row.waiting++;
  row.blocks += blocksOf(p);
}

/** Copies `bytes` bytes into a block and as many more as that takes. */
function fill(pool: Pool, first: u32, from: usize, bytes: u32): void {
  let at = pool.addressOf(first);
  let offset = FIRST_OFFSET;
  let done: u32 = 0;
  while (true) {
    const part = min(bytes - done, BLOCK_BYTES - offset);
    memory.copy(at + offset, from + done, part);
    done += part;
    if (done == bytes) break;
    const next = pool.take();
    assert(next != 0);
    store<u32>(at, next);
    at = pool.addressOf(next);
    offset = LATER_OFFSET;
  }
  store<u32>(at, 0);
}

/** Of the oldest that waits: bytes, port, RxFlag. */
export function waitingBytes(pool: Pool, row: Adjacency): u32 {
  return load<u32>(pool.addressOf(row.firstWaiting), BYTES_OFFSET);
}

export function waitingPort(pool: Pool, row: Adjacency): u32 {
  return load<u16>(pool.addressOf(row.firstWaiting), PORT_OFFSET);
}

export function waitingFlags(pool: Pool, row: Adjacency): u32 {
  return load<u16>(pool.addressOf(row.firstWaiting), FLAGS_OFFSET);
}

/** Copies the oldest to `to`; its virtio header, if it has one, lies right before then. */
export function copyWaiting(pool: Pool, row: Adjacency, to: usize): void {
  const vnet = vnetBytesOf(waitingFlags(pool, row));
  const bytes = waitingBytes(pool, row) + vnet;
  let at = pool.addressOf(row.firstWaiting);
  let offset = FIRST_OFFSET;
  for (let done: u32 = 0; done < bytes;) {
    const part = min(bytes - done, BLOCK_BYTES - offset);
    memory.copy(to - vnet + done, at + offset, part);
    done += part;
    if (done == bytes) return;
    at = pool.addressOf(load<u32>(at));
    offset = LATER_OFFSET;
  }
}

/** Takes the oldest out. */
export function shiftWaiting(pool: Pool, row: Adjacency): void {
  let block = row.firstWaiting;
  row.firstWaiting = load<u32>(pool.addressOf(block), NEXT_FRAME_OFFSET);
  row.waiting--;
  while (block != 0) {
    const next = load<u32>(pool.addressOf(block));
    pool.give(block);
    row.blocks--;
    block = next;
  }
}
