/**
 * Replay: captures in, verdicts and captures out. Time is the captures', so the same
 * files give the same bytes on any machine.
 */
import { Capacity, CoreCounter, Drop, Region, RxFlag } from '../../assembly/abi.js';
import {
  CaptureError,
  type CaptureCore,
  type MergedReader,
  openCaptures,
} from '../capture/index.js';
import type { Core } from '../core.js';
import { type Names, type Walk, type WalkFrame, receivedFrame, walkOf } from '../explain/walk.js';
import { ReplayOutputs } from './outputs.js';
import { Pace } from './pace.js';

/** A capture and the port its frames come in at. */
export interface ReplayInput {
  path: string;
  port: number;
}

export interface ReplayOptions {
  inputs: readonly ReplayInput[];
  /** Port names by index. */
  ports: readonly (string | undefined)[];
  /** Where to write what was sent and dropped; not at all when undefined. */
  outDir?: string;
  /** Times real time; 0: as fast as it goes. */
  speed?: number;
  /** Stop behind this packet, counted from 1 over all inputs, and tell its walk. */
  traced?: { packet: number; names: Names; onWalk: (walk: Walk) => void };
  /** Called every PROGRESS_BATCHES batches, with what is done of the captures. */
  onProgress?: (packets: number, bytes: number) => void;
}

export interface ReplaySummary {
  packets: number;
  sent: number;
  copies: number;
  dropped: number;
  consumed: number;
  /** Drops by reason. */
  drops: Record<string, number>;
  /** Frames that the capture itself had cut short. */
  truncated: number;
  seconds: number;
  packetsPerSec: number;
  /** How a capture ended too early, after all its whole records. */
  cut?: string;
}

/** Arena of a replay, a reader: chunks of the file lie there. */
export const REPLAY_ARENA_BYTES = 4 << 20;
const PROGRESS_BATCHES = 2048;
const MS_MODULO = 4294967296;
/** Batches before other work of the process gets a turn. */
const TURN_BATCHES = 4096;

/** Runs captures through a configured core. */
export async function replay(core: Core, options: ReplayOptions): Promise<ReplaySummary> {
  const inputs = options.inputs.map(({ path, port }) => ({ name: path, port }));
  const captures = await openCaptures(inputs, captureCoreOf(core));
  const outputs =
    options.outDir === undefined
      ? undefined
      : new ReplayOutputs(core, options.ports, options.outDir);
  const started = performance.now();
  let cut: string | undefined;
  try {
    await new Run(core, captures, options, outputs).all();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    cut = error.message;
  } finally {
    outputs?.close();
    captures.close();
  }
  const seconds = (performance.now() - started) / 1000;
  return summaryOf(core, captures, seconds, cut);
}

/** What the readers need of a core; they take its receive arena. */
export function captureCoreOf(core: Core): CaptureCore {
  const address = core.region(Region.Arena);
  return {
    memory: core.bytes,
    span: { address, lengthBytes: core.capacity(Capacity.ArenaBytes) },
    rx: core.region(Region.Rx),
    stamps: core.region(Region.Stamps),
    // Within a batch zones decide behind the bridge, and captured packets answer one another.
    ...(core.capacity(Capacity.Zones) > 0 && { room: 1 }),
    captureFill: batch => core.captureFill(batch),
  };
}

/** One pass over the captures. */
class Run {
  private packets = 0;
  private batches = 0;
  private readonly pace: Pace;

  constructor(
    private readonly core: Core,
    private readonly captures: MergedReader,
    private readonly options: ReplayOptions,
    private readonly outputs: ReplayOutputs | undefined,
  ) {
    this.pace = new Pace(options.speed ?? 0);
  }

  async all(): Promise<void> {
    const { captures } = this;
    do {
      for (let n = captures.fill(); n > 0; n = captures.fill()) {
        const wait = this.pace.until(captures.nowMs);
        if (wait !== undefined) await wait;
        if (this.batch(n)) return;
        if (this.batches % TURN_BATCHES === 0) await nextTurn();
      }
    } while (await captures.refill());
    this.progress();
  }

  /** Decides over one batch. Returns whether the traced packet was in it. */
  private batch(received: number): boolean {
    const { core, options } = this;
    const index = (options.traced?.packet ?? 0) - this.packets - 1;
    const hasTraced = index >= 0 && index < received;
    const arrived = hasTraced ? this.mark(index) : undefined;
    const sent = core.process(received, this.captures.nowMs % MS_MODULO);
    if (arrived !== undefined) {
      const { names, onWalk } = options.traced!;
      onWalk(walkOf(core, index, arrived, names));
    }
    this.packets += received;
    this.batches++;
    this.outputs?.writeBatch(sent, core.droppedCount);
    if (this.batches % PROGRESS_BATCHES === 0) this.progress();
    return hasTraced;
  }

  /** Sets the trace bit of packet `index` of the batch. */
  private mark(index: number): WalkFrame {
    this.core.clearTrace();
    this.core.flagReceived(index, RxFlag.Trace);
    return receivedFrame(this.core, index, this.options.traced!.names);
  }

  private progress(): void {
    const bytes = this.captures.readers.reduce((sum, reader) => sum + reader.positionBytes, 0);
    this.options.onProgress?.(this.packets, bytes);
  }
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

function summaryOf(
  core: Core,
  captures: MergedReader,
  seconds: number,
  cut: string | undefined,
): ReplaySummary {
  const total = (column: CoreCounter): number => Number(core.coreCounter(column));
  const packets = total(CoreCounter.Received);
  const drops: Record<string, number> = {};
  for (const [reason, packets] of core.dropTotals()) drops[Drop[reason]!] = Number(packets);
  return {
    packets,
    sent: total(CoreCounter.Sent),
    copies: total(CoreCounter.Copies),
    dropped: total(CoreCounter.Dropped),
    consumed: total(CoreCounter.Consumed),
    drops,
    truncated: captures.readers.reduce((sum, reader) => sum + reader.truncated, 0),
    seconds,
    packetsPerSec: Math.round(packets / seconds),
    ...(cut === undefined ? {} : { cut }),
  };
}
