/**
 * pcapng (draft-ietf-opsawg-pcapng §4), little endian, one section, one interface a port,
 * in nanoseconds. Nothing in it depends on the machine: no hardware, system or
 * application names and no time but the packets' own.
 */
import { CAPTURE_ETHERNET } from '../../assembly/capture-abi.js';
import type { FileBuffer } from './file-buffer.js';
import { bufferOver, type CaptureWriter, Direction, type PacketRecord } from './writer.js';
import { snapBytesOf, type WriterOptions } from './writer.js';

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const ENHANCED = 6;

const BYTE_ORDER = 0x1a2b3c4d;
const VERSION_MAJOR = 1;
const UNKNOWN_LENGTH = 0xffffffff; // of a section: both halves

const SECTION_BYTES = 28;
const INTERFACE_OPTIONS = 16;
const PACKET_DATA = 28;
const TRAILER_BYTES = 4;

const OPTION_BYTES = 4; // code and length
const END_OF_OPTIONS_BYTES = 4;
const OPTION_COMMENT = 1;
const OPTION_FLAGS = 2;
const FLAGS_BYTES = 4;
const OPTION_NAME = 2;
const OPTION_RESOLUTION = 9;
const NANOSECONDS = 9; // 10^-9

/** Longer comments and names are cut. */
const MAX_TEXT_BYTES = 4096;
const MAX_OPTIONS_BYTES = MAX_TEXT_BYTES + 64;

export interface PcapngOptions extends WriterOptions {
  /** Names of the interfaces, by port index. */
  ports: readonly string[];
}

export class PcapngWriter implements CaptureWriter {
  private readonly memory: Buffer;
  private readonly snapBytes: number;

  constructor(
    memory: Uint8Array,
    private readonly file: FileBuffer,
    options: PcapngOptions,
  ) {
    this.memory = bufferOver(memory);
    this.snapBytes = snapBytesOf(options);
    this.writeSection();
    for (const name of options.ports) this.writeInterface(name);
  }

  write(packet: PacketRecord): void {
    const { view, bytes } = this.file;
    const length = Math.min(packet.length, this.snapBytes);
    const start = this.file.reserve(PACKET_DATA + length + MAX_OPTIONS_BYTES);
    view.setUint32(start + 8, packet.port, true);
    view.setUint32(start + 12, packet.stampHigh, true);
    view.setUint32(start + 16, packet.stampLow, true);
    view.setUint32(start + 20, length, true);
    view.setUint32(start + 24, packet.originalLength, true);
    const { address } = packet;
    this.memory.copy(bytes, start + PACKET_DATA, address, address + length);
    const end = this.pad(start + PACKET_DATA + length);
    this.closeBlock(start, this.putPacketOptions(end, packet), ENHANCED);
  }

  flush(): void {
    this.file.flush();
  }

  close(): void {
    this.file.close();
  }

  private writeSection(): void {
    const { view } = this.file;
    const start = this.file.reserve(SECTION_BYTES);
    view.setUint32(start + 8, BYTE_ORDER, true);
    view.setUint16(start + 12, VERSION_MAJOR, true);
    view.setUint16(start + 14, 0, true);
    view.setUint32(start + 16, UNKNOWN_LENGTH, true);
    view.setUint32(start + 20, UNKNOWN_LENGTH, true);
    this.closeBlock(start, start + SECTION_BYTES - TRAILER_BYTES, SECTION);
  }

  private writeInterface(name: string): void {
    const { view, bytes } = this.file;
    const start = this.file.reserve(INTERFACE_OPTIONS + MAX_OPTIONS_BYTES);
    view.setUint16(start + 8, CAPTURE_ETHERNET, true);
    view.setUint16(start + 10, 0, true);
    view.setUint32(start + 12, this.snapBytes, true);
    let at = this.putText(start + INTERFACE_OPTIONS, OPTION_NAME, name);
    at = this.putOption(at, OPTION_RESOLUTION, 1);
    bytes[at] = NANOSECONDS;
    this.closeBlock(start, this.endOptions(this.pad(at + 1)), INTERFACE);
  }

  /** Writes the options from `at` on; their end. */
  private putPacketOptions(at: number, packet: PacketRecord): number {
    if (packet.direction === Direction.Unknown && packet.comment === '') return at;
    let end = at;
    if (packet.comment !== '') end = this.putText(end, OPTION_COMMENT, packet.comment);
    if (packet.direction !== Direction.Unknown) {
      const value = this.putOption(end, OPTION_FLAGS, FLAGS_BYTES);
      this.file.view.setUint32(value, packet.direction, true);
      end = value + FLAGS_BYTES;
    }
    return this.endOptions(end);
  }

  private putText(at: number, code: number, text: string): number {
    const value = at + OPTION_BYTES;
    const bytes = this.file.bytes.write(text, value, MAX_TEXT_BYTES);
    this.putOption(at, code, bytes);
    return this.pad(value + bytes);
  }

  /** Writes an option's head; where its value goes. */
  private putOption(at: number, code: number, bytes: number): number {
    this.file.view.setUint16(at, code, true);
    this.file.view.setUint16(at + 2, bytes, true);
    return at + OPTION_BYTES;
  }

  private endOptions(at: number): number {
    this.file.view.setUint32(at, 0);
    return at + END_OF_OPTIONS_BYTES;
  }

  /** Zeros up to the next multiple of four; blocks begin at one. */
  private pad(at: number): number {
    const end = (at + 3) & ~3;
    for (let i = at; i < end; i++) this.file.bytes[i] = 0;
    return end;
  }

  /** Writes a block's type and both its lengths; `end` is where the second one goes. */
  private closeBlock(start: number, end: number, type: number): void {
    const total = end + TRAILER_BYTES - start;
    this.file.view.setUint32(start, type, true);
    this.file.view.setUint32(start + 4, total, true);
    this.file.view.setUint32(end, total, true);
    this.file.commit(total);
  }
}
