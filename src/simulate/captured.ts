/** Frames of a capture file, read whole, for a simulation to send. */
import { RX_BYTES, Region, Rx } from '../../assembly/abi.js';
import { openCaptures } from '../capture/index.js';
import type { Core } from '../core.js';
import { prepareCore } from '../replay/prepare.js';
import { captureCoreOf } from '../replay/replay.js';
import { parseConfig } from '../config/load.js';

export interface CapturedFrame {
  /** Since the first frame. */
  sinceNs: number;
  bytes: Uint8Array;
}

const STAMP_BYTES = 8;

/** Throws CaptureError when the capture is refused or cut short. */
export async function readCapture(path: string): Promise<CapturedFrame[]> {
  const core = readingCore();
  const captures = await openCaptures([{ name: path, port: 0 }], captureCoreOf(core));
  const frames: CapturedFrame[] = [];
  let firstNs: bigint | undefined;
  try {
    do {
      for (let n = captures.fill(); n > 0; n = captures.fill()) {
        for (let i = 0; i < n; i++) {
          const stampNs = stampAt(core, i);
          firstNs ??= stampNs;
          frames.push({ sinceNs: Number(stampNs - firstNs), bytes: bytesAt(core, i) });
        }
      }
    } while (await captures.refill());
  } finally {
    captures.close();
  }
  return frames;
}

/** A core of which only the capture walker is used. */
function readingCore(): Core {
  return prepareCore(parseConfig('capacities: { fdbEntries: 4, domains: 1 }', 'captures'), 1).core;
}

function stampAt(core: Core, index: number): bigint {
  return core.view.getBigUint64(core.region(Region.Stamps) + index * STAMP_BYTES, true);
}

function bytesAt(core: Core, index: number): Uint8Array {
  const row = core.region(Region.Rx) + index * RX_BYTES;
  const data = core.view.getUint32(row + Rx.Data, true);
  return core.bytes.slice(data, data + core.view.getUint32(row + Rx.Length, true));
}
