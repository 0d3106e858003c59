/**
 * One capture, read through a chunk of module memory.
 *
 *   span: | state | interface table | chunk: ... tail of the last read | free ... |
 *
 * The walker goes through the chunk. When the record at its cursor is not wholly there,
 * `refill` moves that record's start to the chunk's front and reads on behind it. Memory
 * is constant; file offsets are JavaScript numbers, exact to 2^53.
 */
import {
  CAPTURE_BYTES,
  CAPTURE_INTERFACE_BYTES,
  CaptureFault,
  CaptureField,
  CaptureFormat,
  CaptureStatus,
  InterfaceField,
} from '../../assembly/capture-abi.js';
import { CaptureError, codeOf } from './capture-error.js';
import { faultText } from './fault-text.js';
import type { ByteSource } from './source.js';

/** A part of the core's memory that is ours until we close. */
export interface MemorySpan {
  address: number; // a multiple of 8
  lengthBytes: number;
}

/** An interface that a pcapng file announces. */
export interface CaptureInterface {
  index: number; // within its section
  name: string; // if_name; empty if it has none
  linkType: number;
}

export interface ReaderOptions {
  /** For messages. */
  name: string;
  /** Ingress port of the packets: an index of the core. */
  port: number;
  /** Ingress port by pcapng interface, instead of `port`. */
  portOf?: (source: CaptureInterface) => number;
  /** Pass over packets that a pcapng file marks as sent by the capturing host. */
  skipOutbound?: boolean;
  /** Most interfaces in a section of a pcapng file; default 4096, the most ports. */
  interfaceLimit?: number;
}

const INTERFACES = 4096;

/** Gives packets to `captureFill`, by way of its state in module memory. */
export interface CaptureReader {
  readonly name: string;
  /** Address of the state that the walker works on. */
  readonly state: number;
  /** Packets read so far, and of these, those that the capture cut short. */
  readonly packets: number;
  readonly truncated: number;
  /** Bytes of the capture, uncompressed, that are done with. */
  readonly positionBytes: number;
  /** No packets are left, and none will come. */
  readonly isEnded: boolean;
  /** How a capture ended too early, once its whole records are read. */
  readonly cut: CaptureError | undefined;
  /** Does what the walker waits for. Throws CaptureError if it refused something. */
  refill(): void | Promise<void>;
  close(): void;
}

/** The reader of every format: what differs is the source of the bytes. */
export class ChunkReader implements CaptureReader {
  readonly name: string;
  readonly state: number;
  cut: CaptureError | undefined;
  private readonly view: DataView;
  private readonly chunk: number;
  private readonly chunkEnd: number;
  private chunkOffset = 0; // file offset of the chunk's first byte

  constructor(
    private readonly memory: Uint8Array,
    span: MemorySpan,
    private readonly source: ByteSource,
    private readonly options: ReaderOptions,
  ) {
    const interfaces = options.interfaceLimit ?? INTERFACES;
    this.name = options.name;
    this.state = span.address;
    this.view = new DataView(memory.buffer, memory.byteOffset);
    this.chunk = span.address + CAPTURE_BYTES + interfaces * CAPTURE_INTERFACE_BYTES;
    this.chunkEnd = span.address + span.lengthBytes;
    if (this.chunk >= this.chunkEnd) throw new Error(`capture span too short for ${this.name}`);
    memory.fill(0, this.state, this.chunk);
    this.put(CaptureField.Cursor, this.chunk);
    this.put(CaptureField.End, this.chunk);
    this.put(CaptureField.Port, options.port);
    this.put(CaptureField.Interfaces, this.state + CAPTURE_BYTES);
    this.put(CaptureField.InterfaceLimit, interfaces);
    this.put(CaptureField.SkipOutbound, options.skipOutbound ? 1 : 0);
  }

  get packets(): number {
    return this.counter(CaptureField.Packets);
  }

  get truncated(): number {
    return this.counter(CaptureField.Truncated);
  }

  get positionBytes(): number {
    return this.chunkOffset + this.at(CaptureField.Cursor) - this.chunk;
  }

