/**
 * What the core tells beyond frames, on its way to the control thread, while somebody there
 * listens. Events that wait to be dealt with are bounded; more are counted as lost, so a slow
 * listener never slows the loop.
 */
import type { Core } from './core.js';
import { type LoopEvent, Signal } from './loop-messages.js';

const MOST_WAITING = 4096;

export class LoopEvents {
  private listeners = 0;
  private lostEvents = 0;

  constructor(
    private readonly core: Core,
    private readonly signal: Int32Array,
    private readonly post: (event: LoopEvent) => void,
  ) {}

  get isHeard(): boolean {
    return this.listeners > 0;
  }

  start(): void {
    this.listeners++;
  }

  stop(): void {
    this.listeners--;
  }

  /** After a batch. */
  onDecided(): void {
    const count = this.core.overlays.eventCount;
    if (count === 0) return;
    if (Atomics.load(this.signal, Signal.WaitingEvents) + count > MOST_WAITING) {
      this.lostEvents += count;
      return;
    }
    Atomics.add(this.signal, Signal.WaitingEvents, count);
    const events = this.core.overlays.events();
    this.post({ kind: 'told', events, lostEvents: this.lostEvents });
    this.lostEvents = 0;
  }
}
