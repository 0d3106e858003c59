/**
 * 4096 overlays with 16 peers each, out of a configuration: from the text of the file to a
 * core that is ready, and what it takes (support/hold-overlays.ts, a process of its own each
 * time).
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Workload } from './support/workload.js';

const RUNS = 5;
const BYTES_PER_MB = 1e6;

interface Held {
  startSec: number;
  residentBytes: number;
  coreBytes: number;
}

export const workload: Workload = {
  about: '4096 VNIs with 16 peers each: start and memory',
  run(report) {
    const program = fileURLToPath(new URL('support/hold-overlays.js', import.meta.url));
    const held = Array.from({ length: RUNS }, (_, run): Held => {
      report.progress(`start ${run + 1}/${RUNS}`);
      return JSON.parse(execFileSync(process.execPath, [program]).toString()) as Held;
    });
    const note = 'YAML of 4096 segments, 16 peers, one FDB entry and neighbour each';
    report.row(
      's',
      'start',
      held.map(({ startSec }) => startSec),
      `${note}; parse, check, plan, apply`,
    );
    const megabytes = (of: (one: Held) => number): number[] => held.map(h => of(h) / BYTES_PER_MB);
    report.row(
      'MB',
      'resident',
      megabytes(h => h.residentBytes),
      'VmRSS of that process',
    );
    report.row(
      'MB',
      'core',
      megabytes(h => h.coreBytes),
      'memory of the core, all regions',
    );
  },
};
