/**
 * VXLAN packets with 64-byte frames inside, from VTEPs to MACs at local ports: the whole of
 * the pipeline, from the outer packet to the frame on the right port, source checks and
 * counters on, addresses uniformly random.
 */
import { BATCH_PACKETS } from '../assembly/abi.js';
import { reportDifference } from './support/measure.js';
import {
  Images,
  LOCAL_PORTS,
  OUTER_BYTES,
  UNDERLAY_PORT,
  VTEPS,
  innerFrame,
  makeOverlay,
  outerFrame,
  placeRemote,
  placeStations,
  remoteMac,
} from './support/overlay.js';
import { FRAME_BYTES } from './support/receive.js';
import type { Report, Workload } from './support/workload.js';

const CHUNK_BATCHES = 64;

export const workload: Workload = {
  about: 'VXLAN packets to MACs at local ports, whole pipeline',
  run(report) {
    for (const macs of [1024, 65536]) decapsulate(report, macs);
  },
};

function decapsulate(report: Report, macs: number): void {
  const { core, vteps } = makeOverlay(macs);
  placeStations(core, macs, station => station % LOCAL_PORTS);
  vteps.forEach((vtep, i) => placeRemote(core, i, vtep));
  const images = new Images(
    core,
    FRAME_BYTES + OUTER_BYTES,
    (_, random) => {
      const vtep = random(VTEPS);
      return outerFrame(innerFrame(remoteMac(vtep), random(macs), random), vtep, random);
    },
    () => UNDERLAY_PORT,
  );
  images.expectAllSent();
  reportDifference(report, {
    case: `macs=${macs}`,
    packets: CHUNK_BATCHES * BATCH_PACKETS,
    refresh: () => images.refresh(CHUNK_BATCHES),
    work: () => images.work(CHUNK_BATCHES),
    note: `${LOCAL_PORTS} ports, ${VTEPS} VTEPs, one VNI, a configured station at each, UDP checksum 0`,
  });
}
