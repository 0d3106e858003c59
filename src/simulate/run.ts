/** From a topology to a simulation that has run. */
import { CoreCounter } from '../../assembly/abi.js';
import { CaptureError } from '../capture/index.js';
import { ConfigError } from '../config/config-error.js';
import { audit } from './audit.js';
import { readCapture } from './captured.js';
import { type ExpectationResult, checkExpectations, judge } from './expect.js';
import type { Observer } from './observer.js';
import { SimOutputs } from './outputs.js';
import { Simulation } from './simulation.js';
import { type Summary, summaryOf } from './summary.js';
import type { Topology } from './topology.js';

export interface RunOptions {
  /** Where to write captures, the journal and the summary; not at all when undefined. */
  outDir?: string;
  /** Told of everything that happens, in order. */
  onEvent?: Observer;
  /** Called now and then: simulated time, and frames that hosts have decided over so far. */
  onProgress?: (nowNs: number, frames: number) => void;
}

export interface RunResult {
  summary: Summary;
  expectations: ExpectationResult[];
  /** Counters that contradict each other: a fault of ours. See audit.ts. */
  broken: string[];
}

/** Events before other work of the process gets a turn. */
const TURN_EVENTS = 65536;
/** Turns in which simulated time may stand still. */
const MOST_STILL_TURNS = 64;

/** Throws a `ConfigError` for what only turns out now: captures, paths of expectations. */
export async function runTopology(
  topology: Topology,
  options: RunOptions = {},
): Promise<RunResult> {
  let outputs: SimOutputs | undefined;
  const onEvent: Observer = event => {
    outputs?.write(event);
    options.onEvent?.(event);
  };
  const isWatched = options.outDir !== undefined || options.onEvent !== undefined;
  const simulation = simulationOf(topology, isWatched ? onEvent : undefined);
  await scheduleCaptures(simulation, topology);
  ConfigError.throwIfAny(checkExpectations(topology.expect, summaryOf(simulation)));
  if (options.outDir !== undefined) outputs = new SimOutputs(options.outDir);
  await runAll(simulation, topology.untilNs, options);
  const summary = summaryOf(simulation);
  const expectations = judge(topology.expect, summary);
  outputs?.close(simulation, { ...summary, expectations });
  return { summary, expectations, broken: audit(simulation) };
}

/** Everything but the frames of captures, which are read from files. */
export function simulationOf(topology: Topology, onEvent?: Observer): Simulation {
  const { seed, pollNs } = topology;
  const simulation = new Simulation({ seed, pollNs, ...(onEvent !== undefined && { onEvent }) });
  for (const { name, config } of topology.hosts) simulation.addHost(name, config);
  for (const { name, ...station } of topology.stations) simulation.addStation(name, station);
  for (const { name, port } of topology.stations) {
    if (port !== undefined) simulation.connect(name, [port, name]);
  }
  for (const { name, ends, impairments } of topology.links) {
    simulation.connect(name, ends, impairments);
  }
  for (const { port, bytes, ...schedule } of topology.frames) {
    simulation.repeat(schedule, () => simulation.inject(port, bytes));
  }
  const station = (name: string): ReturnType<typeof simulation.addStation> =>
    simulation.stations.get(name)!;
  for (const { name, from, ...flow } of topology.pings) {
    simulation.addPing(name, { ...flow, from: station(from) });
  }
  for (const { name, from, receiver, ...flow } of topology.streams) {
    simulation.addStream(name, { ...flow, from: station(from), receiver: station(receiver) });
  }
  return simulation;
}

async function scheduleCaptures(simulation: Simulation, { captures }: Topology): Promise<void> {
  for (const [index, { port, file, atNs }] of captures.entries()) {
    try {
      for (const { sinceNs, bytes } of await readCapture(file)) {
        simulation.inject(port, bytes, atNs + sinceNs);
      }
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      const problem = `expected a capture that can be read, got ${error.message}`;
      throw new ConfigError(`captures[${index}].file`, problem);
    }
  }
}

async function runAll(
  simulation: Simulation,
  untilNs: number,
  { onProgress }: RunOptions,
): Promise<void> {
  let stillNs = -1;
  let still = 0;
  while (!simulation.runUntilIdleOr(untilNs, TURN_EVENTS)) {
    const { nowNs, hosts } = simulation;
    still = nowNs === stillNs ? still + 1 : 0;
    stillNs = nowNs;
    if (still > MOST_STILL_TURNS) {
      const what = `${still * TURN_EVENTS} events at ${nowNs} ns`;
      throw new Error(`simulation: ${what}: frames go in circles on links without delay`);
    }
    const frames = [...hosts.values()].map(host => host.total(CoreCounter.Received));
    onProgress?.(
      nowNs,
      frames.reduce((sum, received) => sum + received, 0),
    );
    await new Promise(resolve => setImmediate(resolve));
  }
}
