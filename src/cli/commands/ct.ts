/** `sluice ct`: connections, in the words and the form of conntrack(8). */
import { Command } from 'commander';
import { flowLine } from '../../zone/flow-text.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { ExitCode } from '../exit.js';
import { printJson, printLine, printTable } from '../output.js';
import { ctEventsCommand } from './ct-events.js';
import { type FilterOptions, queryOf, withFilters } from './ct-filters.js';

const LIST_HELP = `
A line is that of conntrack -L: protocol, its number, seconds until the connection is
forgotten, the state of TCP, the original direction, the reply direction. Filters speak of
the original direction.

Examples:
  sluice ct list
  sluice ct list -p tcp --dport 80 --state ESTABLISHED
  sluice ct list --src-nat --json`;

const FLUSH_HELP = `
Examples:
  sluice ct flush
  sluice ct flush -p udp -s 10.0.0.2`;

const GET_HELP = `
Exit code 1: there is none.

Examples:
  sluice ct get -p tcp -s 10.0.0.2 -d 93.184.216.34 --sport 33920 --dport 80`;

export function ctCommand(): Command {
  return new Command('ct')
    .description('connections that zones track')
    .addCommand(
      withFilters(new Command('list'))
        .description('show connections')
        .addHelpText('after', LIST_HELP)
        .action(list),
    )
    .addCommand(
      withFilters(new Command('get'))
        .description('show one connection')
        .addHelpText('after', GET_HELP)
        .action(get),
    )
    .addCommand(ctEventsCommand())
    .addCommand(withFilters(new Command('count')).description('count connections').action(count))
    .addCommand(
      withFilters(new Command('flush'))
        .description('forget connections')
        .addHelpText('after', FLUSH_HELP)
        .action(flush),
    )
    .addCommand(
      withClientOptions(new Command('stats'))
        .description('what was counted of connections')
        .action(stats),
    );
}

async function list(options: FilterOptions): Promise<void> {
  const flows = await connectTo(options).flows(queryOf(options));
  if (options.json) return printJson(flows);
  for (const flow of flows) printLine(flowLine(flow));
  process.stderr.write(`sluice: ${flows.length} flow entries have been shown.\n`);
}

async function get(options: FilterOptions): Promise<void> {
  const [flow] = await connectTo(options).flows(queryOf(options));
  if (flow === undefined) {
    process.exitCode = ExitCode.Difference;
    process.stderr.write('ct: there is no such connection\n');
    return;
  }
  if (options.json) printJson(flow);
  else printLine(flowLine(flow));
}

async function count(options: FilterOptions): Promise<void> {
  const flows = (await connectTo(options).flows(queryOf(options))).length;
  if (options.json) printJson({ flows });
  else printLine(String(flows));
}

async function flush(options: FilterOptions): Promise<void> {
  const { removed } = await connectTo(options).endFlows(queryOf(options));
  if (options.json) printJson({ removed });
  else process.stderr.write(`sluice: ${removed} flow entries have been deleted.\n`);
}

async function stats(options: ClientOptions): Promise<void> {
  const zones = await connectTo(options).zones();
  if (options.json) {
    return printJson(zones.map(({ name, counters }) => ({ zone: name, ...counters })));
  }
  const columns = [
    'flows',
    'newFlows',
    'invalid',
    'related',
    'reopened',
    'expired',
    'earlyDropped',
    'flowsFull',
    'portsExhausted',
  ];
  const heads = [
    'ZONE',
    'ENTRIES',
    'NEW',
    'INVALID',
    'RELATED',
    'REOPENED',
    'EXPIRED',
    'EARLY_DROP',
    'FULL',
    'NO_PORT',
  ];
  printTable(
    heads,
    zones.map(({ name, counters }) => [name, ...columns.map(column => counters[column]!)]),
  );
}
