/**
 * Frames out of a capture file, for tests of the core: pcap and pcapng of either byte
 * order, gzip too. A file that is cut or odd gives the frames before the oddity. Not the
 * product's reader (src/capture/), so that neither can hide a fault of the other.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const PCAP_MAGICS = [0xa1b2c3d4, 0xa1b23c4d];
const SECTION = 0x0a0d0d0a;
const SECTION_ORDER = 0x1a2b3c4d;
/** Blocks with a packet: where its length is, and where its bytes. */
const PACKET_BLOCKS: Record<number, [length: number, data: number]> = {
  2: [20, 28],
  3: [8, 12],
  6: [20, 28],
};

/** Bytes of every record, whatever its link type. */
export function captureFrames(path: string): Uint8Array[] {
  const raw = readFileSync(path);
  const file = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
  if (file.length < 24) return [];
  return file.readUInt32LE(0) === SECTION ? pcapngFrames(file) : pcapFrames(file);
}

function pcapFrames(file: Buffer): Uint8Array[] {
  const isBig = PCAP_MAGICS.includes(file.readUInt32BE(0));
  const frames: Uint8Array[] = [];
  for (let at = 24; at + 16 <= file.length;) {
    const length = isBig ? file.readUInt32BE(at + 8) : file.readUInt32LE(at + 8);
    if (at + 16 + length > file.length) break;
    frames.push(Uint8Array.from(file.subarray(at + 16, at + 16 + length)));
    at += 16 + length;
  }
  return frames;
}

function pcapngFrames(file: Buffer): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let isBig = false;
  for (let at = 0; at + 12 <= file.length;) {
    if (file.readUInt32LE(at) === SECTION) isBig = file.readUInt32BE(at + 8) === SECTION_ORDER;
    const word = (offset: number) =>
      isBig ? file.readUInt32BE(at + offset) : file.readUInt32LE(at + offset);
    const total = word(4);
    if (total < 12 || at + total > file.length) break;
    const layout = PACKET_BLOCKS[word(0)];
    if (layout !== undefined) {
      const [lengthAt, dataAt] = layout;
      const end = at + Math.min(dataAt + word(lengthAt), total - 4);
      frames.push(Uint8Array.from(file.subarray(at + dataAt, end)));
    }
    at += total;
  }
  return frames;
}
