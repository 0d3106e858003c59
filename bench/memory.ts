/**
 * What a switch with a million stations takes: bytes of an FDB entry, and resident memory
 * of a process that does nothing else (support/hold-switch.ts).
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { makeCore } from './support/receive.js';
import type { Report, Workload } from './support/workload.js';

const ENTRIES = 1048576;
const RUNS = 5;
const BYTES_PER_MB = 1e6;

export const workload: Workload = {
  about: `a switch with ${ENTRIES} FDB entries`,
  run(report) {
    reportEntry(report);
    const note = `${ENTRIES} learned entries, 16 ports, 4 MB arena; VmRSS`;
    report.row('MB', 'resident', residentMb(ENTRIES), note);
    report.row('MB', 'resident-empty', residentMb(0), 'the same process before the first frame');
  },
};

function reportEntry(report: Report): void {
  const bytes = endOf(ENTRIES) - endOf(ENTRIES / 2);
  report.row('bytes', 'fdb-entry', [bytes / (ENTRIES / 2)], `table for ${ENTRIES}, all of it`);
}

function endOf(entries: number): number {
  return makeCore(0, { FdbEntries: entries }).end;
}

function residentMb(entries: number): number[] {
  const program = fileURLToPath(new URL('support/hold-switch.js', import.meta.url));
  const args = [program, String(ENTRIES), String(entries)];
  return Array.from({ length: RUNS }, () => {
    return Number(execFileSync(process.execPath, args)) / BYTES_PER_MB;
  });
}
