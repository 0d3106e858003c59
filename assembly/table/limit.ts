/**
 * A limit of events per second: a bucket that fills by one an event and drains steadily.
 * Zeroed memory is an empty bucket, so a new one takes a whole burst. It drains no more than
 * a minute at a time, and is empty long before.
 */
const EVENT_LEVEL: u32 = 1000; // so that a millisecond drains whole numbers
const MOST_ELAPSED_MS: u32 = 60000;

@unmanaged
export class Limit {
  /** In thousandths of an event. */
  private level: u32;
  private drainedMs: u32;

  /** Views LIMIT_BYTES bytes at `ptr`. */
  static at(ptr: usize): Limit {
    return changetype<Limit>(ptr);
  }

  /**
   * Whether one more event is within the limit at `nowMs`; then it counts. `perSec` up to
   * 71582, `burst` up to 4 million.
   */
  takes(nowMs: u32, perSec: u32, burst: u32): bool {
    const drained = min(nowMs - this.drainedMs, MOST_ELAPSED_MS) * perSec;
    const level = this.level > drained ? this.level - drained : 0;
    this.drainedMs = nowMs;
    const isTaken = level + EVENT_LEVEL <= burst * EVENT_LEVEL;
    this.level = isTaken ? level + EVENT_LEVEL : level;
    return isTaken;
  }
}

/** Bytes of one. */
export const LIMIT_BYTES: usize = offsetof<Limit>();
if (LIMIT_BYTES != 8) ERROR('Limit must be 8 bytes');
