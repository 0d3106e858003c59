/** Fragments of frames for tests, byte by byte: RFC 791 §3.2, RFC 8200 §4.5. */
import { slowChecksum } from './checksum.js';
import { extended, fragmentOf } from './extension.js';
import type { Frame } from './frame.js';

const L2 = 14;
const IPV6 = 40;

export interface Piece {
  offset: number;
  length: number;
}

/** Cuts `length` bytes at the given places, multiples of 8. */
export function piecesAt(length: number, cuts: readonly number[]): Piece[] {
  const ends = [...new Set(cuts.filter(cut => cut > 0 && cut < length))].sort((a, b) => a - b);
  const starts = [0, ...ends];
  return starts.map((offset, i) => ({ offset, length: (ends[i] ?? length) - offset }));
}

/** Pieces of at most `each` bytes. */
export function equalPieces(length: number, each: number): Piece[] {
  return piecesAt(
    length,
    Array.from({ length: Math.ceil(length / each) }, (_, i) => i * each),
  );
}

/** Bytes of layer 4 and what is behind, of an untagged frame without IP options. */
export function payloadOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(isV6(frame) ? L2 + IPV6 : L2 + 20);
}

export function isV6(frame: Uint8Array): boolean {
  return frame[12] === 0x86;
}

export interface Changes {
  id?: number;
  /** ECN field. */
  ecn?: number;
  /** Whether more follow; default: as the piece's place says. */
  more?: boolean;
  /** Other bytes than the frame's. */
  payload?: Uint8Array;
}

/** The frame of one fragment of `frame`. */
export function fragment(frame: Frame | Uint8Array, piece: Piece, changes: Changes = {}): Buffer {
  const bytes = frame instanceof Uint8Array ? frame : frame.bytes();
  const whole = payloadOf(bytes);
  const { offset, length } = piece;
  const { id = 1, ecn = 0, more = offset + length < whole.length } = changes;
  const payload = changes.payload ?? whole.subarray(offset, offset + length);
  if (isV6(bytes)) {
    const head = Buffer.from(bytes.subarray(0, L2 + IPV6));
    head.writeUInt16BE(payload.length, L2 + 4);
    head[L2 + 1]! |= ecn << 4;
    const chain = [fragmentOf(offset / 8, more ? 1 : 0, id)];
    return Buffer.from(extended(Buffer.concat([head, payload]), chain));
  }
  const head = Buffer.from(bytes.subarray(0, L2 + 20));
  head[L2 + 1]! |= ecn;
  head.writeUInt16BE(20 + payload.length, L2 + 2);
  head.writeUInt16BE(id, L2 + 4);
  head.writeUInt16BE((more ? 0x2000 : 0) | (offset / 8), L2 + 6);
  head.writeUInt16BE(0, L2 + 10);
  head.writeUInt16BE(slowChecksum(head.subarray(L2)), L2 + 10);
  return Buffer.concat([head, payload]);
}

/** The whole IPv4 frame as it is put together: with the fragments' identification. */
export function togetherOf(frame: Uint8Array, { id = 1, ecn = 0 } = {}): Uint8Array {
  const bytes = Buffer.from(frame);
  if (isV6(bytes)) {
    bytes[L2 + 1]! |= ecn << 4;
    return bytes;
  }
  bytes[L2 + 1]! |= ecn;
  bytes.writeUInt16BE(id, L2 + 4);
  bytes.writeUInt16BE(0, L2 + 10);
  bytes.writeUInt16BE(slowChecksum(bytes.subarray(L2, L2 + 20)), L2 + 10);
  return bytes;
}
