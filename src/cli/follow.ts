/** Streams of events on standard output, until there were enough or somebody interrupts. */
import { printJsonLine, printLine } from './output.js';

export interface FollowOptions {
  /** End after so many events. */
  count?: number;
  json?: boolean;
}

interface Lost {
  lostEvents: number;
}

/** Prints each line, as `textOf` or JSON; of lost ones how many. Returns how many events. */
export async function follow<Line extends object>(
  lines: AsyncGenerator<Line | Lost>,
  { count = Infinity, json }: FollowOptions,
  textOf: (line: Line) => string,
): Promise<number> {
  const interrupted = new Promise<undefined>(resolve => {
    process.once('SIGINT', () => resolve(undefined));
    process.once('SIGTERM', () => resolve(undefined));
  });
  let shown = 0;
  while (shown < count) {
    const next = await Promise.race([lines.next(), interrupted]);
    if (next === undefined || next.done) break;
    const line: Line | Lost = next.value;
    if (!('lostEvents' in line)) shown++;
    if (json) printJsonLine(line);
    else printLine('lostEvents' in line ? `${line.lostEvents} events lost` : textOf(line));
  }
  return shown;
}
