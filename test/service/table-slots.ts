/** Counts in lookup tables of services. */
import { NO_BACKEND, type Weighted } from '../../src/service/weighted.js';

const PORT = 80;

/** Backends 10.`net`.x.y:80, `count` of them, each with the weight of its place. */
export function backends(
  count: number,
  weightOf: (i: number) => number = () => 1,
  net = 0,
): Weighted[] {
  return Array.from({ length: count }, (_, i) => ({
    key: Uint8Array.of(10, net, i >> 8, i & 0xff, 0, PORT),
    weight: weightOf(i),
  }));
}

/** Slots of each backend; throws where a slot has none of them. */
export function slotsOf(table: Uint16Array, count: number): number[] {
  const slots = Array<number>(count).fill(0);
  for (const backend of table) {
    if (backend >= count) throw new Error(`a slot of backend ${backend}, of ${count}`);
    slots[backend]!++;
  }
  return slots;
}

/** The table with the keys of the backends in it: what it means, whatever their order. */
export function keysOf(table: Uint16Array, list: readonly Weighted[]): string[] {
  const names = list.map(({ key }) => Buffer.from(key).toString('hex'));
  return [...table].map(backend => (backend === NO_BACKEND ? '' : names[backend]!));
}

export interface Moved {
  /** Slots that one of the others had and another has now. */
  readonly survivors: number;
  /** Slots that the removed ones had and that they have still. */
  readonly left: number;
}

/** What changed from `before` to `after`, without the backends that were removed. */
export function movedSlots(
  before: readonly string[],
  after: readonly string[],
  removed: ReadonlySet<string>,
): Moved {
  let survivors = 0;
  let left = 0;
  before.forEach((key, slot) => {
    if (removed.has(key)) left += removed.has(after[slot]!) ? 1 : 0;
    else if (after[slot] !== key) survivors++;
  });
  return { survivors, left };
}

/** The list in another order. */
export function shuffled<T>(list: readonly T[], below: (below: number) => number): T[] {
  const after = [...list];
  for (let i = after.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [after[i], after[j]] = [after[j]!, after[i]!];
  }
  return after;
}
