/** `sluice replay`: captures in, verdicts and captures out. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { ConfigError } from '../../config/config-error.js';
import { loadConfig } from '../../config/load.js';
import { type Difference, compareFolders } from '../../replay/compare.js';
import { inputsOf, portNames, prepareCore } from '../../replay/prepare.js';
import { type ReplayInput, type ReplaySummary, replay } from '../../replay/replay.js';
import { collect } from '../collect.js';
import { ExitCode } from '../exit.js';
import { startProgress } from '../progress.js';

interface Options {
  config: string;
  in: string[];
  out?: string;
  expect?: string;
  speed: number;
  json?: boolean;
}

const MOST_DIFFERENCES = 10;

const HELP = `
Time comes from the captures; of equal times the earlier --in comes first. Two runs give
the same bytes, on any machine. --out gets PORT.pcapng for each port, with what it sent, and
drops.pcapng, with the reason of each drop as its comment.

Examples:
  sluice replay -c net.yaml --in p1=traffic.pcapng
  sluice replay -c net.yaml --in p1=a.pcap.gz --in p2=b.pcapng --out run1
  sluice replay -c net.yaml --in p1=traffic.pcapng --expect run1
  zcat big.pcap.gz | sluice replay -c net.yaml --in p1=/dev/stdin --speed 1x`;

export function replayCommand(): Command {
  return new Command('replay')
    .description('run captures through a switch and say what became of every packet')
    .requiredOption('-c, --config <file>', 'configuration (YAML)')
    .requiredOption('--in <port=file>', 'capture that comes in at a port; repeatable', collect, [])
    .option('--out <dir>', 'write what each port sent, and what was dropped')
    .option('--expect <dir>', 'compare with the captures of an earlier --out')
    .option('--speed <max|1x|N>', 'times real time', parseSpeed, 0)
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

function parseSpeed(text: string): number {
  if (text === 'max') return 0;
  const speed = Number(text.replace(/x$/, ''));
  if (text === '' || !(speed > 0)) throw new InvalidArgumentError('Expected max, 1x or a number.');
  return speed;
}

async function run(options: Options): Promise<ExitCode> {
  const config = loadConfig(options.config);
  const { core, plan } = prepareCore(config, options.in.length);
  const inputs = inputsOf(plan, options.in);
  if (options.expect !== undefined && !isFolder(options.expect)) {
    throw new ConfigError('--expect', `expected a folder of captures, got '${options.expect}'`);
  }
  const temporary =
    options.expect !== undefined && options.out === undefined
      ? mkdtempSync(join(tmpdir(), 'sluice-'))
      : undefined;
  const outDir = options.out ?? temporary;
  const progress = startProgress('replay', sizeOf(inputs));
  try {
    const summary = await replay(core, {
      inputs,
      ports: portNames(plan),
      outDir,
      speed: options.speed,
      onProgress: (packets, bytes) => progress.update(bytes, packets),
    });
    progress.stop();
    const differences =
      options.expect === undefined
        ? undefined
        : compareFolders(options.expect, outDir!, MOST_DIFFERENCES);
    print(summary, differences, options.json ?? false);
    if (summary.cut !== undefined) return ExitCode.Failure;
    return (differences ?? []).length > 0 ? ExitCode.Difference : ExitCode.Ok;
  } finally {
    progress.stop();
    if (temporary !== undefined) rmSync(temporary, { recursive: true });
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Bytes of all inputs; undefined when one is a pipe or compressed. */
function sizeOf(inputs: readonly ReplayInput[]): number | undefined {
  let sum = 0;
  for (const { path } of inputs) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile() || path.endsWith('.gz')) return undefined;
    sum += stat.size;
  }
  return sum;
}

function print(
  summary: ReplaySummary,
  differences: readonly Difference[] | undefined,
  json: boolean,
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...summary, differences })}\n`);
    return;
  }
  const { packets, sent, copies, consumed, seconds, packetsPerSec } = summary;
  const lines = [
    `${packets} packets in ${seconds.toFixed(2)} s, ${packetsPerSec} packets/s`,
    `sent ${sent}, of these copies ${copies}; dropped ${summary.dropped}; consumed ${consumed}`,
    ...Object.entries(summary.drops).map(([reason, packets]) => `  ${reason} ${packets}`),
  ];
  if (summary.truncated > 0) lines.push(`${summary.truncated} packets were cut by the capture`);
  for (const difference of differences ?? []) lines.push(differenceLine(difference));
  if (differences !== undefined) {
    lines.push(
      differences.length === 0 ? 'as expected' : `first ${differences.length} differences`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  if (summary.cut !== undefined) process.stderr.write(`sluice: ${summary.cut}\n`);
}

function differenceLine({ file, packet, field, expected, got }: Difference): string {
  const where = packet === undefined ? file : `${file} packet ${packet}`;
  return `${where}: ${field}: expected ${expected}, got ${got}`;
}
