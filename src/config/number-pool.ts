/** Numbers that something may have: the lowest that is free comes first. */
import { ConfigError } from './config-error.js';

export class NumberPool {
  private readonly isUsed: Uint8Array;
  /** Below it none is free. */
  private lowest = 0;

  constructor(
    private readonly count: number,
    used: readonly number[],
  ) {
    this.isUsed = new Uint8Array(count);
    for (const number of used) this.isUsed[number] = 1;
  }

  /** Adds the number to `taken`. Throws a ConfigError when there is none. */
  take(path: string, what: string, taken: number[]): number {
    const found = this.isUsed.indexOf(0, this.lowest);
    if (found < 0) {
      const most = `at most ${this.count} ${what} (capacities.${what})`;
      throw new ConfigError(path, `expected ${most}, got more`);
    }
    this.isUsed[found] = 1;
    this.lowest = found + 1;
    taken.push(found);
    return found;
  }

  give(numbers: readonly number[]): void {
    for (const number of numbers) {
      this.isUsed[number] = 0;
      this.lowest = Math.min(this.lowest, number);
    }
  }
}
