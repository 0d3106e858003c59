/**
 * pcapng files (draft-ietf-opsawg-pcapng §3 and §4): blocks of a type, a total length,
 * a body and the total length again, in sections that each have their own byte order and
 * their own interfaces.
 *
 * Packets come from Enhanced, Simple and (obsolete) Packet Blocks. Section Header and
 * Interface Description Blocks are kept; every other block is passed over. A Simple
 * Packet Block has no time: it takes that of the packet before it.
 */
import { CaptureFault, CaptureFormat, CaptureStatus } from '../capture-abi';
import { CAPTURE_ETHERNET } from '../capture-abi';
import { announce, stampOf } from './interface';
import { Capture, CaptureBatch, Descriptor, Interface, RECORD_BYTES, read16 } from './state';

/** Type of the Section Header Block: the same in both byte orders. */
export const SECTION: u32 = 0x0a0d0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b3c4d;
const BYTE_ORDER_SWAPPED: u32 = 0x4d3c2b1a;
const VERSION_MAJOR: u32 = 1;
const VERSION_MINOR: u32 = 0;
const VERSION_MINOR_ALIAS: u32 = 2; // §4.1: written by some, to be read as 1.0

// Bytes of a block without its packet data and options, both lengths included.
const BLOCK_BYTES: u32 = 12;
const SECTION_BYTES: u32 = 28;
const SIMPLE_BYTES: u32 = 16;
const PACKET_BYTES: u32 = 32; // enhanced and obsolete alike

const SIMPLE_DATA: usize = 12;
const PACKET_DATA: usize = 28;
const TRAILER_BYTES: u32 = 4;

const OPTION_BYTES: u32 = 4;
const OPTION_FLAGS: u32 = 2; // §4.3, epb_flags
const DIRECTION_MASK: u32 = 3;
const OUTBOUND: u32 = 2;

/** Reads blocks until the batch is closed to the next packet or the reader stops. */
export function walkPcapng(c: Capture, b: CaptureBatch): void {
  while (c.has(BLOCK_BYTES)) {
    const type = c.u32At(0);
    if (type == SECTION && !orderOf(c)) return;
    const total = c.u32At(4);
    if (!isWhole(c, total)) return;
    if (type == ENHANCED || type == PACKET) {
      if (!packet(c, b, total, type)) return;
    } else if (type == SIMPLE) {
      if (!simplePacket(c, b, total)) return;
    } else if (type == SECTION) {
      if (!section(c, total)) return;
    } else if (type == INTERFACE) {
      if (announce(c, total)) c.cursor += total;
      return;
    }
    c.cursor += total;
  }
}

/** Reads the byte order of the section that begins at the cursor. */
function orderOf(c: Capture): bool {
  const magic = load<u32>(c.cursor, 8);
  if (magic != BYTE_ORDER && magic != BYTE_ORDER_SWAPPED) {
    return c.refuse(CaptureFault.ByteOrder, magic, 0);
  }
  c.swapped = u32(magic == BYTE_ORDER_SWAPPED);
  return true;
}

/** True if the block at the cursor is in the chunk and its two lengths agree. */
function isWhole(c: Capture, total: u32): bool {
  if (total < BLOCK_BYTES || (total & 3) != 0) {
    return c.refuse(CaptureFault.BlockLength, total, 0);
  }
  if (!c.has(total)) return false;
  const trailer = c.u32At(total - TRAILER_BYTES);
  return trailer == total || c.refuse(CaptureFault.BlockTrailer, total, trailer);
}

function section(c: Capture, total: u32): bool {
  if (total < SECTION_BYTES) return c.refuse(CaptureFault.BlockLength, total, 0);
  const major = c.u16At(12);
  const minor = c.u16At(14);
  if (major != VERSION_MAJOR || (minor != VERSION_MINOR && minor != VERSION_MINOR_ALIAS)) {
    return c.refuse(CaptureFault.Version, major, minor);
  }
  c.format = CaptureFormat.Pcapng;
  c.interfaceCount = 0;
  return true;
}

/** One Enhanced or obsolete Packet Block; they differ in the interface field only. */
function packet(c: Capture, b: CaptureBatch, total: u32, type: u32): bool {
  if (total < PACKET_BYTES) return c.refuse(CaptureFault.BlockLength, total, 0);
  const index = type == ENHANCED ? c.u32At(8) : c.u16At(8);
  if (!isKnown(c, index)) return false;
  const length = c.u32At(20);
  const room = total - PACKET_BYTES;
  if (length > room || length > RECORD_BYTES) {
    return c.refuse(CaptureFault.PacketLength, length, room);
  }
  if (c.skipOutbound && isOutbound(c, length, room)) return true;
  const source = Interface.at(c, index);
  const ticks = ((<u64>c.u32At(12)) << 32) | (<u64>c.u32At(16));
  c.next = stampOf(source, ticks);
  return put(c, b, PACKET_DATA, length, source.port);
}

function simplePacket(c: Capture, b: CaptureBatch, total: u32): bool {
  if (total < SIMPLE_BYTES) return c.refuse(CaptureFault.BlockLength, total, 0);
  if (!isKnown(c, 0)) return false;
  const source = Interface.at(c, 0);
  const original = c.u32At(8);
  const room = total - SIMPLE_BYTES;
  const snapBytes = source.snapBytes == 0 ? original : source.snapBytes;
  const length = min(original, snapBytes);
  if (length > room || length > RECORD_BYTES) {
    return c.refuse(CaptureFault.PacketLength, length, room);
  }
  return put(c, b, SIMPLE_DATA, length, source.port);
}

/** True if packets of interface `index` may be replayed. */
function isKnown(c: Capture, index: u32): bool {
  if (index >= c.interfaceCount) {
    return c.refuse(CaptureFault.NoInterface, index, c.interfaceCount);
  }
  const linkType = <u32>Interface.at(c, index).linkType;
  return linkType == CAPTURE_ETHERNET || c.refuse(CaptureFault.InterfaceLinkType, linkType, index);
}

/** True if the packet's epb_flags say that the capturing host sent it. */
function isOutbound(c: Capture, length: u32, room: u32): bool {
  const padded = (length + 3) & ~3;
  let at = c.cursor + PACKET_DATA + padded;
  const end = c.cursor + PACKET_DATA + room;
  while (at + OPTION_BYTES <= end) {
    const code = read16(at, c.swapped);
    const bytes = read16(at + 2, c.swapped);
    if (code == 0) return false;
    const next = at + OPTION_BYTES + ((bytes + 3) & ~3);
    if (next > end) return false;
    // The low byte of the word holds the direction.
    const flags = load<u8>(at + OPTION_BYTES + (c.swapped ? 3 : 0));
    if (code == OPTION_FLAGS && bytes == 4) return (flags & DIRECTION_MASK) == OUTBOUND;
    at = next;
  }
  return false;
}

/** Describes the packet at `offset`, or leaves it for later if the batch is closed to it. */
function put(c: Capture, b: CaptureBatch, offset: usize, length: u32, port: u32): bool {
  if (b.isClosed(c.next)) {
    c.status = CaptureStatus.Ready;
    return false;
  }
  const original = c.u32At(offset - 4); // in both kinds of block right before the packet
  Descriptor.at(b.rxSlot).emit(c.cursor + offset, length, port, original);
  store<u64>(b.stampSlot, c.next);
  b.count++;
  c.packets++;
  c.truncated += u64(length < original);
  return true;
}
