/**
 * The rules of a core: two regions of equal size for programs, one of them in use, and what
 * rules remember: counters, the memory of `limit` and `statistic`, and paths (path.ts).
 *
 *   header | frames | scratch | region | region | counters | states | paths
 *
 * A new program is written into the region that is not in use and then taken into use in one
 * step, which zeroes counters and states and forgets the paths: ids are those of the program.
 * The host reads the counters before, and writes those that go on behind.
 */
import { Status } from '../abi';
import {
  COUNTER_BYTES,
  Hook,
  MOST_DEPTH,
  MOST_GROUPS,
  PROGRAM_HEADER_BYTES,
  PROGRAM_MAGIC,
  PROGRAM_VERSION,
  ProgramField,
  ZONE_CHAINS,
  ZONE_ROW_BYTES,
} from '../rules-abi';

const LINE_BYTES: usize = 64;
const HEADER_BYTES: usize = 128;
/** Memory of one criterion. */
export const STATE_BYTES: usize = 16;
/** A chain that is being walked, see evaluate.ts. */
export const FRAME_BYTES: usize = 24 + 4 * MOST_GROUPS;
const FRAMES_BYTES: usize = FRAME_BYTES * (MOST_DEPTH + 1);
/** Memory words of classic BPF. */
const SCRATCH_BYTES: usize = 64;
const FAMILIES: u32 = 2;
const IPV4: u32 = 4;

function aligned(bytes: usize): usize {
  return (bytes + LINE_BYTES - 1) & ~(LINE_BYTES - 1);
}

@unmanaged
export class Rules {
  /** The program in use. */
  program: usize;
  /** Where the next one is written. */
  spareProgram: usize;
  /** Raised with each program; never 0 once there was one. */
  generation: u32;
  /** Most bytes of a program. */
  programBytes: u32;
  /** Zones the program in use has rows for. */
  zones: u32;
  /** Counters in use, and most of them; likewise states. */
  counterCount: u32;
  mostCounters: u32;
  stateCount: u32;
  mostStates: u32;
  frames: usize;
  scratch: usize;
  counters: usize;
  states: usize;
  /** Paths: path.ts. */
  pathRows: usize;
  pathPlaces: usize;
  pathWords: usize;
  pathCount: u32;
  mostPaths: u32;
  pathMask: u32;
  pathWordsUsed: u32;
  mostPathWords: u32;
  /** Of `statistic --mode random`; never 0. */
  random: u32;

  static at(ptr: usize): Rules {
    return changetype<Rules>(ptr);
  }

  /** Address of the program that is not in use: room for `programBytes`. */
  get staged(): usize {
    return this.spareProgram;
  }

  /** Address of two u64, packets and bytes, of the rule or policy `counter`. */
  counterAt(counter: u32): usize {
    return this.counters + <usize>counter * COUNTER_BYTES;
  }

  stateAt(state: u32): usize {
    return this.states + <usize>state * STATE_BYTES;
  }
}

if (offsetof<Rules>() > HEADER_BYTES) ERROR('Rules must fit its header');

/** Paths for which the words of trails are given out: this many a path, on the average. */
export const PATH_WORDS: u32 = 16;
export const PATH_ROW_BYTES: usize = 32;

/** Places of the hash table for `paths` paths: a power of two, half of it stays free. */
function pathPlacesFor(paths: u32): u32 {
  let places: u32 = 2;
  while (places < 2 * paths) places <<= 1;
  return places;
}

/** Bytes for rules: `program` is most bytes of a program, the rest are numbers of rows. */
export function rulesBytesFor(program: u32, counters: u32, states: u32, paths: u32): usize {
  return (
    HEADER_BYTES +
    aligned(FRAMES_BYTES) +
    SCRATCH_BYTES +
    2 * aligned(program) +
    aligned(<usize>counters * COUNTER_BYTES) +
    aligned(<usize>states * STATE_BYTES) +
    aligned(<usize>paths * PATH_ROW_BYTES) +
    aligned((<usize>pathPlacesFor(paths)) << 2) +
    aligned(<usize>paths * PATH_WORDS * 4)
  );
}

