import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { codeOf } from './capture-error.js';
import { gunzip } from './gunzip.js';
import { parsedPcap } from './parsed-pcap.js';
import { type Pull, peekPull, pullFrom } from './pull.js';
import { type ByteSource, FileSource, PullSource } from './source.js';

/** Any readable Node stream, and whatever else yields bytes and can be destroyed. */
export type CaptureStream = AsyncIterable<Uint8Array> & { destroy?(): unknown };

const MAGIC_BYTES = 8; // magic number and version
const GZIP_MAGIC = 0x1f8b;
const PCAP_US_LITTLE = 'd4c3b2a102000400';
const PCAP_US_BIG = 'a1b2c3d400020004';

/**
 * Opens a path. A regular file is read straight into module memory, unless it is
 * compressed; everything else (a pipe, /dev/stdin) is a stream.
 */
export async function openPath(path: string): Promise<ByteSource> {
  const fd = open(path);
  if (fstatSync(fd).isFile() && !isCompressed(fd)) return new FileSource(fd);
  // Read from the start: the first bytes were looked at by position.
  return openStream(createReadStream(path, { fd, autoClose: true }));
}

/** A stream of any format that is known by its first bytes, compressed or not. */
export async function openStream(stream: CaptureStream): Promise<ByteSource> {
  const first = await peekPull(pullFrom(stream), MAGIC_BYTES);
  const close = (): void => void stream.destroy?.();
  if (!isGzip(first.head)) return new PullSource(parsed(first.head, first.pull), close);
  const inner = await peekPull(gunzip(first.pull), MAGIC_BYTES);
  return new PullSource(parsed(inner.head, inner.pull), close);
}

/**
 * Microsecond pcap 2.4 goes through `pcap-parser`. It knows nothing else: the rest is
 * for the walker alone, to read or to refuse by name.
 */
function parsed(head: Buffer, pull: Pull): Pull {
  const start = head.toString('hex', 0, MAGIC_BYTES);
  return start === PCAP_US_LITTLE || start === PCAP_US_BIG ? parsedPcap(pull) : pull;
}

function isGzip(head: Buffer): boolean {
  return head.length >= 2 && head.readUInt16BE(0) === GZIP_MAGIC;
}

function isCompressed(fd: number): boolean {
  const head = Buffer.alloc(2);
  return readSync(fd, head, 0, head.length, 0) === head.length && isGzip(head);
}

function open(path: string): number {
  try {
    const fd = openSync(path, 'r');
    if (!fstatSync(fd).isDirectory()) return fd;
    closeSync(fd);
  } catch (error) {
    throw new Error(`open ${path}: ${codeOf(error)}`);
  }
  throw new Error(`open ${path}: EISDIR`);
}
