/** What a link does to frames. */
export interface Partition {
  fromNs: number;
  /** The first moment it is over. */
  toNs: number;
  /** Ends cut off from all others, and they from these; none: each from each. */
  ends: readonly string[];
}

export interface Impairments {
  delayNs: number;
  /** Up to so much more, evenly drawn; never lets a frame overtake another. */
  jitterNs: number;
  lossPercent: number;
  duplicatePercent: number;
  /** So many are held back by `reorderNs`, so that later ones overtake them. */
  reorderPercent: number;
  reorderNs: number;
  /** Longest IP packet; 0: no limit. */
  mtuBytes: number;
  /** What becomes of longer ones: lost silently, or answered as a router does. */
  tooBig: 'drop' | 'icmp';
  /** Addresses that answers come from: at most one of each family. */
  routers: readonly Uint8Array[];
  /** 0: no limit. */
  rateBitsPerSec: number;
  /** Bytes that may wait for the rate. */
  queueBytes: number;
  partitions: readonly Partition[];
}

/** Of a link of which nothing is said: a short cable. */
export const NO_IMPAIRMENTS: Impairments = {
  delayNs: 10_000,
  jitterNs: 0,
  lossPercent: 0,
  duplicatePercent: 0,
  reorderPercent: 0,
  reorderNs: 1_000_000,
  mtuBytes: 0,
  tooBig: 'drop',
  routers: [],
  rateBitsPerSec: 0,
  queueBytes: 1 << 20,
  partitions: [],
};

/** Whether frames between two ends are lost at a time. */
export function isParted(
  { partitions }: Impairments,
  atNs: number,
  [from, to]: readonly [string, string],
): boolean {
  return partitions.some(({ fromNs, toNs, ends }) => {
    if (atNs < fromNs || atNs >= toNs) return false;
    return ends.length === 0 || ends.includes(from) !== ends.includes(to);
  });
}
