/**
 * Captures as batches for the core: any number of readers, merged in time order by one
 * WASM call a batch.
 *
 *     const captures = await openCaptures(inputs, core);
 *     do {
 *       for (let n = captures.fill(); n > 0; n = captures.fill()) run(n, captures.nowMs);
 *     } while (await captures.refill());
 *
 * Descriptors and stamps of a batch are in the core's Rx and Stamps regions. Its frames
 * stay where they are until the next `refill`.
 */
import { BATCH_PACKETS } from '../../assembly/abi.js';
import { BatchField, CAPTURE_BATCH_BYTES } from '../../assembly/capture-abi.js';
import { openPath, openStream, type CaptureStream } from './open-source.js';
import { type CaptureReader, ChunkReader, type MemorySpan, type ReaderOptions } from './reader.js';
import type { ByteSource } from './source.js';

/** What we need of the core. */
export interface CaptureCore {
  /** All of the module's memory. */
  readonly memory: Uint8Array;
  /** Memory for the readers, e.g. the receive arena: 1 to 4 MiB a reader do well. */
  readonly span: MemorySpan;
  /** Address of BATCH_PACKETS receive descriptors. */
  readonly rx: number;
  /** Address of BATCH_PACKETS stamps. */
  readonly stamps: number;
  /** Most packets of a batch; default: BATCH_PACKETS. */
  readonly room?: number;
  captureFill(batch: number): number;
}

/** A path, or a stream. */
export interface CaptureInput extends ReaderOptions {
  stream?: CaptureStream;
}

const ALIGN_BYTES = 64;

/** Merges readers; of equal times the earlier reader's packet comes first. */
export class MergedReader {
  private readonly view: DataView;
  private readonly batch: number;

  /** `batch`: address of CAPTURE_BATCH_BYTES and 4 bytes a reader. */
  constructor(
    readonly readers: readonly CaptureReader[],
    private readonly core: CaptureCore,
  ) {
    this.batch = core.span.address;
    this.view = new DataView(core.memory.buffer, core.memory.byteOffset);
    core.memory.fill(0, this.batch, this.batch + CAPTURE_BATCH_BYTES);
    this.put(BatchField.Rx, core.rx);
    this.put(BatchField.Stamps, core.stamps);
    this.put(BatchField.Room, this.core.room ?? BATCH_PACKETS);
    this.put(BatchField.Readers, readers.length);
    readers.forEach((reader, i) => this.put(CAPTURE_BATCH_BYTES + 4 * i, reader.state));
  }

  /** Milliseconds since 1970 of the last batch: never less than the one before. */
  get nowMs(): number {
    return this.view.getFloat64(this.batch + BatchField.NowMs, true);
  }

  /** That of the next batch; -1 if it is not known before a refill. */
  get nextMs(): number {
    return this.view.getFloat64(this.batch + BatchField.NextMs, true);
  }

  /** Reads until the first packet of all is known, or there is none. */
  async start(): Promise<void> {
    this.put(BatchField.Room, 0);
    do this.fill();
    while (this.nextMs < 0 && (await this.refill()));
    this.put(BatchField.Room, this.core.room ?? BATCH_PACKETS);
  }

  /**
   * Describes the next packets, all of one millisecond; their number. 0: refill first.
   * One WASM call, 1 to `room` packets.
   */
  fill(): number {
    return this.core.captureFill(this.batch);
  }

  /**
   * Reads on where a reader waits; false if all have ended. Throws CaptureError where a
   * capture is refused, at once; where one is cut short, after the last packet of all.
   */
  refill(): boolean | Promise<boolean> {
    for (const reader of this.readers) {
      const wait = reader.refill();
      if (wait !== undefined) return wait.then(() => this.refill());
    }
    if (this.readers.some(reader => !reader.isEnded)) return true;
    for (const reader of this.readers) if (reader.cut !== undefined) throw reader.cut;
    return false;
  }

  close(): void {
    for (const reader of this.readers) reader.close();
  }

  private put(field: BatchField, value: number): void {
    this.view.setUint32(this.batch + field, value, true);
  }
}

/**
 * Opens captures and shares the core's span out among them. A file that can be refused
 * by its first bytes is refused here.
 */
export async function openCaptures(
  inputs: readonly CaptureInput[],
  core: CaptureCore,
): Promise<MergedReader> {
  const readers: CaptureReader[] = [];
  const sources: ByteSource[] = [];
  try {
    for (const [i, input] of inputs.entries()) {
      const source = await openInput(input);
      sources.push(source);
      const span = shareOf(core.span, i, inputs.length);
      readers.push(new ChunkReader(core.memory, span, source, input));
    }
    const merged = new MergedReader(readers, core);
    await merged.start();
    return merged;
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
}

function openInput(input: CaptureInput): Promise<ByteSource> {
  return input.stream === undefined ? openPath(input.name) : openStream(input.stream);
}

/** The part of reader `index`, behind the batch. */
function shareOf(span: MemorySpan, index: number, readers: number): MemorySpan {
  const first = align(span.address + CAPTURE_BATCH_BYTES + 4 * readers);
  const end = span.address + span.lengthBytes;
  const lengthBytes = Math.floor((end - first) / readers / ALIGN_BYTES) * ALIGN_BYTES;
  return { address: first + index * lengthBytes, lengthBytes };
}

function align(address: number): number {
  return Math.ceil(address / ALIGN_BYTES) * ALIGN_BYTES;
}
