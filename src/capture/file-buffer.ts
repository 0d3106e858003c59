import { closeSync, openSync, writeSync } from 'node:fs';
import { codeOf } from './capture-error.js';

const CAPACITY_BYTES = 1 << 20;
const RETRY_MS = 1;

/** Collects bytes in one buffer that is written out when it is full. */
export class FileBuffer {
  readonly bytes = Buffer.alloc(CAPACITY_BYTES);
  /** Of `bytes`, for numbers. */
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, CAPACITY_BYTES);
  private used = 0;

  /** Takes over an open descriptor. `name` is for messages. */
  constructor(
    private readonly fd: number,
    private readonly name: string,
  ) {}

  /** A new file, or the old one emptied. */
  static create(path: string): FileBuffer {
    try {
      return new FileBuffer(openSync(path, 'w'), path);
    } catch (error) {
      throw new Error(`open ${path}: ${codeOf(error)}`);
    }
  }

  /** Where to write at most `bytes` now: a place in `this.bytes`, good until `commit`. */
  reserve(bytes: number): number {
    if (this.used + bytes > CAPACITY_BYTES) this.flush();
    return this.used;
  }

  /** Keeps `bytes` of what was reserved. */
  commit(bytes: number): void {
    this.used += bytes;
  }

  flush(): void {
    let from = 0;
    while (from < this.used) from += this.writeFrom(from);
    this.used = 0;
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }

  private writeFrom(from: number): number {
    try {
      return writeSync(this.fd, this.bytes, from, this.used - from);
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'EAGAIN') throw new Error(`write ${this.name}: ${code}`);
      pause(); // a full pipe that does not block
      return 0;
    }
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
}
