/**
 * SCTP common header and chunks, RFC 9260 §3.
 *
 *   bytes 0-1    source port, big endian
 *   bytes 2-3    destination port, big endian
 *   bytes 4-7    verification tag: what the receiver has chosen
 *   bytes 8-11   CRC32c: wire/crc32c.ts
 *   then chunks, each at a multiple of 4:
 *     byte 0       type
 *     byte 1       flags; bit 0 (T) of ABORT and SHUTDOWN COMPLETE: the tag is the sender's own
 *     bytes 2-3    length without padding, these four bytes too, big endian
 *     bytes 4-7    of INIT and INIT ACK: the tag that its sender has chosen
 */
export const CHUNK_DATA: u32 = 0;
export const CHUNK_INIT: u32 = 1;
export const CHUNK_INIT_ACK: u32 = 2;
export const CHUNK_HEARTBEAT: u32 = 4;
export const CHUNK_HEARTBEAT_ACK: u32 = 5;
export const CHUNK_ABORT: u32 = 6;
export const CHUNK_SHUTDOWN: u32 = 7;
export const CHUNK_SHUTDOWN_ACK: u32 = 8;
export const CHUNK_ERROR: u32 = 9;
export const CHUNK_COOKIE_ECHO: u32 = 10;
export const CHUNK_COOKIE_ACK: u32 = 11;
export const CHUNK_SHUTDOWN_COMPLETE: u32 = 14;

const FLAG_T: u32 = 1;
const PADDING: u32 = 3;

@unmanaged
export class Sctp {
  private sourceBe: u16;
  private destinationBe: u16;
  /** As it is loaded. */
  tag: u32;
  private checksum: u32;

  /** Views SCTP_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Sctp {
    return changetype<Sctp>(ptr);
  }
}

/** Bytes of the common header. */
export const SCTP_BYTES: u32 = offsetof<Sctp>();
if (SCTP_BYTES != 12) ERROR('Sctp must be 12 bytes');

@unmanaged
export class Chunk {
  private typeField: u8;
  private flags: u8;
  private lengthBe: u16;

  /** Views CHUNK_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Chunk {
    return changetype<Chunk>(ptr);
  }

  get type(): u32 {
    return this.typeField;
  }

  /** Whether the packet's tag is the one of its sender. */
  get isTagReflected(): bool {
    return (this.flags & FLAG_T) != 0;
  }

  get bytes(): u32 {
    return bswap<u16>(this.lengthBe);
  }

  /** Bytes to the next chunk. */
  get paddedBytes(): u32 {
    return (this.bytes + PADDING) & ~PADDING;
  }

  /** INIT and INIT ACK, of INIT_BYTES at least: as it is loaded. */
  get initiateTag(): u32 {
    return load<u32>(changetype<usize>(this), CHUNK_BYTES);
  }
}

/** Bytes of a chunk's header, and of an INIT or INIT ACK without parameters. */
export const CHUNK_BYTES: u32 = offsetof<Chunk>();
export const INIT_BYTES: u32 = 20;
if (CHUNK_BYTES != 4) ERROR('Chunk must be 4 bytes');
