import { closeSync, readSync } from 'node:fs';
import type { Pull } from './pull.js';

/** Where a reader's bytes come from. */
export interface ByteSource {
  /** Reads on into the front of `into`; bytes read, 0 at the end. */
  read(into: Uint8Array): number | Promise<number>;
  close(): void;
}

/** A regular file, read straight into module memory. */
export class FileSource implements ByteSource {
  /** Takes over the open descriptor, which stands at the start of the file. */
  constructor(private readonly fd: number) {}

  read(into: Uint8Array): number {
    return readSync(this.fd, into, 0, into.length, null);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Bytes that are pulled from somewhere, and copied once. */
export class PullSource implements ByteSource {
  private rest: Buffer = Buffer.alloc(0);

  constructor(
    private readonly pull: Pull,
    private readonly closing: () => void,
  ) {}

  async read(into: Uint8Array): Promise<number> {
    while (this.rest.length === 0) {
      const piece = await this.pull();
      if (piece === undefined) return 0;
      this.rest = piece;
    }
    const bytes = this.rest.copy(into);
    this.rest = this.rest.subarray(bytes);
    return bytes;
  }

  close(): void {
    this.closing();
  }
}
