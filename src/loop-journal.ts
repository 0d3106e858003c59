/**
 * What happens to flows, on its way to the control thread, while somebody there listens. The
 * loop's thread copies bytes and nothing else: a message a batch, of the records as they are.
 * What waits to be dealt with is bounded; beyond it records stay in the core's ring, which
 * counts those that find no place, so a slow listener never slows the loop.
 */
import { JOURNAL_RECORD_BYTES } from '../assembly/zone-abi.js';
import type { Core } from './core.js';
import { type LoopEvent, Signal } from './loop-messages.js';

const MOST_WAITING = 16384;
const KIND_BITS = 32;

export class LoopJournal {
  /** Listeners by kind, as the bits of JournalKind are numbered. */
  private readonly listeners = new Array<number>(KIND_BITS).fill(0);

  constructor(
    private readonly core: Core,
    private readonly signal: Int32Array,
    private readonly clockMs: () => number,
    private readonly post: (event: LoopEvent) => void,
  ) {}

  /** Somebody listens to these kinds, JournalKind bits, or no longer. */
  listen(kinds: number, isWanted: boolean): void {
    let wanted = 0;
    for (let bit = 0; bit < KIND_BITS; bit++) {
      if (((kinds >>> bit) & 1) !== 0) this.listeners[bit]! += isWanted ? 1 : -1;
      if (this.listeners[bit]! > 0) wanted |= 1 << bit;
    }
    this.core.zones.journal.want(wanted);
  }

  get isHeard(): boolean {
    return this.listeners.some(count => count > 0);
  }

  /**
   * After a batch, or, with `isRequest`, after a request. All of it, however much waits, where
   * rules get other numbers.
   */
  tell(isRequest: boolean, isAll = false): void {
    const { journal } = this.core.zones;
    const { count } = journal;
    if (count === 0) return;
    if (!isAll && Atomics.load(this.signal, Signal.WaitingRecords) + count > MOST_WAITING) return;
    Atomics.add(this.signal, Signal.WaitingRecords, count);
    const times = {
      wallMs: Date.now(),
      clockMs: this.clockMs(),
      ...(isRequest && { requestMs: this.core.nowMs }),
    };
    this.post({ kind: 'journal', part: { ...journal.take(), ...times } });
  }
}

/** How many records a message holds. */
export function recordsIn({ records }: { records: Uint8Array }): number {
  return records.length / JOURNAL_RECORD_BYTES;
}
