/** Doors to tunnel/. Seeds come in two halves: no u64 at the boundary. */
import { sourcePortOf } from '../tunnel/flow-hash';

export function flowPort(
  frame: usize,
  length: u32,
  seedLow: u32,
  seedHigh: u32,
  isSymmetric: bool,
): u32 {
  return sourcePortOf(frame, length, (<u64>seedLow) | ((<u64>seedHigh) << 32), isSymmetric);
}

/** Hashes frames of `stride` bytes from `frames` on, for a benchmark. Returns their sum. */
export function hashOften(frames: usize, count: u32, stride: u32, isSymmetric: bool): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    sum += sourcePortOf(frames + i * stride, stride, 0x5eed5eed5eed5eed, isSymmetric);
  }
  return sum;
}
