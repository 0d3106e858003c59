/**
 * Learning: frames of stations never heard before, and of stations that moved to another
 * port. Every frame changes the table; destinations are known.
 */
import { Region, SegmentCounter, SegmentOption } from '../assembly/abi.js';
import type { Core } from '../src/core.js';
import { reportDifference } from './support/measure.js';
import { Receive, makeCore } from './support/receive.js';
import { ADDRESS_WORDS, burstPort, everyoneSpeaks } from './support/stations.js';
import type { Report, Workload } from './support/workload.js';

const PORTS = 8;
const ROUNDS = 11;
const MOVED_STATIONS = 131072;

export const workload: Workload = {
  about: 'new and moved MACs',
  run(report) {
    for (const macs of [131072, 1048576]) learnNew(report, macs);
    move(report, MOVED_STATIONS);
  },
};

function segmentOfStations(macs: number): { core: Core; receive: Receive } {
  const core = makeCore(PORTS, { FdbEntries: macs });
  core.configureSegment(0, SegmentOption.Domain, 1);
  const template = everyoneSpeaks(macs, PORTS);
  const receive = new Receive(core, template, ADDRESS_WORDS, slot => burstPort(slot, PORTS));
  return { core, receive };
}

/**
 * The table is emptied before each pass by writing the core's first state over it, which
 * takes the same time whatever is there: it belongs to the refreshing.
 */
function learnNew(report: Report, macs: number): void {
  const { core, receive } = segmentOfStations(macs);
  const empty = core.bytes.slice(0, core.region(Region.Arena));
  const { batches } = receive;
  const rewind = (): void => core.bytes.set(empty);
  receive.work(batches);
  expectCount(core, SegmentCounter.Entries, macs);
  reportDifference(report, {
    case: `new=${macs}`,
    packets: macs,
    rounds: ROUNDS,
    refresh() {
      rewind();
      receive.refresh(batches);
    },
    work() {
      rewind();
      receive.work(batches);
    },
    note: `from empty to the full ${macs}; refresh empties the table`,
  });
}

/** With every pass all stations move on by one port. */
function move(report: Report, macs: number): void {
  const { core, receive } = segmentOfStations(macs);
  const { batches } = receive;
  receive.work(batches);
  let shift = 0;
  const turn = (): void => {
    shift++;
    receive.setPorts(slot => (burstPort(slot, PORTS) + shift) % PORTS);
  };
  turn();
  receive.work(batches);
  expectCount(core, SegmentCounter.Moved, macs);
  reportDifference(report, {
    case: `move=${macs}`,
    packets: macs,
    rounds: ROUNDS,
    refresh() {
      receive.refresh(batches);
    },
    work() {
      turn();
      receive.work(batches);
    },
    note: 'every station to the next port',
  });
}

function expectCount(core: Core, column: SegmentCounter, expected: number): void {
  const got = Number(core.segmentCounter(0, column));
  if (got === expected) return;
  throw new Error(`${SegmentCounter[column]}: expected ${expected}, got ${got}`);
}
