import { CAPTURE_RECORD_BYTES } from '../../assembly/capture-abi.js';

/** epb_flags (draft-ietf-opsawg-pcapng §4.3.1): which way a packet went. */
export enum Direction {
  Unknown = 0,
  Inbound = 1,
  Outbound = 2,
}

/** One packet to write. Make one and set its fields anew for each packet. */
export class PacketRecord {
  address = 0; // of the first byte in module memory
  length = 0; // bytes there
  originalLength = 0; // bytes on the wire; `length` unless a capture cut the packet
  port = 0; // index into the writer's interfaces
  stampLow = 0; // ns since 1970, bits 0-31: a word of the Stamps region
  stampHigh = 0; // bits 32-63
  direction = Direction.Unknown; // pcapng only
  comment = ''; // pcapng only: e.g. why the packet was dropped
}

/** Writes packets out of module memory. The same packets give the same bytes anywhere. */
export interface CaptureWriter {
  write(packet: PacketRecord): void;
  flush(): void;
  /** Flushes, and closes the file. */
  close(): void;
}

export interface WriterOptions {
  /** Bytes kept of a packet; default: all. */
  snapBytes?: number;
}

/** The snapshot length a writer works with, and announces. */
export function snapBytesOf(options: WriterOptions): number {
  return Math.min(options.snapBytes ?? CAPTURE_RECORD_BYTES, CAPTURE_RECORD_BYTES);
}

/** A Buffer over the whole of module memory: `copy` out of it allocates nothing. */
export function bufferOver(memory: Uint8Array): Buffer {
  return Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength);
}
