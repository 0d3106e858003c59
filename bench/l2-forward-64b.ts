/**
 * 64-byte frames between known stations: the whole of the pipeline, learning and counters
 * on, addresses uniformly random over the table.
 */
import { BATCH_PACKETS, CoreCounter, SegmentCounter, SegmentOption } from '../assembly/abi.js';
import type { Core } from '../src/core.js';
import { reportDifference } from './support/measure.js';
import { Receive, makeCore } from './support/receive.js';
import { ADDRESS_WORDS, anyoneSpeaks, burstPort, everyoneSpeaks } from './support/stations.js';
import type { Report, Workload } from './support/workload.js';

const PORTS = 8;
const LEAST_ENTRIES = 1024;
/** Batches of one timing, and different ones: both addresses are drawn often enough. */
const CHUNK_BATCHES = 128;
const TEMPLATE_BATCHES = 256;
const MOST_BATCHES = 2048;

export const workload: Workload = {
  about: '64-byte frames between known MACs, whole pipeline',
  run(report) {
    for (const macs of [2, 2048, 131072]) forward(report, macs);
  },
};

function forward(report: Report, macs: number): void {
  const ports = Math.min(PORTS, macs);
  const core = makeCore(ports, { FdbEntries: Math.max(macs, LEAST_ENTRIES) });
  core.configureSegment(0, SegmentOption.Domain, 1);
  const portOf = (slot: number): number => burstPort(slot, ports);
  const hello = new Receive(core, everyoneSpeaks(macs, ports), ADDRESS_WORDS, portOf);
  hello.work(2 * hello.batches);
  const batches = macs > TEMPLATE_BATCHES * PORTS ? MOST_BATCHES : TEMPLATE_BATCHES;
  const receive = new Receive(core, anyoneSpeaks(macs, ports, batches), ADDRESS_WORDS, portOf);
  expectForwarding(core, macs, receive);
  reportDifference(report, {
    case: `macs=${macs}`,
    packets: CHUNK_BATCHES * BATCH_PACKETS,
    refresh: () => receive.refresh(CHUNK_BATCHES),
    work: () => receive.work(CHUNK_BATCHES),
    note: `${ports} ports, bursts of ${BATCH_PACKETS / ports}, table for ${Math.max(macs, LEAST_ENTRIES)}`,
  });
}

/** Everybody is known: each frame has left once, and nothing else. */
function expectForwarding(core: Core, macs: number, receive: Receive): void {
  const before = core.coreCounter(CoreCounter.Sent);
  receive.work(receive.batches);
  const sent = Number(core.coreCounter(CoreCounter.Sent) - before);
  const entries = Number(core.segmentCounter(0, SegmentCounter.Entries));
  if (entries === macs && sent === receive.batches * BATCH_PACKETS) return;
  throw new Error(`expected ${macs} entries and no flood, got ${entries}, ${sent} frames sent`);
}
