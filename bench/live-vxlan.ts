/**
 * One TCP stream through a VXLAN tunnel over a veth pair: two sluice processes on UDP
 * sockets, against two kernel VXLAN devices and two Open vSwitches. All of them stand at once
 * and are measured in turn, round by round; a ratio is of one round. Needs root.
 */
import { isTapAvailable } from '../src/port/tap.js';
import {
  type OverlayLane,
  kernelOverlay,
  ovsOverlay,
  sluiceOverlay,
} from './live/overlay-lanes.js';
import { compareStreams } from './live/streams.js';
import { Missing, type Workload } from './support/workload.js';

const ROUNDS = 7;
const NOTE = 'underlay MTU 1500, default congestion control, nobody pinned';

export const workload: Workload = {
  about: 'TCP through VXLAN: sluice against the kernel and Open vSwitch',
  async run(report) {
    const available = isTapAvailable();
    if (!available.ok) throw new Missing(available.missing);
    const open: OverlayLane[] = [];
    const keep = (lane: OverlayLane): OverlayLane => (open.push(lane), lane);
    try {
      const sluice = keep(await sluiceOverlay());
      const kernel = keep(await kernelOverlay());
      const ovs = keep(await ovsOverlay());
      await compareStreams(report, ROUNDS, { sluice, kernel, ovs }, NOTE);
    } finally {
      for (const lane of open.reverse()) await lane.close();
    }
  },
};
