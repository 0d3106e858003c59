import { ApiError } from '../api/api-error.js';
import { nearest } from '../config/nearest.js';

const NOT_FOUND = 404;

/** All, or the one of that name. Throws an `ApiError` when there is none. */
export function onlyNamed<T extends { name: string }>(
  what: string,
  name: string | undefined,
  all: readonly T[],
): readonly T[] {
  if (name === undefined) return all;
  const found = all.filter(other => other.name === name);
  if (found.length > 0) return found;
  const names = all.map(other => other.name);
  const meant = nearest(name, names);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw new ApiError(NOT_FOUND, `${what}: expected one of ${names.join(', ')}, got ${name}${hint}`);
}
