/**
 * A container behind a masquerading router, against the kernel doing the same with iptables
 * on bridge and veth: one TCP stream out, and connections a second in, to nginx behind a
 * published port. Both stand at once and are measured in turn, round by round. Needs root.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTapAvailable } from '../src/port/tap.js';
import type { Lane } from './live/lanes.js';
import {
  PUBLISHED_PORT,
  ROUTER_ADDRESS,
  kernelNat,
  sluiceNat,
  startNginx,
} from './live/nat-lanes.js';
import { compareStreams } from './live/streams.js';
import { Missing, type Report, type Workload } from './support/workload.js';

const ROUNDS = 7;
const CONNECTIONS = 3000;
const AT_ONCE = 16;
const NOTE = 'the same iptables rules, default congestion control, nobody pinned';

export const workload: Workload = {
  about: 'NAT of a container: sluice against the kernel with iptables',
  async run(report) {
    const available = isTapAvailable();
    if (!available.ok) throw new Missing(available.missing);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-nat-'));
    const closing: (() => void | Promise<void>)[] = [
      () => rmSync(folder, { recursive: true, force: true }),
    ];
    const keep = (lane: Lane): Lane => {
      closing.push(() => lane.close());
      return lane;
    };
    try {
      const sluice = keep(await sluiceNat());
      const kernel = keep(await kernelNat());
      await compareStreams(report, ROUNDS, { sluice, kernel }, NOTE);
      for (const lane of [sluice, kernel]) {
        const own = mkdtempSync(join(folder, 'nginx-'));
        closing.push(startNginx(lane, own));
      }
      await compareConnections(report, sluice, kernel);
    } finally {
      for (const close of closing.reverse()) await close();
    }
  },
};

async function compareConnections(report: Report, sluice: Lane, kernel: Lane): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    report.progress(`connections ${round}/${ROUNDS}`);
    ours.push(await connectionsPerSec(sluice));
    theirs.push(await connectionsPerSec(kernel));
  }
  const note = `${CONNECTIONS} requests, ${AT_ONCE} at once, a connection each; ${NOTE}`;
  report.row('1/s', 'connections sluice', ours, note);
  report.row('1/s', 'connections kernel', theirs, note);
  const ratios = ours.map((figure, round) => figure / theirs[round]!);
  report.row('ratio', 'connections vs kernel', ratios, note);
}

async function connectionsPerSec(lane: Lane): Promise<number> {
  const url = `http://${ROUTER_ADDRESS}:${PUBLISHED_PORT}/`;
  const args = ['-q', '-n', String(CONNECTIONS), '-c', String(AT_ONCE), url];
  const out = await lane.hosts.exec(lane.server, 'ab', ...args);
  const failed = /Failed requests:\s+(\d+)/.exec(out)?.[1];
  const rate = /Requests per second:\s+([\d.]+)/.exec(out)?.[1];
  if (failed !== '0' || rate === undefined) throw new Error(`ab: ${out}`);
  return Number(rate);
}
