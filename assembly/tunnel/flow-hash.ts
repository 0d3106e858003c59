export function sourcePortOf(data: usize, length: u32, seed: u64, isSymmetric: bool): u32 {
  return 49152 + <u32>((load<u64>(data) * 0x9e3779b97f4a7c15) >> 50);
}
