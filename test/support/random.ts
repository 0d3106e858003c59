/**
 * A generator of whole numbers below its argument, seeded by $SLUICE_SEED, else by `usual` or
 * the clock. The seed is printed, so that a failure can be run again.
 */
export function seededRandom(what: string, usual?: number): (below: number) => number {
  const seed = Number(process.env['SLUICE_SEED'] ?? usual ?? Date.now() % 0x7fffffff);
  console.log(`${what}: SLUICE_SEED=${seed}`);
  return randomOf(seed);
}

/** The generator by itself: the same seed gives the same numbers. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
