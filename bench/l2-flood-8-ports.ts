/**
 * 64-byte frames that one port sends to the eight others of its segment. Frames stay as
 * they are, so nothing is refreshed.
 */
import { BATCH_PACKETS, SegmentOption } from '../assembly/abi.js';
import { reportWork } from './support/measure.js';
import { Receive, makeCore } from './support/receive.js';
import { ADDRESS_WORDS, makeTemplate } from './support/stations.js';
import type { Report, Workload } from './support/workload.js';

const COPIES = 8;
const SENDER = 0;
const CHUNK_BATCHES = 32;

export const workload: Workload = {
  about: '64-byte frames flooded to eight ports',
  run(report) {
    flood(report, 'unknown-unicast', toStrangers());
    flood(report, 'broadcast', toEverybody());
  },
};

function flood(report: Report, name: string, template: Uint32Array): void {
  const core = makeCore(1 + COPIES);
  core.configureSegment(0, SegmentOption.Domain, 1);
  const receive = new Receive(core, template, ADDRESS_WORDS, () => SENDER);
  receive.work(1);
  if (core.sentCount !== COPIES * BATCH_PACKETS) throw new Error(`${core.sentCount} copies`);
  reportWork(report, {
    case: name,
    packets: CHUNK_BATCHES * BATCH_PACKETS,
    run: () => receive.repeat(CHUNK_BATCHES),
    note: `a received packet, ${COPIES} send descriptors each`,
  });
}

/** From known stations to unknown ones. */
function toStrangers(): Uint32Array {
  return makeTemplate(1, ADDRESS_WORDS, slot => {
    return { source: slot, destination: BATCH_PACKETS + slot, vid: 0 };
  });
}

function toEverybody(): Uint32Array {
  const template = toStrangers();
  for (let at = 0; at < template.length; at += ADDRESS_WORDS) {
    template[at] = 0xffffffff;
    template[at + 1]! |= 0x0000ffff;
  }
  return template;
}
