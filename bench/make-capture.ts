/**
 * Writes a capture of made-up traffic, the same for the same seed: UDP over IPv4 between
 * HOSTS hosts of one segment, frames of 64 to 1514 bytes, about 0.5 µs apart.
 *
 *     node dist/bench/make-capture.js big.pcap 4000000000 1
 */
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import {
  type CaptureWriter,
  FileBuffer,
  PacketRecord,
  PcapWriter,
  PcapngWriter,
} from '../src/capture/index.js';

export interface MadeCapture {
  packets: number;
  bytes: number;
}

const HOSTS = 256;
const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const HEADER_BYTES = ETHERNET_BYTES + IPV4_BYTES + 8;
const MAX_BYTES = 1514;
const RECORD_BYTES = 16;
const FILE_HEADER_BYTES = 24;
const FIRST_SECOND = 1_700_000_000n;
const GAP_NS = 500;
const FIRST_PORT = 49152;
const DISCARD_PORT = 9; // RFC 863: no tool takes the payload for something else

/** Frame sizes in steps of one in ten: half are small, a third are full. */
const SIZES = [64, 64, 64, 80, 128, 256, 576, 1280, 1514, 1514];

/** Writes at least `bytes`, to the end of a record: pcapng where `path` ends so, or pcap. */
export function makeCapture(path: string, bytes: number, seed: number): MadeCapture {
  const frame = Buffer.alloc(MAX_BYTES, 'sluice ');
  const random = xorshift(seed);
  const writer = openWriter(path, frame);
  const packet = new PacketRecord();
  const made = { packets: 0, bytes: FILE_HEADER_BYTES };
  let stampNs = FIRST_SECOND * 1_000_000_000n;
  while (made.bytes < bytes) {
    const length = SIZES[random() % SIZES.length];
    writeHeaders(frame, length, random());
    packet.length = length;
    packet.originalLength = length;
    packet.stampLow = Number(stampNs & 0xffffffffn);
    packet.stampHigh = Number(stampNs >> 32n);
    writer.write(packet);
    stampNs += BigInt((random() % GAP_NS) + GAP_NS / 2);
    made.packets++;
    made.bytes += RECORD_BYTES + length;
  }
  writer.close();
  return made;
}

function openWriter(path: string, frame: Buffer): CaptureWriter {
  const file = FileBuffer.create(path);
  if (!path.endsWith('.pcapng')) return new PcapWriter(frame, file);
  return new PcapngWriter(frame, file, { ports: ['p0'] });
}

/** Ethernet, IPv4 and UDP (without checksum, RFC 768) of a flow chosen by `bits`. */
function writeHeaders(frame: Buffer, length: number, bits: number): void {
  const source = bits % HOSTS;
  const target = (source + 1 + ((bits >>> 8) % (HOSTS - 1))) % HOSTS;
  frame.writeUInt32BE(0x0242ac11, 0);
  frame.writeUInt16BE(target, 4);
  frame.writeUInt32BE(0x0242ac11, 6);
  frame.writeUInt16BE(source, 10);
  frame.writeUInt16BE(0x0800, 12);
  const ip = ETHERNET_BYTES;
  frame.writeUInt32BE((0x4500 << 16) | (length - ETHERNET_BYTES), ip);
  frame.writeUInt32BE(0x00004000, ip + 4); // do not fragment
  frame.writeUInt32BE(0x40110000, ip + 8); // TTL 64, UDP
  frame.writeUInt32BE((0xac110000 | source) >>> 0, ip + 12);
  frame.writeUInt32BE((0xac110000 | target) >>> 0, ip + 16);
  frame.writeUInt16BE(checksum(frame, ip), ip + 10);
  const udp = ip + IPV4_BYTES;
  frame.writeUInt16BE(FIRST_PORT + ((bits >>> 16) & 0x3fff), udp);
  frame.writeUInt16BE(DISCARD_PORT, udp + 2);
  frame.writeUInt32BE((length - ETHERNET_BYTES - IPV4_BYTES) * 65536, udp + 4);
  frame.writeUInt16BE(bits & 0xffff, HEADER_BYTES);
}

/** RFC 1071, of an IPv4 header whose checksum field is zero. */
function checksum(frame: Buffer, at: number): number {
  let sum = 0;
  for (let i = 0; i < IPV4_BYTES; i += 2) sum += frame.readUInt16BE(at + i);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~(sum + (sum >>> 16)) & 0xffff;
}

/** Marsaglia's xorshift, 32 bits. */
function xorshift(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

function main(): void {
  const [path, bytes, seed] = argv.slice(2);
  if (path === undefined || bytes === undefined) {
    throw new Error('usage: make-capture <path> <bytes> [seed]');
  }
  const made = makeCapture(path, Number(bytes), Number(seed ?? 1));
  console.log(`${path}: ${made.packets} packets, ${made.bytes} bytes`);
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) main();
