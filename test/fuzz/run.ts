/**
 * The fuzzer: random frames, virtio headers and control operations into random switches, and
 * packets, rules and reloads into zones.
 *
 *   npm run fuzz -- [--seconds N] [--seed S] [--build test|release] [--json]
 *
 * Each round is a new switch with a seed of its own; without --build rounds take turns.
 * When an invariant breaks it prints the round's seed and the fewest frames of the batch
 * that still break it, and exits with 1. `--seed S --rounds 1` runs a round again.
 */
import { parseArgs } from 'node:util';
import { Region } from '../../assembly/abi.js';
import { Core, type Build } from '../../src/core.js';
import { Frame, hex } from '../support/frame.js';
import { randomOf } from '../support/random.js';
import { PORTS, SEGMENTS, type Random } from '../support/random-switch.js';
import { TestSwitch, type Input } from '../support/test-switch.js';
import { World } from './control.js';
import { loadCorpus, randomInput } from './corpus.js';
import { checkEntries, checkOutcome } from './invariants.js';
import { OVERLAY_SIZES, makeOverlay, newOverlay } from './overlay.js';
import { underlayInput } from './overlay-frames.js';
import { runZoneRound } from './zones.js';

const BATCHES = 60;
const BATCH_BYTES = 150000;
const CANARY = 0xa5;
const PROGRESS_MS = 5000;
/** One round of this many is one of a zone. */
const ZONE_ROUNDS = 4;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 0x7fffffff) },
    rounds: { type: 'string', default: 'Infinity' },
    build: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

class Violation extends Error {
  constructor(
    readonly what: string,
    readonly inputs: Input[],
  ) {
    super(what);
  }
}

function createWorld(random: Random, build: Build): World {
  const capacities = {
    FdbEntries: 1 + random(60),
    Domains: 10 * SEGMENTS,
    EvictEntries: 2 * random(20),
    ArenaBytes: 1 << 18,
    CopyBytes: random(3) === 0 ? random(20000) : 1 << 18,
    TraceRecords: random(200),
    ...OVERLAY_SIZES,
  };
  const to = TestSwitch.create({
    ports: 0,
    segments: 0,
    seed: BigInt(random(2 ** 31)),
    build,
    capacities,
  });
  to.guardsArena = true;
  to.nowMs = random(4) === 0 ? 2 ** 32 - random(20000) : random(2 ** 31);
  to.core.bytes.fill(CANARY, to.core.end);
  const hasOverlay = random(2) === 0;
  const world = new World(to, hasOverlay ? newOverlay(random) : undefined);
  for (let segment = 0; segment < SEGMENTS; segment++) {
    const ArrivalStart = (segment * capacities.EvictEntries) / SEGMENTS;
    to.segment(segment, { Domain: world.domain(random, segment), ArrivalStart });
  }
  for (let port = 1; port <= PORTS; port++) world.join(port, random(SEGMENTS));
  if (world.overlay !== undefined) makeOverlay(random, to, world.overlay);
  return world;
}

function randomBatch(random: Random, corpus: Uint8Array[], { overlay }: World): Input[] {
  const batch: Input[] = [];
  let bytes = 0;
  for (let left = 1 + random(64); left > 0; left--) {
    const isOuter = overlay !== undefined && random(2) === 0;
    const input = isOuter ? underlayInput(random, overlay) : randomInput(random, corpus);
    bytes += 256 + (input.frame instanceof Frame ? 0 : input.frame.length);
    if (bytes > BATCH_BYTES) break;
    batch.push(input);
  }
  return batch;
}

function runBatch(world: World, batch: Input[], low: Uint8Array): void {
  const { to } = world;
  const outcome = to.batch(batch);
  checkOutcome(world, batch, outcome);
  const { bytes, end } = to.core;
  if (Buffer.compare(bytes.subarray(0, low.length), low) !== 0)
    throw new Error('wrote below the core');
  if (bytes.subarray(end).some(byte => byte !== CANARY)) throw new Error('wrote behind the core');
}

