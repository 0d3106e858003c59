/** What lookup tables are made of: backends with a key and a weight, in an order of their own. */
import type { Backend } from './model.js';

/** A table names a backend by its place in the list it was made of, 0..65534. */
export interface Weighted {
  /** The same on every node; a string counts as its UTF-8 bytes. No two are the same. */
  readonly key: string | Uint8Array;
  /** A whole number; 0: it takes no new connection. */
  readonly weight: number;
}

/** In a table: no backend. */
export const NO_BACKEND = 0xffff;

/** Address, then port in wire order: a backend's key, of 6 or 18 bytes. */
export function weightedOf({ address, port, weight }: Backend): Weighted {
  return { key: Uint8Array.of(...address, port >> 8, port & 0xff), weight };
}

export interface Keyed {
  /** Place in the list that was given. */
  readonly ordinal: number;
  readonly key: Uint8Array;
  readonly weight: number;
}

/** By key, byte by byte: the same order for the same backends, however they were added. */
export function inKeyOrder(backends: readonly Weighted[]): Keyed[] {
  if (backends.length > NO_BACKEND)
    throw new Error(`a table names up to ${NO_BACKEND} backends, got ${backends.length}`);
  const keyed = backends.map(({ key, weight }, ordinal) => ({
    ordinal,
    key: bytesOf(key),
    weight,
  }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  keyed.forEach(({ key, ordinal, weight }, i) => {
    if (!Number.isInteger(weight) || weight < 0)
      throw new Error(`backend ${ordinal}: expected a weight from 0 on, got ${weight}`);
    if (i > 0 && Buffer.compare(key, keyed[i - 1]!.key) === 0)
      throw new Error(`backends ${keyed[i - 1]!.ordinal} and ${ordinal} have the same key`);
  });
  return keyed;
}

function bytesOf(key: string | Uint8Array): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key) : key;
}
