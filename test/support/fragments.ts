/** Cuts a packet into fragments, as a router (IPv4) or its sender (IPv6) would. */
import { slowChecksum } from './checksum.js';

const ETHERNET = 14;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const FRAGMENT_HEADER_BYTES = 8;
const FRAGMENT = 44; // RFC 8200 §4.5
const MORE = 0x2000;
const UNIT_BYTES = 8;

/** Frames that carry `each` bytes (a multiple of 8) of the IP payload of `frame`. */
export function fragmentsOf(frame: Uint8Array, each: number, id = 0x1234): Uint8Array[] {
  if (each % UNIT_BYTES !== 0) throw new Error(`test: fragments of ${each} bytes`);
  const isIpv6 = frame[ETHERNET]! >> 4 === 6;
  const head = ETHERNET + (isIpv6 ? IPV6_BYTES : IPV4_BYTES);
  const payload = frame.subarray(head);
  const starts = Array.from({ length: Math.ceil(payload.length / each) }, (_, i) => i * each);
  return starts.map(start => {
    const piece = { start, id, hasMore: start + each < payload.length };
    const bytes = payload.subarray(start, start + each);
    return isIpv6 ? ipv6Of(frame, bytes, piece) : ipv4Of(frame, bytes, piece);
  });
}

interface Piece {
  start: number;
  id: number;
  hasMore: boolean;
}

function ipv4Of(frame: Uint8Array, payload: Uint8Array, piece: Piece): Uint8Array {
  const bytes = Buffer.concat([frame.subarray(0, ETHERNET + IPV4_BYTES), payload]);
  const ip = bytes.subarray(ETHERNET, ETHERNET + IPV4_BYTES);
  ip.writeUInt16BE(bytes.length - ETHERNET, 2);
  ip.writeUInt16BE(piece.id, 4);
  ip.writeUInt16BE((piece.hasMore ? MORE : 0) | (piece.start / UNIT_BYTES), 6);
  ip.writeUInt16BE(0, 10);
  ip.writeUInt16BE(slowChecksum(ip), 10);
  return Uint8Array.from(bytes);
}

function ipv6Of(frame: Uint8Array, payload: Uint8Array, piece: Piece): Uint8Array {
  const header = Buffer.alloc(FRAGMENT_HEADER_BYTES);
  header[0] = frame[ETHERNET + 6]!;
  header.writeUInt16BE(piece.start | (piece.hasMore ? 1 : 0), 2);
  header.writeUInt32BE(piece.id, 4);
  const bytes = Buffer.concat([frame.subarray(0, ETHERNET + IPV6_BYTES), header, payload]);
  bytes.writeUInt16BE(FRAGMENT_HEADER_BYTES + payload.length, ETHERNET + 4);
  bytes[ETHERNET + 6] = FRAGMENT;
  return Uint8Array.from(bytes);
}
