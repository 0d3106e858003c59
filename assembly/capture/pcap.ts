/**
 * Classic capture files (draft-ietf-opsawg-pcap §4 and §5), in either byte order, with
 * microseconds or nanoseconds.
 *
 *   file header, 24 bytes     magic, version u16 u16, two unused words, snapshot length,
 *                             link type (low 16 bits; the rest is ignored)
 *   record header, 16 bytes   seconds, fraction, captured length, original length
 */
import {
  CAPTURE_ETHERNET,
  CAPTURE_RECORD_BYTES,
  CaptureFault,
  CaptureFormat,
} from '../capture-abi';
import { CaptureStatus } from '../capture-abi';
import { RX_BYTES } from '../abi';
import { Capture, CaptureBatch, Descriptor, RECORD_BYTES, STAMP_BYTES, read32 } from './state';

export const MAGIC_US: u32 = 0xa1b2c3d4;
export const MAGIC_NS: u32 = 0xa1b23c4d;

const VERSION_MAJOR: u32 = 2;
const VERSION_MINOR: u32 = 4;
const FILE_HEADER_BYTES: u32 = 24;
const RECORD_HEADER_BYTES: u32 = 16;
const LINK_TYPE_MASK: u32 = 0xffff;
const NS_PER_SECOND: u64 = 1000000000;
const NS_PER_US: u32 = 1000;

/** Reads the file header; `magic` in the file's own order. False if the reader stopped. */
export function startPcap(c: Capture, magic: u32): bool {
  if (!c.has(FILE_HEADER_BYTES)) return false;
  const major = c.u16At(4);
  const minor = c.u16At(6);
  if (major != VERSION_MAJOR || minor != VERSION_MINOR) {
    return c.refuse(CaptureFault.Version, major, minor);
  }
  const linkType = c.u32At(20) & LINK_TYPE_MASK;
  if (linkType != CAPTURE_ETHERNET) return c.refuse(CaptureFault.LinkType, linkType, 0);
  c.tickNs = magic == MAGIC_NS ? 1 : NS_PER_US;
  c.cursor += FILE_HEADER_BYTES;
  c.format = CaptureFormat.Pcap;
  return true;
}

/** Describes records until the batch is closed to them or the chunk ends. */
export function walkPcap(c: Capture, b: CaptureBatch): void {
  const end = c.end;
  const swapped = c.swapped;
  const tickNs = <u64>c.tickNs;
  const port = c.port;
  const until = b.until;
  const lastRx = b.rx + b.room * RX_BYTES;
  let cursor = c.cursor;
  let rx = b.rxSlot;
  let stamps = b.stampSlot;
  let truncated: u32 = 0;
  const first = rx;
  for (;;) {
    const data = cursor + RECORD_HEADER_BYTES;
    const length = data <= end ? read32(cursor + 8, swapped) : 0;
    if (data + length > end || length > RECORD_BYTES) break;
    const seconds = <u64>read32(cursor, swapped);
    const stamp = seconds * NS_PER_SECOND + <u64>read32(cursor + 4, swapped) * tickNs;
    if (stamp >= until || rx >= lastRx) {
      c.next = stamp;
      c.status = CaptureStatus.Ready;
      break;
    }
    const original = read32(cursor + 12, swapped);
    truncated += u32(length < original);
    Descriptor.at(rx).emit(data, length, port, original);
    store<u64>(stamps, stamp);
    rx += RX_BYTES;
    stamps += STAMP_BYTES;
    cursor = data + length;
  }
  const count = <u32>(rx - first) / RX_BYTES;
  b.count += count;
  c.packets += count;
  c.truncated += truncated;
  c.cursor = cursor;
  if (c.status != CaptureStatus.Ready) stop(c);
}

/** Says why the record at the cursor could not be read: rare, so out of the loop. */
function stop(c: Capture): void {
  if (!c.has(RECORD_HEADER_BYTES)) return;
  const length = c.u32At(8);
  if (length > RECORD_BYTES) c.refuse(CaptureFault.RecordLength, length, 0);
  else c.has(RECORD_HEADER_BYTES + length);
}