/** Lays out rules without a program in zeroed memory at a line. `program`: at least a header. */
export function createRules(
  ptr: usize,
  program: u32,
  counters: u32,
  states: u32,
  paths: u32,
): Rules {
  const rules = Rules.at(ptr);
  let next = ptr + HEADER_BYTES;
  rules.frames = next;
  next += aligned(FRAMES_BYTES);
  rules.scratch = next;
  next += SCRATCH_BYTES;
  rules.program = next;
  next += aligned(program);
  rules.spareProgram = next;
  next += aligned(program);
  rules.counters = next;
  next += aligned(<usize>counters * COUNTER_BYTES);
  rules.states = next;
  next += aligned(<usize>states * STATE_BYTES);
  rules.pathRows = next;
  next += aligned(<usize>paths * PATH_ROW_BYTES);
  rules.pathPlaces = next;
  next += aligned((<usize>pathPlacesFor(paths)) << 2);
  rules.pathWords = next;
  rules.programBytes = program;
  rules.mostCounters = counters;
  rules.mostStates = states;
  rules.mostPaths = paths;
  rules.pathMask = pathPlacesFor(paths) - 1;
  rules.mostPathWords = paths * PATH_WORDS;
  rules.random = 1;
  return rules;
}

/** Where `statistic --mode random` begins. */
export function seedRules(rules: Rules, seed: u32): void {
  rules.random = seed == 0 ? 1 : seed;
}

/**
 * Takes the program in the spare region into use. OutOfRange: it is not a program of this
 * version, of `bytes` bytes; Full: it needs more counters or states than there are.
 */
export function useProgram(rules: Rules, bytes: u32): Status {
  const program = rules.spareProgram;
  if (bytes < <u32>PROGRAM_HEADER_BYTES || bytes > rules.programBytes) return Status.OutOfRange;
  if (load<u32>(program, ProgramField.Magic) != PROGRAM_MAGIC) return Status.OutOfRange;
  if (load<u32>(program, ProgramField.Version) != PROGRAM_VERSION) return Status.OutOfRange;
  if (load<u32>(program, ProgramField.Bytes) != bytes) return Status.OutOfRange;
  const zones = load<u32>(program, ProgramField.Zones);
  const rows = (bytes - PROGRAM_HEADER_BYTES) / (FAMILIES * ZONE_ROW_BYTES);
  if (zones > rows) return Status.OutOfRange;
  const counters = load<u32>(program, ProgramField.Counters);
  const states = load<u32>(program, ProgramField.States);
  if (counters > rules.mostCounters || states > rules.mostStates) return Status.Full;
  rules.spareProgram = rules.program;
  rules.program = program;
  rules.zones = zones;
  rules.counterCount = counters;
  rules.stateCount = states;
  rules.generation++;
  memory.fill(rules.counters, 0, <usize>counters * COUNTER_BYTES);
  memory.fill(rules.states, 0, <usize>states * STATE_BYTES);
  forgetPaths(rules);
  return Status.Ok;
}

/** Gives up all paths: their numbers mean nothing any more. */
export function forgetPaths(rules: Rules): void {
  memory.fill(rules.pathPlaces, 0, (<usize>rules.pathMask + 1) << 2);
  rules.pathCount = 0;
  rules.pathWordsUsed = 0;
}

function rowOf(rules: Rules, zone: u32, family: u32): usize {
  const row = zone * FAMILIES + (family == IPV4 ? 0 : 1);
  return rules.program + PROGRAM_HEADER_BYTES + <usize>row * ZONE_ROW_BYTES;
}

/** A bit for each Hook at which a zone has a chain for `family`. 0: no rules, nothing to ask. */
export function hooksOf(rules: Rules, zone: u32, family: u32): u32 {
  return zone < rules.zones ? load<u32>(rowOf(rules, zone, family)) : 0;
}

/** Whether rules are to be asked at `hook`. */
export function hasHook(rules: Rules, zone: u32, family: u32, hook: Hook): bool {
  return ((hooksOf(rules, zone, family) >>> (<u32>hook)) & 1) != 0;
}

/** Address of the chain at `hook`, or 0. */
export function chainAt(rules: Rules, zone: u32, family: u32, hook: Hook): usize {
  if (!hasHook(rules, zone, family, hook)) return 0;
  const row = rowOf(rules, zone, family) + ((<usize>hook) << 2);
  return rules.program + load<u32>(row, ZONE_CHAINS);
}
