/**
 * Live captures: copies of matching frames for the control thread, a message a batch. What
 * has been sent there and not been dealt with is bounded; frames beyond it are counted as
 * lost, so a slow reader never slows the loop.
 */
import {
  DROPPED_BYTES,
  Drop,
  Dropped,
  RX_BYTES,
  Region,
  Rx,
  TX_BYTES,
  Tx,
  TxFlag,
} from '../assembly/abi.js';
import { type FrameFilter, compileFilter } from './capture/filter.js';
import type { Core } from './core.js';
import type { FrameTap } from './loop.js';
import { type CaptureSpec, type CapturedFrame, type LoopEvent, Signal } from './loop-messages.js';

const MAX_OUTSTANDING_BYTES = 16 << 20;
/** What a frame costs on the way beside its bytes. */
const FRAME_COST_BYTES = 256;
const US_PER_MS = 1000;
const NS_PER_US = 1000n;

interface Capture {
  spec: CaptureSpec;
  matches: FrameFilter;
  frames: CapturedFrame[];
  lostFrames: number;
}

type Seen = Omit<CapturedFrame, 'data' | 'stampNs'> & { at: number };

export class LoopTaps implements FrameTap {
  private readonly captures = new Map<number, Capture>();
  private stampNs = 0n;

  constructor(
    private readonly core: Core,
    private readonly signal: Int32Array,
    private readonly post: (event: LoopEvent) => void,
  ) {}

  get isEmpty(): boolean {
    return this.captures.size === 0;
  }

  /** Throws a `FilterError` for a filter that is none. */
  start(spec: CaptureSpec): void {
    const matches = compileFilter(spec.filter);
    this.captures.set(spec.id, { spec, matches, frames: [], lostFrames: 0 });
  }

  stop(id: number): void {
    this.captures.delete(id);
  }

  onReceived(count: number): void {
    const nowMs = performance.timeOrigin + performance.now();
    this.stampNs = BigInt(Math.round(nowMs * US_PER_MS)) * NS_PER_US;
    const { view } = this.core;
    const rx = this.core.region(Region.Rx);
    for (let i = 0; i < count; i++) {
      const at = rx + i * RX_BYTES;
      this.see({
        at: view.getUint32(at + Rx.Data, true),
        lengthBytes: view.getUint32(at + Rx.Length, true),
        port: view.getUint16(at + Rx.Port, true),
        direction: 'rx',
        reason: Drop.None,
      });
    }
  }

  onDecided(sent: number, dropped: number): void {
    const tx = this.core.region(Region.Tx);
    for (let i = 0; i < sent; i++) this.seeSent(tx + i * TX_BYTES);
    const drops = this.core.region(Region.Dropped);
    for (let i = 0; i < dropped; i++) this.seeDropped(drops + i * DROPPED_BYTES);
    for (const capture of this.captures.values()) this.hand(capture);
  }

  private seeSent(at: number): void {
    const { view } = this.core;
    if ((view.getUint16(at + Tx.Flags, true) & TxFlag.Refused) !== 0) return;
    this.see({
      at: view.getUint32(at + Tx.Data, true),
      lengthBytes: view.getUint32(at + Tx.Length, true),
      port: view.getUint16(at + Tx.Port, true),
      direction: 'tx',
      reason: Drop.None,
    });
  }

  private seeDropped(at: number): void {
    const { view } = this.core;
    this.see({
      at: view.getUint32(at + Dropped.Data, true),
      lengthBytes: view.getUint32(at + Dropped.Length, true),
      port: view.getUint16(at + Dropped.Port, true),
      direction: 'drop',
      reason: view.getUint16(at + Dropped.Reason, true),
    });
  }

  private see(frame: Seen): void {
    for (const capture of this.captures.values()) {
      const { spec } = capture;
      if (spec.drops !== (frame.direction === 'drop')) continue;
      if (spec.port !== undefined && spec.port !== frame.port) continue;
      const bytes = this.core.bytes.subarray(frame.at, frame.at + frame.lengthBytes);
      if (capture.matches(bytes)) this.keep(capture, frame, bytes);
    }
  }

  private keep(capture: Capture, frame: Seen, bytes: Uint8Array): void {
    const kept = Math.min(bytes.length, capture.spec.snapBytes);
    const cost = kept + FRAME_COST_BYTES;
    if (Atomics.load(this.signal, Signal.CapturedBytes) + cost > MAX_OUTSTANDING_BYTES) {
      capture.lostFrames++;
      return;
    }
    Atomics.add(this.signal, Signal.CapturedBytes, cost);
    const { at: _at, ...rest } = frame;
    capture.frames.push({ ...rest, stampNs: this.stampNs, data: bytes.slice(0, kept) });
  }

  private hand(capture: Capture): void {
    const { frames, lostFrames, spec } = capture;
    if (frames.length === 0) return;
    this.post({ kind: 'captured', id: spec.id, frames, lostFrames });
    capture.frames = [];
    capture.lostFrames = 0;
  }
}

/** What the control thread takes off `Signal.CapturedBytes` when it is done with a frame. */
export function costOf(frame: CapturedFrame): number {
  return frame.data.length + FRAME_COST_BYTES;
}
