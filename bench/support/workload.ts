/** What a workload is, and what it reports. */

/** One result, as `--json` prints it. */
export interface Row {
  workload: string;
  case: string;
  /** `ns/packet`, `packets/s`, `ratio`, … */
  unit: string;
  median: number;
  min: number;
  max: number;
  /** Figures the median was taken of. */
  runs: number;
  /** Version of Node. */
  node: string;
  /** What the figure consists of, in words. */
  note: string;
}

/** What a workload writes to. */
export interface Report {
  row(unit: string, name: string, figures: readonly number[], note: string): void;
  progress(text: string): void;
}

/** The export `workload` of a file in bench/ that is named for it. */
export interface Workload {
  /** One line for the list. */
  about: string;
  run(report: Report): Promise<void> | void;
}

/** This workload cannot run here; the message says how to change that. */
export class Missing extends Error {}

/** The middle of `figures`, or the mean of the two in the middle. */
export function medianOf(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
