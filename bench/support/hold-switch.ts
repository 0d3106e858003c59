/**
 * Holds a switch of a given table size that has learned a given number of stations from
 * frames, and prints the bytes resident.
 *
 *     node dist/bench/support/hold-switch.js <table entries> <stations>
 */
import { argv } from 'node:process';
import { SegmentCounter, SegmentOption } from '../../assembly/abi.js';
import { Receive, makeCore } from './receive.js';
import { ADDRESS_WORDS, burstPort, everyoneSpeaks } from './stations.js';

const PORTS = 8;
const ARENA_BYTES = 4 << 20;
/** Stations of one template, so that it does not count for much. */
const STEP = 65536;

const [table, stations] = argv.slice(2).map(Number);
const core = makeCore(PORTS, { FdbEntries: table!, ArenaBytes: ARENA_BYTES });
core.configureSegment(0, SegmentOption.Domain, 1);
for (let first = 0; first < stations!; first += STEP) {
  const template = everyoneSpeaks(STEP, PORTS, first);
  const receive = new Receive(core, template, ADDRESS_WORDS, slot => burstPort(slot, PORTS));
  receive.work(receive.batches);
}
const entries = Number(core.segmentCounter(0, SegmentCounter.Entries));
if (entries !== stations) throw new Error(`expected ${stations} entries, got ${entries}`);
console.log(process.memoryUsage.rss());
