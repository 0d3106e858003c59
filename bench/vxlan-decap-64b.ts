/**
 * VXLAN packets with 64-byte frames inside, from VTEPs to MACs at local ports: the whole of
 * the pipeline, from the outer packet to the frame on the right port, source checks and
 * counters on, addresses uniformly random.
 */
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
  reportImages,
} from './support/overlay.js';
import { FRAME_BYTES } from './support/receive.js';
import type { Report, Workload } from './support/workload.js';

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
  reportImages(report, macs, images, 'a configured station at each, UDP checksum 0');
}
