/**
 * Lookup tables of the schedulers sh and dh, as `net/netfilter/ipvs/ip_vs_sh.c` and `ip_vs_dh.c`
 * lay them out: 256 buckets that the backends take in turn, again and again. Where one comes or
 * goes most buckets change hands; mh (`maglev.ts`) is for those who mind.
 *
 * IPVS goes through its list with the newest backend first. Here they go by key, so that the
 * table is the same however they were added.
 */
import { inKeyOrder, NO_BACKEND, type Weighted } from './weighted.js';

/** `IP_VS_SH_TAB_SIZE`, `IP_VS_DH_TAB_SIZE`. */
export const HASH_BUCKETS = 256;

/**
 * sh: a backend takes as many buckets in a row as it has weight. One without weight takes one,
 * as in IPVS: its connections are refused or, with `sh-fallback`, go elsewhere, and no bucket of
 * another moves when a backend of weight 1 is drained. `NO_BACKEND` where there is none at all.
 */
export function sourceHashTable(backends: readonly Weighted[]): Uint16Array {
  return takeInTurn(backends, weight => Math.max(weight, 1));
}

/** dh: as sh, but weights count for nothing. */
export function destinationHashTable(backends: readonly Weighted[]): Uint16Array {
  return takeInTurn(backends, () => 1);
}

function takeInTurn(
  backends: readonly Weighted[],
  inARow: (weight: number) => number,
): Uint16Array {
  const table = new Uint16Array(HASH_BUCKETS).fill(NO_BACKEND);
  const ordered = inKeyOrder(backends);
  if (ordered.length === 0) return table;
  for (let bucket = 0, i = 0; bucket < HASH_BUCKETS; i = (i + 1) % ordered.length) {
    const { ordinal, weight } = ordered[i]!;
    const end = Math.min(bucket + inARow(weight), HASH_BUCKETS);
    table.fill(ordinal, bucket, end);
    bucket = end;
  }
  return table;
}
