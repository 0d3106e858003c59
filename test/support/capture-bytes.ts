/** Builds capture files byte by byte, in either byte order, right or wrong. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Writes numbers of one byte order. */
export class Bytes {
  private readonly parts: Buffer[] = [];

  constructor(readonly isBig: boolean) {}

  u16(...values: number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(2);
      if (this.isBig) part.writeUInt16BE(value);
      else part.writeUInt16LE(value);
      this.parts.push(part);
    }
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(4);
      if (this.isBig) part.writeUInt32BE(value >>> 0);
      else part.writeUInt32LE(value >>> 0);
      this.parts.push(part);
    }
    return this;
  }

  /** Two words as pcapng has its stamps: the high one first. */
  stamp(ticks: bigint): this {
    return this.u32(Number(ticks >> 32n), Number(ticks & 0xffffffffn));
  }

  raw(bytes: Uint8Array): this {
    this.parts.push(Buffer.from(bytes));
    return this;
  }

  padded(bytes: Uint8Array): this {
    return this.raw(bytes).raw(Buffer.alloc(-bytes.length & 3));
  }

  done(): Buffer {
    return Buffer.concat(this.parts);
  }
}

export interface TestRecord {
  seconds: number;
  fraction: number;
  data: Buffer;
  original?: number;
}

export interface PcapHead {
  isBig?: boolean;
  magic?: number;
  version?: [number, number];
  linkType?: number;
}

export const MAGIC_US = 0xa1b2c3d4;
export const MAGIC_NS = 0xa1b23c4d;

/** A classic pcap. */
export function pcap(records: TestRecord[], head: PcapHead = {}): Buffer {
  const bytes = new Bytes(head.isBig ?? false);
  bytes.u32(head.magic ?? MAGIC_US).u16(...(head.version ?? [2, 4]));
  bytes.u32(0, 0, 65535, head.linkType ?? 1);
  for (const { seconds, fraction, data, original } of records) {
    bytes.u32(seconds, fraction, data.length, original ?? data.length).raw(data);
  }
  return bytes.done();
}

/** pcapng blocks of one byte order. */
export class Blocks {
  constructor(readonly isBig = false) {}

  bytes(): Bytes {
    return new Bytes(this.isBig);
  }

  block(type: number, body: Buffer): Buffer {
    const total = body.length + 12;
    return this.bytes().u32(type, total).raw(body).u32(total).done();
  }

  section(minor = 0): Buffer {
    const body = this.bytes().u32(0x1a2b3c4d).u16(1, minor).u32(0xffffffff, 0xffffffff);
    return this.block(0x0a0d0d0a, body.done());
  }

  option(code: number, value: Buffer): Buffer {
    return this.bytes().u16(code, value.length).padded(value).done();
  }

  interface(options: Buffer[] = [], linkType = 1, snapBytes = 0): Buffer {
    const body = this.bytes().u16(linkType, 0).u32(snapBytes);
    for (const option of options) body.raw(option);
    return this.block(1, body.done());
  }

  enhanced(index: number, ticks: bigint, data: Buffer, options: Buffer[] = []): Buffer {
    const body = this.bytes().u32(index).stamp(ticks).u32(data.length, data.length).padded(data);
    for (const option of options) body.raw(option);
    return this.block(6, body.done());
  }

  obsolete(index: number, ticks: bigint, data: Buffer): Buffer {
    const body = this.bytes().u16(index, 7).stamp(ticks).u32(data.length, data.length);
    return this.block(2, body.padded(data).done());
  }

  simple(original: number, data: Buffer): Buffer {
    return this.block(3, this.bytes().u32(original).padded(data).done());
  }
}

/** A frame of `length` bytes that tells which one it is. */
export function frame(length: number, first: number): Buffer {
  return Buffer.alloc(length, (first * 7 + 1) & 0xff);
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-capture-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** A path for a temporary file, which is gone when the tests end. */
export function temporaryPath(suffix = 'cap'): string {
  return join(folder, `${++files}.${suffix}`);
}

/** Writes a temporary file; its path. */
export function temporaryFile(bytes: Buffer): string {
  const path = temporaryPath();
  writeFileSync(path, bytes);
  return path;
}
