/** `sluice simulate`: hosts, links and traffic of a topology file, in simulated time. */
import { Command } from 'commander';
import { loadTopology } from '../../simulate/load.js';
import { type RunResult, runTopology } from '../../simulate/run.js';
import type { LinkSummary, Summary } from '../../simulate/summary.js';
import { NS_PER_SEC } from '../../simulate/topology.js';
import { ExitCode } from '../exit.js';
import { type Cell, printJson, printLine, tableText } from '../output.js';
import { positiveNumber, wholeNumber } from '../parse.js';
import { startProgress } from '../progress.js';

interface Options {
  config: string;
  out?: string;
  seconds?: number;
  seed?: number;
  json?: boolean;
}

const HELP = `
Needs no root and reads no clock: the same topology and seed give the same bytes, on any
machine. docs/simulate.md describes the file. --out gets all frames of each port, the
dropped and lost ones with their reason, and a journal. The exit code is 1 when something
that the topology expects does not hold.

Examples:
  sluice simulate -c examples/simulate-trunk.yaml
  sluice simulate -c examples/simulate-trunk.yaml --seed 7 --out run1
  sluice simulate -c examples/simulate-trunk.yaml --json | jq .streams`;

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('run several switches, joined by simulated links, in one process')
    .requiredOption('-c, --config <file>', 'topology (YAML)')
    .option('--out <dir>', 'write captures, a journal and the summary')
    .option('--seconds <n>', 'end at this simulated time', positiveNumber)
    .option('--seed <n>', 'decides every random choice of the links', wholeNumber)
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

async function run(options: Options): Promise<ExitCode> {
  const { config, out, seconds, seed, json } = options;
  const loaded = loadTopology(config);
  const topology = {
    ...loaded,
    ...(seconds !== undefined && { untilNs: Math.round(seconds * NS_PER_SEC) }),
    ...(seed !== undefined && { seed }),
  };
  const progress = startProgress('simulate', topology.untilNs);
  let result: RunResult;
  try {
    result = await runTopology(topology, {
      ...(out !== undefined && { outDir: out }),
      onProgress: (nowNs, frames) => progress.update(nowNs, frames),
    });
  } finally {
    progress.stop();
  }
  const { summary, expectations, broken } = result;
  if (json) printJson({ ...summary, expectations });
  else printResult(result);
  for (const line of broken) process.stderr.write(`sluice: frames were lost track of: ${line}\n`);
  if (broken.length > 0) return ExitCode.Failure;
  return expectations.every(({ holds }) => holds) ? ExitCode.Ok : ExitCode.Difference;
}

function printResult({ summary, expectations }: RunResult): void {
  const { simulatedMs, events, seed } = summary;
  printLine(`${simulatedMs} ms simulated, ${events} events, seed ${seed}`);
  printHosts(summary);
  printLinks(summary);
  printStations(summary);
  printFlows(summary);
  if (expectations.length > 0) printLine('');
  for (const { text, holds, got } of expectations) {
    printLine(holds ? `holds: ${text}` : `does not hold: ${text} (got ${got ?? 'nothing'})`);
  }
}

/** A table behind an empty line; nothing when it has no rows. */
function printPart(heads: readonly string[], rows: readonly (readonly Cell[])[]): void {
  if (rows.length > 0) printLine(`\n${tableText(heads, rows)}`);
}

function listed(counts: Record<string, number>): string {
  return Object.entries(counts)
    .filter(([, frames]) => frames > 0)
    .map(([reason, frames]) => `${reason} ${frames}`)
    .join(', ');
}

function printHosts({ hosts }: Summary): void {
  const hostRows = Object.entries(hosts).map(([name, host]) => {
    const { received, copies, sent, dropped, consumed, drops } = host;
    return [name, received, copies, sent, dropped, consumed, listed(drops)];
  });
  const heads = ['RECEIVED', 'COPIES', 'SENT', 'DROPPED', 'CONSUMED', 'REASONS'];
  printPart(['HOST', ...heads], hostRows);
  const portRows = Object.entries(hosts).flatMap(([host, { ports }]) =>
    Object.entries(ports).map(([port, { received, receivedBytes, sent, sentBytes, drops }]) => {
      return [`${host}.${port}`, received, receivedBytes, sent, sentBytes, listed(drops)];
    }),
  );
  printPart(['PORT', 'RECEIVED', 'BYTES', 'SENT', 'BYTES', 'DROPS'], portRows);
}

function printLinks({ links }: Summary): void {
  const rows = Object.entries(links).map(([name, link]) => {
    const { sent, duplicated, delivered, inFlight, reordered } = link;
    return [name, sent, duplicated, delivered, inFlight, reordered, lostText(link)];
  });
  printPart(['LINK', 'SENT', 'DUPLICATED', 'DELIVERED', 'IN FLIGHT', 'REORDERED', 'LOST'], rows);
}

function lostText({ lost, unclaimed }: LinkSummary): string {
  return listed({ ...lost, unclaimed });
}

function printStations({ stations }: Summary): void {
  const rows = Object.entries(stations).map(([name, station]) => {
    const { sent, received, foreign, malformed, unresolved, tooBig } = station;
    return [name, sent, received, foreign, malformed, unresolved, tooBig];
  });
  const heads = ['SENT', 'RECEIVED', 'FOREIGN', 'MALFORMED', 'UNRESOLVED', 'TOO BIG'];
  printPart(['STATION', ...heads], rows);
}

function printFlows({ pings, streams }: Summary): void {
  const pingRows = Object.entries(pings).map(([name, train]) => {
    const { sent, received, lost, duplicated, rtt } = train;
    return [name, sent, received, lost, duplicated, rtt.leastMs, rtt.meanMs, rtt.mostMs];
  });
  const times = ['LEAST MS', 'MEAN MS', 'MOST MS'];
  printPart(['PING', 'SENT', 'RECEIVED', 'LOST', 'DUPLICATED', ...times], pingRows);
  const streamRows = Object.entries(streams).map(([name, stream]) => {
    const { sent, received, lost, duplicated, reordered, latency } = stream;
    const { leastMs, meanMs, mostMs } = latency;
    return [name, sent, received, lost, duplicated, reordered, leastMs, meanMs, mostMs];
  });
  const heads = ['SENT', 'RECEIVED', 'LOST', 'DUPLICATED', 'REORDERED'];
  printPart(['STREAM', ...heads, ...times], streamRows);
}
