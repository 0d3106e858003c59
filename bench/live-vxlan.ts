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
import { tcpStream } from './live/traffic.js';
import { Missing, type Report, type Workload } from './support/workload.js';

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
      await streams(report, sluice, { kernel, ovs });
    } finally {
      for (const lane of open.reverse()) await lane.close();
    }
  },
};

async function streams(
  report: Report,
  sluice: OverlayLane,
  others: Record<string, OverlayLane>,
): Promise<void> {
  const names = Object.keys(others);
  const ratios = new Map<string, number[]>(names.map(name => [name, []]));
  const bits = new Map<string, number[]>([...names, 'sluice'].map(name => [name, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    report.progress(`TCP streams ${round}/${ROUNDS}`);
    const ours = await tcpStream(sluice);
    bits.get('sluice')!.push(ours);
    for (const name of names) {
      const theirs = await tcpStream(others[name]!);
      bits.get(name)!.push(theirs);
      ratios.get(name)!.push(ours / theirs);
    }
  }
  for (const [name, figures] of bits) {
    const gigabits = figures.map(bit => bit / 1e9);
    report.row('Gbit/s', `tcp ${name}`, gigabits, NOTE);
  }
  for (const [name, figures] of ratios) report.row('ratio', `tcp vs ${name}`, figures, NOTE);
}
