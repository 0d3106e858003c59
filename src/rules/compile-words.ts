/** A program while it grows: words of 32 bits, offsets in bytes from its start. */
const FIRST_WORDS = 1 << 14;

export class Words {
  private words = new Uint32Array(FIRST_WORDS);
  private used = 0;

  /** Where the next word goes, in bytes. */
  get bytes(): number {
    return this.used * 4;
  }

  push(value: number): void {
    if (this.used === this.words.length) this.grow(1);
    this.words[this.used++] = value;
  }

  /** Takes `bytes` zeroed bytes, a multiple of 4. Returns their offset. */
  reserve(bytes: number): number {
    const at = this.bytes;
    const count = bytes / 4;
    if (this.used + count > this.words.length) this.grow(count);
    this.used += count;
    return at;
  }

  set(offset: number, value: number): void {
    this.words[offset / 4] = value;
  }

  at(offset: number): number {
    return this.words[offset / 4]!;
  }

  /** The bytes so far: little endian, as WASM reads them. */
  toBytes(): Uint8Array {
    const copy = this.words.slice(0, this.used);
    return new Uint8Array(copy.buffer);
  }

  private grow(count: number): void {
    const larger = new Uint32Array(Math.max(this.words.length * 2, this.used + count));
    larger.set(this.words);
    this.words = larger;
  }
}

/** Four bytes in wire order as a number. */
export function wordOf(bytes: Uint8Array): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

/** 16 bytes in wire order as four numbers that a program lays down as those bytes. */
export function wordsOf(bytes: Uint8Array): number[] {
  return [0, 4, 8, 12].map(
    at =>
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0,
  );
}