  get isEnded(): boolean {
    return this.at(CaptureField.Status) === CaptureStatus.Ended;
  }

  refill(): void | Promise<void> {
    const status: CaptureStatus = this.at(CaptureField.Status);
    if (status === CaptureStatus.Interface) return this.assignPort();
    if (status === CaptureStatus.Fault) throw this.fault();
    if (status === CaptureStatus.Hungry) return this.readOn();
  }

  close(): void {
    this.source.close();
  }

  private readOn(): void | Promise<void> {
    const cursor = this.at(CaptureField.Cursor);
    const end = this.at(CaptureField.End);
    const need = this.at(CaptureField.Need);
    const chunkBytes = this.chunkEnd - this.chunk;
    if (need > chunkBytes) {
      throw this.error(`record of ${need} bytes is longer than the ${chunkBytes} of a chunk`);
    }
    this.memory.copyWithin(this.chunk, cursor, end);
    this.chunkOffset += cursor - this.chunk;
    const newEnd = this.chunk + (end - cursor);
    this.put(CaptureField.Cursor, this.chunk);
    this.put(CaptureField.End, newEnd);
    const free = this.memory.subarray(newEnd, this.chunkEnd);
    const failed = (error: unknown): void => this.endEarly(`read: ${codeOf(error)}`);
    let read: number | Promise<number>;
    try {
      read = this.source.read(free);
    } catch (error) {
      return failed(error);
    }
    if (typeof read === 'number') return this.extend(read);
    return read.then(bytes => this.extend(bytes), failed);
  }

  private extend(bytes: number): void {
    this.put(CaptureField.End, this.at(CaptureField.End) + bytes);
    if (bytes > 0) return this.put(CaptureField.Status, CaptureStatus.Stale);
    const left = this.at(CaptureField.End) - this.at(CaptureField.Cursor);
    const isStarted = this.at(CaptureField.Format) !== CaptureFormat.Unknown;
    if (left === 0 && isStarted) return this.put(CaptureField.Status, CaptureStatus.Ended);
    const need = this.at(CaptureField.Need);
    this.endEarly(`cut short: ${need} bytes wanted, ${left} left`);
  }

  /** Ends a capture that has given packets; refuses one that has not even begun. */
  private endEarly(reason: string): void {
    const error = this.error(reason);
    if (this.at(CaptureField.Format) === CaptureFormat.Unknown) throw error;
    this.cut = error;
    this.put(CaptureField.Status, CaptureStatus.Ended);
  }

  private assignPort(): void {
    const index = this.at(CaptureField.InterfaceCount) - 1;
    const row = this.at(CaptureField.Interfaces) + index * CAPTURE_INTERFACE_BYTES;
    this.view.setUint16(row + InterfaceField.Port, this.portOf(index, row), true);
    this.put(CaptureField.Status, CaptureStatus.Stale);
  }

  private portOf(index: number, row: number): number {
    if (this.options.portOf === undefined) return this.options.port;
    const start = this.view.getUint32(row + InterfaceField.Name, true);
    const end = start + this.view.getUint32(row + InterfaceField.NameBytes, true);
    const name = Buffer.from(this.memory.subarray(start, end)).toString();
    const linkType = this.view.getUint16(row + InterfaceField.LinkType, true);
    return this.options.portOf({ index, name, linkType });
  }

  private fault(): CaptureError {
    const fault: CaptureFault = this.at(CaptureField.Fault);
    return this.error(faultText(fault, this.at(CaptureField.FaultA), this.at(CaptureField.FaultB)));
  }

  /** An error of the record at the cursor. */
  private error(reason: string): CaptureError {
    return new CaptureError(this.name, this.positionBytes, reason);
  }

  private at(field: CaptureField): number {
    return this.view.getUint32(this.state + field, true);
  }

  private put(field: CaptureField, value: number): void {
    this.view.setUint32(this.state + field, value, true);
  }

  private counter(field: CaptureField): number {
    return Number(this.view.getBigUint64(this.state + field, true));
  }
}
