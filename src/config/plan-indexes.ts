/** Indexes of names, which a name keeps while it exists. */

/**
 * An index for each name: the one it had, or the lowest that nobody has or just had; when
 * there is none below `count`, one that somebody just had.
 */
export function allocate(
  wanted: readonly { name: string }[],
  previous: readonly { name: string; index: number }[],
  count: number,
): Map<string, number> {
  const before = new Map(previous.map(({ name, index }) => [name, index]));
  const kept = wanted.filter(({ name }) => before.has(name)).map(({ name }) => before.get(name)!);
  const taken = new Set(kept);
  const had = new Set(before.values());
  const all = Array.from({ length: count }, (_, index) => index).filter(i => !taken.has(i));
  const free = [...all.filter(i => !had.has(i)), ...all.filter(i => had.has(i))];
  const next = free.values();
  return new Map(wanted.map(({ name }) => [name, before.get(name) ?? next.next().value!]));
}

/** The index of each name. */
export function indexesOf(all: readonly { name: string; index: number }[]): Map<string, number> {
  return new Map(all.map(({ name, index }) => [name, index]));
}

export const byIndex = (a: { index: number }, b: { index: number }): number => a.index - b.index;
