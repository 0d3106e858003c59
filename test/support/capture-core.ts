/** A core for tests of the readers: memory, descriptors and a span. */
import { RX_BYTES, Rx, RxFlag } from '../../assembly/abi.js';
import { openCaptures, type CaptureCore, type CaptureInput } from '../../src/capture/index.js';
import { Core } from '../../src/core.js';
import { captureCoreOf } from '../../src/replay/replay.js';

/** Room for one reader with its interface table and a chunk of about a megabyte. */
export const SPAN_BYTES = 1 << 20;

export interface CapturedPacket {
  port: number;
  stampNs: bigint;
  original: number;
  data: Buffer;
  nowMs: number;
}

/** A core of which nothing but the capture walker is used. */
export function captureCore(spanBytes = SPAN_BYTES): CaptureCore {
  const sizes = { Ports: 1, Segments: 1, VlanSegments: 0, Domains: 1, FdbEntries: 1 };
  const none = { Neighbours: 1, EvictEntries: 0, CopyBytes: 0, TraceRecords: 0 };
  return captureCoreOf(Core.create({ ...sizes, ...none, ArenaBytes: spanBytes }, 1n, 'test'));
}

export interface ReadResult {
  packets: CapturedPacket[];
  truncated: number;
  error: Error | undefined;
}

/** Reads everything there is, as the host's loop does, and how it ended. */
export async function readAll(inputs: CaptureInput[], core = captureCore()): Promise<ReadResult> {
  const result: ReadResult = { packets: [], truncated: 0, error: undefined };
  try {
    const captures = await openCaptures(inputs, core);
    try {
      do {
        for (let n = captures.fill(); n > 0; n = captures.fill()) {
          for (let i = 0; i < n; i++) result.packets.push(packetAt(core, i, captures.nowMs));
        }
      } while (await captures.refill());
    } finally {
      captures.close();
      for (const reader of captures.readers) result.truncated += reader.truncated;
    }
  } catch (error) {
    result.error = error as Error;
  }
  return result;
}

/** Packet `index` of the last batch. */
function packetAt(core: CaptureCore, index: number, nowMs: number): CapturedPacket {
  const view = Buffer.from(core.memory.buffer);
  const rx = core.rx + index * RX_BYTES;
  if (view.readUInt16LE(rx + Rx.Flags) !== RxFlag.Tight) throw new Error('flags are not Tight');
  const data = view.readUInt32LE(rx + Rx.Data);
  return {
    port: view.readUInt16LE(rx + Rx.Port),
    stampNs: view.readBigUInt64LE(core.stamps + index * 8),
    original: view.readUInt32LE(rx + Rx.Original),
    data: Buffer.from(view.subarray(data, data + view.readUInt32LE(rx + Rx.Length))),
    nowMs,
  };
}
