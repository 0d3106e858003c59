/** The walker on its own, for tests of the readers: memory, descriptors and a span. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BATCH_PACKETS, RX_BYTES, Rx, RxFlag } from '../../assembly/abi.js';
import { openCaptures, type CaptureCore, type CaptureInput } from '../../src/capture/index.js';
import { PROJECT } from './shared.js';

const WASM = join(PROJECT, 'build', 'capture.test.wasm');
const ASC = join(PROJECT, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
const FLAGS = [
  ...['--config', 'none', '--runtime', 'stub', '--importMemory', '--initialMemory', '1'],
  ...['--memoryBase', '64', '--enable', 'simd', '--enable', 'bulk-memory', '-O3', '--converge'],
  ...['--disable', 'mutable-globals', '--noAssert'],
];
const PAGE_BYTES = 65536;
const RX_ADDRESS = 1024;
const STAMPS_ADDRESS = RX_ADDRESS + BATCH_PACKETS * RX_BYTES;
const SPAN_ADDRESS = PAGE_BYTES;

/** Room for one reader with its interface table and a chunk of about a megabyte. */
export const SPAN_BYTES = 1 << 20;

/** The little we need of WebAssembly, which the types of Node do not declare. */
interface Wasm {
  Memory: new (limits: { initial: number }) => { buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: Record<string, unknown> };
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: Wasm };

export interface CapturedPacket {
  port: number;
  stampNs: bigint;
  original: number;
  data: Buffer;
  nowMs: number;
}

/** A core of nothing but the walker. */
export function captureCore(spanBytes = SPAN_BYTES): CaptureCore {
  const initial = Math.ceil((SPAN_ADDRESS + spanBytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial });
  const { exports } = new WebAssembly.Instance(walker(), { env: { memory } });
  return {
    memory: new Uint8Array(memory.buffer),
    span: { address: SPAN_ADDRESS, lengthBytes: spanBytes },
    rx: RX_ADDRESS,
    stamps: STAMPS_ADDRESS,
    captureFill: exports['captureFill'] as CaptureCore['captureFill'],
  };
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

let cached: object | undefined;

/** The compiled walker, compiled again if a source is newer. */
function walker(): object {
  if (cached !== undefined) return cached;
  const folder = join(PROJECT, 'assembly', 'capture');
  const sources = readdirSync(folder).map(name => join(folder, name));
  for (const name of ['abi.ts', 'capture-abi.ts', 'capture.ts']) {
    sources.push(join(PROJECT, 'assembly', name));
  }
  const newest = Math.max(...sources.map(source => statSync(source).mtimeMs));
  if ((statSync(WASM, { throwIfNoEntry: false })?.mtimeMs ?? 0) < newest) {
    mkdirSync(join(PROJECT, 'build'), { recursive: true });
    const output = `${WASM}.${process.pid}`; // other test processes may do the same
    const args = [ASC, 'assembly/capture.ts', ...FLAGS, '-o', output];
    execFileSync(process.execPath, args, { cwd: PROJECT, stdio: 'ignore' });
    renameSync(output, WASM);
  }
  return (cached = new WebAssembly.Module(readFileSync(WASM)));
}
