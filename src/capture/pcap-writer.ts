/** Classic pcap (draft-ietf-opsawg-pcap), little endian, of Ethernet frames. */
import { CAPTURE_ETHERNET } from '../../assembly/capture-abi.js';
import type { FileBuffer } from './file-buffer.js';
import { bufferOver, type CaptureWriter, type PacketRecord } from './writer.js';
import { snapBytesOf, type WriterOptions } from './writer.js';

const MAGIC_US = 0xa1b2c3d4;
const MAGIC_NS = 0xa1b23c4d;
const VERSION_MAJOR = 2;
const VERSION_MINOR = 4;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const NS_PER_SECOND = 1_000_000_000;
const TWO_32 = 0x100000000;

export interface PcapOptions extends WriterOptions {
  /** Nanoseconds in one unit of the file's stamps: 1 (default) or 1000. */
  tickNs?: 1 | 1000;
}

export class PcapWriter implements CaptureWriter {
  private readonly memory: Buffer;
  private readonly snapBytes: number;
  private readonly tickNs: number;

  constructor(
    memory: Uint8Array,
    private readonly file: FileBuffer,
    options: PcapOptions = {},
  ) {
    this.memory = bufferOver(memory);
    this.snapBytes = snapBytesOf(options);
    this.tickNs = options.tickNs ?? 1;
    this.writeFileHeader();
  }

  write(packet: PacketRecord): void {
    const { view, bytes } = this.file;
    const length = Math.min(packet.length, this.snapBytes);
    const at = this.file.reserve(RECORD_HEADER_BYTES + length);
    this.putStamp(at, packet);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, packet.originalLength, true);
    const { address } = packet;
    this.memory.copy(bytes, at + RECORD_HEADER_BYTES, address, address + length);
    this.file.commit(RECORD_HEADER_BYTES + length);
  }

  flush(): void {
    this.file.flush();
  }

  close(): void {
    this.file.close();
  }

  private writeFileHeader(): void {
    const { view } = this.file;
    const at = this.file.reserve(FILE_HEADER_BYTES);
    view.setUint32(at, this.tickNs === 1 ? MAGIC_NS : MAGIC_US, true);
    view.setUint16(at + 4, VERSION_MAJOR, true);
    view.setUint16(at + 6, VERSION_MINOR, true);
    view.setUint32(at + 8, 0);
    view.setUint32(at + 12, 0);
    view.setUint32(at + 16, this.snapBytes, true);
    view.setUint32(at + 20, CAPTURE_ETHERNET, true);
    this.file.commit(FILE_HEADER_BYTES);
  }

  /**
   * Seconds and fraction. The division of a 64-bit number in a double may be one second
   * out; the rest, exact in 32 bits, tells.
   */
  private putStamp(at: number, packet: PacketRecord): void {
    const { stampHigh, stampLow } = packet;
    let seconds = Math.floor((stampHigh * TWO_32 + stampLow) / NS_PER_SECOND);
    let ns = (stampLow - Math.imul(seconds, NS_PER_SECOND)) | 0;
    if (ns < 0) {
      seconds--;
      ns += NS_PER_SECOND;
    } else if (ns >= NS_PER_SECOND) {
      seconds++;
      ns -= NS_PER_SECOND;
    }
    this.file.view.setUint32(at, seconds, true);
    this.file.view.setUint32(at + 4, Math.floor(ns / this.tickNs), true);
  }
}
