/**
 * The live switch between two network namespaces against a kernel bridge with veth pairs,
 * Open vSwitch's userspace datapath, and a C loop on the same TAP devices. All of them stand
 * at once and are measured in turn, round by round; a ratio is of one round. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { isTapAvailable } from '../src/port/tap.js';
import { type Lane, Tools, bridgeLane, loopLane, ovsLane, sluiceLane } from './live/lanes.js';
import { compareStreams } from './live/streams.js';
import { idleCpu, roundTrip, udpAt } from './live/traffic.js';
import { Missing, type Report, type Workload } from './support/workload.js';

const ROUNDS = 7;
const IDLE_SECONDS = 4;
const IDLE_RUNS = 5;
const FIRST_UDP_PER_SEC = 20000;
const MOST_UDP_PER_SEC = 1280000;
const UDP_STEPS = 4;
const NOTE = 'default congestion control, MTU 1500, nobody pinned';

export const workload: Workload = {
  about: 'live switch against kernel bridge, Open vSwitch and a C loop',
  async run(report) {
    const available = isTapAvailable();
    if (!available.ok) throw new Missing(available.missing);
    for (const [command, argument, name] of TOOLS) requireTool(command, argument, name);
    const tools = new Tools('tap-loop', 'ping-pong');
    const open: Lane[] = [];
    const keep = <T extends Lane>(lane: T): T => (open.push(lane), lane);
    try {
      const sluice = keep(await sluiceLane());
      await idle(report, sluice.pid);
      await roundTrips(report, sluice, keep(await loopLane(tools)), tools);
      const bridge = keep(await bridgeLane());
      const ovs = keep(await ovsLane('ovs', false));
      const tso = keep(await ovsLane('ovs-tso', true));
      await compareStreams(report, ROUNDS, { sluice, bridge, ovs, 'ovs-tso': tso }, NOTE);
      await datagrams(report, { sluice, bridge });
    } finally {
      for (const lane of open.reverse()) await lane.close();
      tools.remove();
    }
  },
};

const TOOLS = [
  ['ip', '-V', 'iproute2'],
  ['iperf3', '--version', 'iperf3'],
] as const;

function requireTool(command: string, argument: string, name: string): void {
  try {
    execFileSync(command, [argument], { stdio: 'ignore' });
  } catch {
    throw new Missing(`${command}: apt-get install ${name}`);
  }
}

async function idle(report: Report, pid: number): Promise<void> {
  report.progress('idle CPU');
  const figures: number[] = [];
  for (let run = 0; run < IDLE_RUNS; run++) figures.push(await idleCpu(pid, IDLE_SECONDS));
  report.row('%', 'idle cpu', figures, `of one core, all threads, ${IDLE_SECONDS} s each`);
}

async function roundTrips(report: Report, sluice: Lane, loop: Lane, tools: Tools): Promise<void> {
  const ratios: number[] = [];
  const sluiceNs: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    report.progress(`round trips ${round}/${ROUNDS}`);
    const loopNs = await roundTrip(loop, tools);
    sluiceNs.push(await roundTrip(sluice, tools));
    ratios.push(sluiceNs.at(-1)! / loopNs);
  }
  report.row('ns', 'round trip p50', sluiceNs, 'UDP, one byte, one at a time');
  report.row('ratio', 'round trip vs c loop', ratios, 'p50 of sluice by that of the C loop');
}

/** The highest rate, in four steps of bisection, at which nothing was lost. */
async function datagrams(report: Report, lanes: Record<string, Lane>): Promise<void> {
  for (const [name, lane] of Object.entries(lanes)) {
    const rates: number[] = [];
    for (let run = 1; run <= IDLE_RUNS; run++) {
      report.progress(`UDP without loss, ${name} ${run}/${IDLE_RUNS}`);
      rates.push(await noDropRate(lane));
    }
    report.row('packets/s', `udp no-drop ${name}`, rates, '1400 bytes, iperf3, 1 s a step');
  }
}

async function noDropRate(lane: Lane): Promise<number> {
  let good = 0;
  let bad = FIRST_UDP_PER_SEC;
  let reached = await lossless(lane, bad);
  while (reached > 0 && bad < MOST_UDP_PER_SEC) {
    good = reached;
    bad *= 2;
    reached = await lossless(lane, bad);
  }
  for (let step = 0; step < UDP_STEPS; step++) {
    const rate = (Math.max(good, 0) + bad) / 2;
    const reached = await lossless(lane, rate);
    if (reached > 0) good = Math.max(good, reached);
    else bad = rate;
  }
  return good;
}

/** Packets a second that were really sent, or 0 when any was lost. */
async function lossless(lane: Lane, perSec: number): Promise<number> {
  const { sent, lost } = await udpAt(lane, perSec);
  return lost === 0 ? sent : 0;
}