/** The fewest frames, of those given, that still break something from the state before. */
function minimal(
  world: World,
  before: Uint8Array,
  batch: Input[],
  build: Build,
  low: Uint8Array,
): Input[] {
  const breaks = (inputs: Input[]) => {
    const to = new TestSwitch(Core.restore(before, build), world.to.capacities);
    to.guardsArena = true;
    to.nowMs = world.to.nowMs;
    const again = new World(to, world.overlay);
    for (const [port, segment] of world.segmentOf) again.segmentOf.set(port, segment);
    try {
      runBatch(again, inputs, low);
      checkEntries(again);
      return false;
    } catch {
      return true;
    }
  };
  let left = batch;
  for (let i = batch.length - 1; i >= 0; i--) {
    const fewer = left.filter((_, index) => index !== i);
    if (breaks(fewer)) left = fewer;
  }
  return left;
}

/** A round of a zone; its seed says all there is to say. */
function runZone(random: Random, build: Build): number {
  try {
    return runZoneRound(random, build);
  } catch (error) {
    throw new Violation(
      error instanceof Error ? (error.stack ?? error.message) : String(error),
      [],
    );
  }
}

/** One switch, some batches. Returns the number of frames. */
function runRound(seed: number, build: Build, corpus: Uint8Array[]): number {
  const random = randomOf(seed);
  if (random(ZONE_ROUNDS) === 0) return runZone(random, build);
  const world = createWorld(random, build);
  const { to } = world;
  const low = to.core.bytes.slice(0, to.core.region(Region.Rx) - 4096);
  let frames = 0;
  for (let i = 0; i < BATCHES; i++) {
    for (let acts = random(5); acts > 0; acts--) world.act(random);
    to.nowMs = (to.nowMs + random(random(10) === 0 ? 400000 : 500)) % 2 ** 32;
    const batch = randomBatch(random, corpus, world);
    const before = to.core.snapshot();
    try {
      runBatch(world, batch, low);
      if (random(4) === 0) to.refuse(() => random(3) === 0, random(2) === 0);
      if (random(8) === 0) checkEntries(world);
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Violation(what, minimal(world, before, batch, build, low));
    }
    frames += batch.length;
  }
  return frames;
}

function describe({ port, frame, offload, tight, trace, checked }: Input): string {
  const bytes = frame instanceof Frame ? frame.bytes() : frame;
  const flags = `${tight ? ' tight' : ''}${trace ? ' trace' : ''}${checked ? ' checked' : ''}`;
  return `  port ${port}${flags} virtio ${offload ? hex(offload) : '-'} frame ${hex(bytes)}`;
}

const say = (line: string) => (values.json ? console.error(line) : console.log(line));

function main(): number {
  const first = Number(values.seed);
  const seconds = Number(values.seconds);
  const corpus = loadCorpus();
  say(`fuzz: seed ${first}, ${seconds} s, ${corpus.length} captured frames`);
  const startMs = Date.now();
  const summary = { seed: first, rounds: 0, frames: 0, seconds: 0, violations: 0, roundSeed: 0 };
  let saidMs = startMs;
  while (Date.now() - startMs < seconds * 1000 && summary.rounds < Number(values.rounds)) {
    const seed = (first + summary.rounds * 7919) % 0x7fffffff;
    const build = (values.build ?? (seed % 2 === 0 ? 'test' : 'release')) as Build;
    try {
      summary.frames += runRound(seed, build, corpus);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      say(`fuzz: violation in round of seed ${seed}, ${build} build: ${error.what}`);
      say(`fuzz: again with --seed ${seed} --rounds 1 --build ${build}`);
      for (const input of error.inputs) say(describe(input));
      summary.violations++;
      summary.roundSeed = seed;
      break;
    }
    summary.rounds++;
    if (Date.now() - saidMs >= PROGRESS_MS) {
      saidMs = Date.now();
      say(`fuzz: ${summary.rounds} rounds, ${summary.frames} frames`);
    }
  }
  summary.seconds = (Date.now() - startMs) / 1000;
  console.log(values.json ? JSON.stringify(summary) : `fuzz: ${JSON.stringify(summary)}`);
  return summary.violations;
}

process.exitCode = main() > 0 ? 1 : 0;
