/** What the parts of loading a topology share. */
import type { Problem } from '../config/config-error.js';
import { show } from '../config/schema.js';

/** What is wrong, and the folder that paths in the file begin at. */
export interface LoadContext {
  folder: string;
  problems: Problem[];
  /** Ports, as `host.port`, and stations: what frames come from and go to. */
  ends: Set<string>;
}

/** Adds a problem unless there is such a port or station. */
export function checkEnd(path: string, end: string, { ends, problems }: LoadContext): boolean {
  if (ends.has(end)) return true;
  problems.push({ path, problem: `expected ${listText([...ends])}, got ${show(end)}` });
  return false;
}

const MOST_LISTED = 12;

/** `one of a.p1, a.p2`, cut when long. */
export function listText(names: readonly string[]): string {
  if (names.length === 0) return 'a name, but there is none';
  const more = names.length > MOST_LISTED ? ', …' : '';
  return `one of ${names.slice(0, MOST_LISTED).join(', ')}${more}`;
}
