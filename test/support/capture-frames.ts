/** Frames of captures, in hexadecimal. */
import { readFileSync } from 'node:fs';
import { PacketBlocks } from '../../src/replay/packet-blocks.js';

/** Frames that a replay wrote, in hexadecimal. */
export function framesOf(file: string): string[] {
  const blocks = new PacketBlocks(file);
  const frames: string[] = [];
  for (let packet = blocks.next(); packet !== undefined; packet = blocks.next()) {
    frames.push(packet.data.toString('hex'));
  }
  blocks.close();
  return frames;
}

/** Frames of a classic little-endian pcap, read without any of the project's readers. */
export function pcapFrames(file: string): string[] {
  const bytes = readFileSync(file);
  const frames: string[] = [];
  for (let at = 24; at < bytes.length;) {
    const length = bytes.readUInt32LE(at + 8);
    frames.push(bytes.toString('hex', at + 16, at + 16 + length));
    at += 16 + length;
  }
  return frames;
}
