/** Holds a replay back to a multiple of the speed its captures were taken at. */
export class Pace {
  private startedMs = 0;
  private firstMs = -1;

  /** `speed`: times real time; 0: never waits. */
  constructor(private readonly speed: number) {}

  /** Waits until capture time `captureMs` is due; undefined when it is already. */
  until(captureMs: number): Promise<void> | undefined {
    if (this.speed === 0) return undefined;
    if (this.firstMs < 0) {
      this.firstMs = captureMs;
      this.startedMs = performance.now();
    }
    const dueMs = this.startedMs + (captureMs - this.firstMs) / this.speed;
    const waitMs = dueMs - performance.now();
    if (waitMs < 1) return undefined;
    return new Promise(resolve => setTimeout(resolve, waitMs));
  }
}
