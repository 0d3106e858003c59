/**
 * A capture of 1 GB, frames of 64 to 1514 bytes, from a file to verdicts, without output
 * files. The file is made first, and deleted again unless $SLUICE_BENCH_KEEP is set;
 * $SLUICE_BENCH_DIR says where (default: the temporary directory).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { PortOption, SegmentOption } from '../assembly/abi.js';
import { REPLAY_ARENA_BYTES, type ReplaySummary, replay } from '../src/replay/replay.js';
import { makeCapture } from './make-capture.js';
import { measureAsync } from './support/measure.js';
import { makeCore } from './support/receive.js';
import type { Report, Workload } from './support/workload.js';

const CAPTURE_BYTES = 1e9;
const SEED = 1;

export const workload: Workload = {
  about: 'a 1 GB capture from disk to verdicts',
  async run(report) {
    const folder = join(env['SLUICE_BENCH_DIR'] ?? tmpdir(), 'sluice-bench');
    mkdirSync(folder, { recursive: true });
    try {
      const pcap = ensureCapture(report, join(folder, 'mix.pcap'));
      await measure(report, 'disk', pcap, () => undefined);
      if (dropCache(pcap)) await measure(report, 'disk-cold', pcap, dropCache);
      const pcapng = ensureCapture(report, join(folder, 'mix.pcapng'));
      await measure(report, 'disk-pcapng', pcapng, () => undefined);
    } finally {
      if (env['SLUICE_BENCH_KEEP'] === undefined) rmSync(folder, { recursive: true });
    }
  },
};

function ensureCapture(report: Report, path: string): string {
  if (existsSync(path) && statSync(path).size >= CAPTURE_BYTES) return path;
  report.progress(`making ${path}`);
  makeCapture(path, CAPTURE_BYTES, SEED);
  return path;
}

async function measure(
  report: Report,
  name: string,
  path: string,
  before: (path: string) => unknown,
): Promise<void> {
  let summary: ReplaySummary | undefined;
  let cached = '';
  const seconds = await measureAsync({
    name,
    before() {
      before(path);
      cached = cachedPart(path);
    },
    async run() {
      summary = await replayOnce(path);
    },
  });
  const { packets, sent, copies, dropped } = summary!;
  const figures = seconds.map(each => packets / each);
  const fate = `${packets} packets, ${sent} sent with ${copies} copies, ${dropped} dropped`;
  report.row('packets/s', name, figures, `${fate}; page cache before: ${cached}`);
}

/** One port that sends back what it receives, so that every frame goes all the way. */
function replayOnce(path: string): Promise<ReplaySummary> {
  const core = makeCore(1, { ArenaBytes: REPLAY_ARENA_BYTES });
  core.configureSegment(0, SegmentOption.Domain, 1);
  core.configurePort(0, PortOption.Hairpin, true);
  return replay(core, { inputs: [{ path, port: 0 }], ports: ['p0'] });
}

/** How much of a file the kernel holds in memory, where util-linux can tell. */
function cachedPart(path: string): string {
  const found = spawnSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', path]);
  if (found.status !== 0) return 'unknown';
  return `${Math.round((100 * Number(found.stdout)) / statSync(path).size)} %`;
}

/** Asks the kernel to forget a file. False where coreutils cannot. */
function dropCache(path: string): boolean {
  const flags = ['oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'];
  return spawnSync('dd', [`of=${path}`, ...flags]).status === 0;
}
