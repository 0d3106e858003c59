/** SCTP packets for tests, RFC 9260 §3, with the right CRC32c. */
import type { Frame } from './frame.js';

export const SCTP = 132;
/** Chunk types. */
export const CHUNK = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  ecne: 12,
  shutdownComplete: 14,
} as const;
export type ChunkName = keyof typeof CHUNK;
/** Bytes of a chunk's value that its type needs at least. */
const VALUE_BYTES: Partial<Record<ChunkName, number>> = {
  data: 13,
  init: 16,
  initAck: 16,
  sack: 12,
  heartbeat: 8,
  heartbeatAck: 8,
  shutdown: 4,
  error: 4,
  cookieEcho: 8,
  ecne: 4,
};
const HEADER_BYTES = 12;
const CHUNK_BYTES = 4;
const CHECKSUM_AT = 8;

export interface ChunkOptions {
  /** Of INIT and INIT ACK: the tag its sender chooses. */
  initiateTag?: number;
  flags?: number;
  /** Bytes of the value that are there, and what the length says instead. */
  valueBytes?: number;
  length?: number;
}

/** One chunk, padded to a multiple of 4. */
export function chunk(name: ChunkName, options: ChunkOptions = {}): Uint8Array {
  const { initiateTag = 0, flags = 0, valueBytes = VALUE_BYTES[name] ?? 0 } = options;
  const bytes = Buffer.alloc((CHUNK_BYTES + valueBytes + 3) & ~3);
  bytes.set([CHUNK[name], flags]);
  bytes.writeUInt16BE(options.length ?? CHUNK_BYTES + valueBytes, 2);
  if (valueBytes >= 4 && (name === 'init' || name === 'initAck')) {
    bytes.writeUInt32BE(initiateTag, CHUNK_BYTES);
  }
  return bytes;
}

/** Puts an SCTP packet into a frame that has addresses. */
export function sctp(
  frame: Frame,
  ports: readonly [source: number, destination: number],
  tag: number,
  ...chunks: Uint8Array[]
): Frame {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(ports[0], 0);
  header.writeUInt16BE(ports[1], 2);
  header.writeUInt32BE(tag, 4);
  const whole = Buffer.concat([header, ...chunks]);
  whole.writeUInt32LE(slowCrc32c(whole), CHECKSUM_AT);
  return frame.layer4(SCTP, whole);
}

/** Whether the checksum of an SCTP packet is right. */
export function isSctpSound(packet: Uint8Array): boolean {
  const bytes = Buffer.from(packet);
  const said = bytes.readUInt32LE(CHECKSUM_AT);
  bytes.writeUInt32LE(0, CHECKSUM_AT);
  return slowCrc32c(bytes) === said;
}

/** RFC 9260 appendix A, a bit at a time. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f63b78);
  }
  return ~crc >>> 0;
}
