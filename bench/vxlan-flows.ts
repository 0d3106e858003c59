/**
 * Outer UDP source ports of 10 000 random flows: how evenly they fill 49152 to 65535 (χ² over
 * 64 bins), and whether a flow ever changes its port.
 */
import { HEADROOM_BYTES, RX_BYTES, Region, Rx, Tx } from '../assembly/abi.js';
import type { Core } from '../src/core.js';
import { innerFrame, localMac, makeOverlay, placeStations } from './support/overlay.js';
import { seededRandom } from './support/stations.js';
import type { Workload } from './support/workload.js';

const FLOWS = 10000;
const TIMES = 4;
const BINS = 64;
const FIRST_PORT = 49152;
const PORTS = 16384;
const RUNS = 5;
/** Of 16384 ports, 10 000 random draws meet this many on average: 16384 (1 - e^(-10000/16384)). */
const DISTINCT = 7484;
const SOURCE_PORT_OFFSET = 34;

export const workload: Workload = {
  about: 'outer UDP source ports of 10 000 flows',
  run(report) {
    const squares: number[] = [];
    const outside: number[] = [];
    const distinct: number[] = [];
    const changed: number[] = [];
    for (let run = 1; run <= RUNS; run++) {
      const { ports, changes } = portsOfFlows(run);
      squares.push(chiSquare(ports));
      outside.push(ports.filter(port => port < FIRST_PORT || port >= FIRST_PORT + PORTS).length);
      distinct.push(new Set(ports).size);
      changed.push(changes);
    }
    const note = `${FLOWS} flows, ${BINS} bins, ${BINS - 1} degrees of freedom, p = 0.001 at 103.4`;
    report.row('chi-square', 'even', squares, note);
    report.row('ports', 'outside', outside, `not of ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1}`);
    report.row('ports', 'distinct', distinct, `${DISTINCT} if drawn at random`);
    report.row('flows', 'changed-port', changed, `each sent ${TIMES} times`);
  },
};

/** The port of each flow, and how many flows had more than one. */
function portsOfFlows(seed: number): { ports: number[]; changes: number } {
  const { core, vteps } = makeOverlay(1);
  placeStations(core, 1, () => core.overlays.placeOf(vteps[0]!));
  const random = seededRandom(seed);
  const frames = Array.from({ length: FLOWS }, () => innerFrame(localMac(0), 0, random));
  const ports = frames.map(frame => portOf(core, frame));
  let changes = 0;
  for (let time = 1; time < TIMES; time++) {
    frames.forEach((frame, flow) => (changes += portOf(core, frame) === ports[flow] ? 0 : 1));
  }
  return { ports, changes };
}

function portOf(core: Core, frame: Buffer): number {
  const at = core.region(Region.Arena) + HEADROOM_BYTES;
  const rx = core.region(Region.Rx);
  core.bytes.set(frame, at);
  core.bytes.fill(0, rx, rx + RX_BYTES);
  core.view.setUint32(rx + Rx.Data, at, true);
  core.view.setUint32(rx + Rx.Length, frame.length, true);
  if (core.process(1, 1) !== 1) throw new Error('expected one packet for a frame');
  const sent = core.view.getUint32(core.region(Region.Tx) + Tx.Data, true);
  return core.view.getUint16(sent + SOURCE_PORT_OFFSET);
}

function chiSquare(ports: readonly number[]): number {
  const bins = new Array<number>(BINS).fill(0);
  for (const port of ports) bins[Math.floor(((port - FIRST_PORT) * BINS) / PORTS)]! += 1;
  const expected = ports.length / BINS;
  return bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
