import type { Problem } from './config-error.js';
import { nearest } from './nearest.js';
import { show } from './schema.js';

const MAX_LISTED = 10;

/** A name that nothing has, with those there are and the one most likely meant. */
export function unknownName(path: string, name: string, known: readonly string[]): Problem {
  const meant = nearest(name, known);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  const more = known.length > MAX_LISTED ? ', …' : '';
  const names = known.slice(0, MAX_LISTED).join(', ') + more;
  const list = known.length === 0 ? 'a name, but there is none' : `one of ${names}`;
  return { path, problem: `expected ${list}, got ${show(name)}${hint}` };
}
