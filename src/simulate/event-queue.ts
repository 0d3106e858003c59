/**
 * What is to happen, by simulated time, and of one time in the order it was asked for: a
 * binary heap. Nothing else orders a simulation, and no real clock is read.
 */
interface Event {
  atNs: number;
  sequence: number;
  isUpkeep: boolean;
  run: () => void;
}

export class EventQueue {
  private readonly heap: Event[] = [];
  private sequence = 0;

  /** Time of the last event taken. */
  nowNs = 0;
  /** Events taken so far. */
  taken = 0;

  /** Events that wait and are not upkeep: none means nothing goes on. */
  pending = 0;

  /** Time of the next event; undefined: there is none. */
  get nextNs(): number | undefined {
    return this.heap[0]?.atNs;
  }

  /**
   * `atNs`: whole nanoseconds; the past counts as now. Upkeep is what comes again and again
   * whether or not anything goes on.
   */
  push(atNs: number, run: () => void, isUpkeep = false): void {
    const time = Math.max(atNs, this.nowNs);
    const event = { atNs: time, sequence: this.sequence++, isUpkeep, run };
    const { heap } = this;
    if (!isUpkeep) this.pending++;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  /** Runs the next event. False: there is none. */
  step(): boolean {
    const event = this.heap[0];
    if (event === undefined) return false;
    const last = this.heap.pop()!;
    if (this.heap.length > 0) this.sink(last);
    this.nowNs = event.atNs;
    this.taken++;
    if (!event.isUpkeep) this.pending--;
    event.run();
    return true;
  }

  /** Puts `event` at the root and lets it down to its place. */
  private sink(event: Event): void {
    const { heap } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, event)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = event;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atNs !== b.atNs ? a.atNs < b.atNs : a.sequence < b.sequence;
}
