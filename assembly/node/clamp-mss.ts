export function clampMss(data: usize, length: u32, mtuBytes: u32, isPartial: bool): void {}
