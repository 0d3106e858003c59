/**
 * 64-byte frames from local ports to MACs at VTEPs: the whole of the pipeline, from the
 * frame to the outer packet on the underlay's port, learning and counters on, remote
 * addresses uniformly random.
 */
import {
  Images,
  LOCAL_PORTS,
  VTEPS,
  innerFrame,
  localMac,
  makeOverlay,
  placeStations,
  reportImages,
} from './support/overlay.js';
import { FRAME_BYTES } from './support/receive.js';
import { burstPort } from './support/stations.js';
import type { Report, Workload } from './support/workload.js';

export const workload: Workload = {
  about: '64-byte frames to MACs at VTEPs, whole pipeline',
  run(report) {
    for (const macs of [1024, 65536]) encapsulate(report, macs);
  },
};

function encapsulate(report: Report, macs: number): void {
  const { core, vteps } = makeOverlay(macs);
  placeStations(core, macs, station => core.overlays.placeOf(vteps[station % VTEPS]!));
  const portOf = (slot: number): number => burstPort(slot, LOCAL_PORTS);
  const images = new Images(
    core,
    FRAME_BYTES,
    (slot, random) => innerFrame(localMac(portOf(slot)), random(macs), random),
    portOf,
  );
  reportImages(report, macs, images, 'random flows');
}
