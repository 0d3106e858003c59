/** Sets of VLANs as ranges: sorted, not overlapping, not touching. */
import type { VidRange } from './config.js';
import type { RawVids } from './raw.js';

/** IEEE 802.1Q-2018 table 9-2: 0 is no VLAN, 4095 is reserved. */
export const FIRST_VID = 1;
export const LAST_VID = 4094;
export const ALL_VIDS: readonly VidRange[] = [[FIRST_VID, LAST_VID]];

/** Reads `all`, `10,12-20`, `10` or a list of these. Undefined: not all within 1..4094. */
export function parseVids(raw: RawVids): VidRange[] | undefined {
  if (raw === 'all') return [...ALL_VIDS];
  const parts = [raw].flat().flatMap(part => String(part).split(','));
  const ranges: VidRange[] = [];
  for (const part of parts) {
    const [first = NaN, last = first] = part.split('-').map(Number);
    const isRange = first >= FIRST_VID && last <= LAST_VID && first <= last;
    if (!isRange) return undefined;
    ranges.push([first, last]);
  }
  return mergeVids(ranges);
}

export function mergeVids(ranges: readonly VidRange[]): VidRange[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: VidRange[] = [];
  for (const [first, last] of sorted) {
    const before = merged.at(-1);
    if (before === undefined || first > before[1] + 1) merged.push([first, last]);
    else merged[merged.length - 1] = [before[0], Math.max(before[1], last)];
  }
  return merged;
}

export function hasVid(ranges: readonly VidRange[], vid: number): boolean {
  return ranges.some(([first, last]) => first <= vid && vid <= last);
}

/** Without one VLAN. */
export function withoutVid(ranges: readonly VidRange[], vid: number): VidRange[] {
  return ranges.flatMap(([first, last]): VidRange[] => {
    if (vid < first || vid > last) return [[first, last]];
    const below: VidRange = [first, vid - 1];
    const above: VidRange = [vid + 1, last];
    return [below, above].filter(range => range[0] <= range[1]);
  });
}

export function* eachVid(ranges: readonly VidRange[]): Generator<number> {
  for (const [first, last] of ranges) {
    for (let vid = first; vid <= last; vid++) yield vid;
  }
}

/** `all`, or `10,12-20`. */
export function vidsText(ranges: readonly VidRange[]): string {
  const isAll = ranges[0]?.[0] === FIRST_VID && ranges[0][1] === LAST_VID;
  if (isAll) return 'all';
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join();
}
