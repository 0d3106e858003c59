/** `sluice fw`: the rules of zones of a running switch, in the words of iptables. */
import { Command } from 'commander';
import { listRules } from '../../rules/list.js';
import type { Chain, RuleSet, RuleTable } from '../../rules/model.js';
import { printRules } from '../../rules/print.js';
import { connectTo } from '../connect.js';
import { printJson, printLine } from '../output.js';
import {
  type ZoneOptions,
  familyOf,
  refuse,
  runningRules,
  tableNamed,
  withZoneOptions,
} from '../running-rules.js';
import { readText } from '../text-file.js';
import { fwCheckCommand } from './fw-check.js';

interface SaveOptions extends ZoneOptions {
  counters?: boolean;
}

interface RestoreOptions extends SaveOptions {
  noflush?: boolean;
  test?: boolean;
}

interface ListOptions extends ZoneOptions {
  verbose?: boolean;
  numeric?: boolean;
  exact?: boolean;
  lineNumbers?: boolean;
  table: string;
}

const SAVE_HELP = `
The text is what iptables-save would print; fw restore and a zone's key iptables take it.

Examples:
  sluice fw save > rules.v4
  sluice fw save --zone host --counters -6`;

const RESTORE_HELP = `
All tables of the file change at once, or none: what is wrong is told with file, line and
column, and then nothing has changed. A table that the file does not name stays as it is; one
that it names begins empty (with --noflush as it was). A rule that is there before and after
keeps its counters. Flows that are there are judged again by the new rules.

It lasts until the next reload of the configuration, which brings its own rules back: what must
survive belongs into the file that the configuration names.

Examples:
  sluice fw restore rules.v4
  sluice fw restore --test rules.v4
  sluice fw save | sed 's/8080/8081/' | sluice fw restore -`;

const LIST_HELP = `
Without -n protocols have names and 'anywhere' stands for all addresses; addresses and ports are
always numbers.

Examples:
  sluice fw list -v -n
  sluice fw list -t nat --line-numbers DOCKER`;

export function fwCommand(): Command {
  return new Command('fw')
    .description('rules of zones, in the words of iptables')
    .enablePositionalOptions()
    .addCommand(saveCommand())
    .addCommand(restoreCommand())
    .addCommand(listCommand())
    .addCommand(fwCheckCommand());
}

function saveCommand(): Command {
  return withZoneOptions(new Command('save'))
    .description('print the rules as iptables-save does')
    .option('-c, --counters', 'with the counters of rules')
    .addHelpText('after', SAVE_HELP)
    .action(async (options: SaveOptions) => {
      const { zone, set } = await runningRules(options);
      if (options.json) return printJson(rulesView(zone, set, set.tables));
      process.stdout.write(printRules(set, { counters: options.counters === true }));
    });
}

function restoreCommand(): Command {
  return withZoneOptions(new Command('restore'))
    .description('change the rules as iptables-restore does, until the next reload')
    .argument('<file>', 'text of iptables-save; -: standard input')
    .option('-n, --noflush', 'keep the rules of tables that the file names')
    .option('-t, --test', 'only try whether it would be taken')
    .option('-c, --counters', 'take the counters that stand in the file')
    .addHelpText('after', RESTORE_HELP)
    .action(async (file: string, options: RestoreOptions) => {
      const result = await connectTo(options).restoreRules({
        ...(options.zone !== undefined && { zone: options.zone }),
        family: familyOf(options),
        text: readText(file, 'a text of iptables-save'),
        file: file === '-' ? 'stdin' : file,
        noflush: options.noflush === true,
        counters: options.counters === true,
        test: options.test === true,
      });
      if (options.json) printJson(result);
    });
}

function listCommand(): Command {
  return withZoneOptions(new Command('list'))
    .description('show rules in the layout of iptables -L')
    .argument('[chain]', 'only this one')
    .option('-t, --table <table>', 'raw, mangle, nat or filter', 'filter')
    .option('-v, --verbose', 'counters and interfaces too')
    .option('-n, --numeric', 'numbers of protocols and addresses')
    .option('-x, --exact', 'counters in full')
    .option('--line-numbers', 'numbers of rules')
    .addHelpText('after', LIST_HELP)
    .action(async (name: string | undefined, options: ListOptions) => {
      const { zone, set } = await runningRules(options);
      const table = tableNamed(set, options.table);
      const chains = table.chains.filter(chain => name === undefined || chain.name === name);
      if (chains.length === 0) return refuse('iptables: No chain/target/match by that name.');
      if (options.json) return printJson(rulesView(zone, set, [{ ...table, chains }]));
      printLine(listRules(table, chains, { family: set.family, ...options }));
    });
}

/** Rules as JSON: numbers beyond 2^53 as text. */
function rulesView(zone: string, { family }: RuleSet, tables: readonly RuleTable[]): object {
  return {
    zone,
    family,
    tables: tables.map(({ name, chains }) => ({ name, chains: chains.map(chainView) })),
  };
}

function chainView({ name, policy, counters, rules }: Chain): object {
  const view = { name, policy: policy ?? null, ...(policy !== undefined && counters) };
  return { ...view, rules: rules.map(({ text, counters: seen }) => ({ text, ...seen })) };
}
