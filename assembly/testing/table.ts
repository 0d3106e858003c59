/** Doors to table/. */
import { Core } from '../memory';
import { Pool } from '../pool';
import { Fragments } from '../table/fragments';

export function fragmentsBytes(datagrams: u32, blocks: u32): usize {
  return Fragments.bytesFor(datagrams, blocks);
}

export function createFragments(table: usize, datagrams: u32, blocks: u32): void {
  Fragments.create(table, datagrams, blocks, 0x5eed5eed5eed5eed);
}

export function addFragment(core: usize, table: usize, ip: usize, bytes: u32, scope: u32): usize {
  return Fragments.at(table).add(Core.at(core), ip, bytes, scope);
}

export function expireFragments(table: usize, nowMs: u32, most: u32): void {
  Fragments.at(table).expire(nowMs, most);
}

/** Bytes of the last frame, waiting, completed, expired, evicted, refused: to `out`. */
export function readFragments(table: usize, out: usize): void {
  const fragments = Fragments.at(table);
  store<u32>(out, fragments.frameBytes);
  store<u32>(out, fragments.waiting, 4);
  store<u32>(out, fragments.completed, 8);
  store<u32>(out, fragments.expired, 12);
  store<u32>(out, fragments.evicted, 16);
  store<u32>(out, fragments.refused, 20);
}

export function poolBytes(blocks: u32): usize {
  return Pool.bytesFor(blocks);
}

export function createPool(pool: usize, blocks: u32): void {
  Pool.create(pool, blocks);
}

export function takeBlock(pool: usize): u32 {
  return Pool.at(pool).take();
}

export function giveBlock(pool: usize, block: u32): void {
  Pool.at(pool).give(block);
}

export function blocksLeft(pool: usize): u32 {
  return Pool.at(pool).left;
}

export function blockAddress(pool: usize, block: u32): usize {
  return Pool.at(pool).addressOf(block);
}
