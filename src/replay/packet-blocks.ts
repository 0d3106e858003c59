/**
 * Packets of a pcapng file as src/capture/pcapng-writer.ts writes it (little endian, one
 * section, nanoseconds), with their comments, in constant memory. For any other capture
 * there is src/capture/reader.ts.
 */
import { closeSync, openSync, readSync } from 'node:fs';

export interface WrittenPacket {
  interface: number;
  stampNs: bigint;
  data: Buffer;
  comment: string;
}

const ENHANCED_PACKET = 6;
const BLOCK_BYTES = 12;
const PACKET_HEADER_BYTES = 28;
const OPTION_COMMENT = 1;
/** The longest frame, and options. */
const MOST_BLOCK_BYTES = 1 << 19;

export class PacketBlocks {
  private readonly fd: number;
  private readonly head = Buffer.alloc(8);

  constructor(private readonly path: string) {
    this.fd = openSync(path, 'r');
  }

  close(): void {
    closeSync(this.fd);
  }

  /** The next packet; undefined at the end. */
  next(): WrittenPacket | undefined {
    for (;;) {
      const bytes = readSync(this.fd, this.head, 0, this.head.length, null);
      if (bytes === 0) return undefined;
      const length = this.head.readUInt32LE(4);
      if (bytes < this.head.length || length < BLOCK_BYTES || length > MOST_BLOCK_BYTES)
        throw this.error();
      const block = Buffer.alloc(length);
      this.head.copy(block);
      if (readSync(this.fd, block, 8, length - 8, null) < length - 8) throw this.error();
      if (block.readUInt32LE(0) === ENHANCED_PACKET) return packetOf(block);
    }
  }

  private error(): Error {
    return new Error(`${this.path}: expected a capture that sluice wrote, got a broken block`);
  }
}

function packetOf(block: Buffer): WrittenPacket {
  const length = block.readUInt32LE(20);
  const end = PACKET_HEADER_BYTES + length;
  return {
    interface: block.readUInt32LE(8),
    stampNs: (BigInt(block.readUInt32LE(12)) << 32n) | BigInt(block.readUInt32LE(16)),
    data: block.subarray(PACKET_HEADER_BYTES, end),
    comment: commentIn(block, (end + 3) & ~3),
  };
}

function commentIn(block: Buffer, options: number): string {
  for (let at = options; at + 4 <= block.length - 4;) {
    const code = block.readUInt16LE(at);
    const length = block.readUInt16LE(at + 2);
    if (code === OPTION_COMMENT) return block.toString('utf8', at + 4, at + 4 + length);
    if (code === 0) return '';
    at += 4 + ((length + 3) & ~3);
  }
  return '';
}
