/** `sluice fdb`: the forwarding database of a running switch. */
import { Command } from 'commander';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { printJson, printLine, printTable } from '../output.js';
import { wholeNumber } from '../parse.js';

interface ShowOptions extends ClientOptions {
  port?: string;
  segment?: string;
  vid?: number;
  mac?: string;
  kind?: string;
}

interface AddOptions extends ClientOptions {
  segment?: string;
  vid?: number;
  kind: string;
}

interface FlushOptions extends ClientOptions {
  port?: string;
  segment?: string;
  vid?: number;
  all?: boolean;
}

const SHOW_HELP = `
Examples:
  sluice fdb show
  sluice fdb show --segment lan --kind static
  sluice fdb show --mac 02:42:ac:11:00:02 --json`;

const ADD_HELP = `
The entry stays until it is removed, its port goes, or the switch ends; what must survive a
restart belongs into the configuration. Without a port it is an address of the switch
itself (only --kind permanent).

Examples:
  sluice fdb add 02:42:ac:11:00:02 web
  sluice fdb add 02:42:ac:11:00:02 uplink --vid 10`;

const DEL_HELP = `
Exit code 1: there is no such entry.

Examples:
  sluice fdb del 02:42:ac:11:00:02 --segment lan`;

const FLUSH_HELP = `
Examples:
  sluice fdb flush
  sluice fdb flush --port web
  sluice fdb flush --segment lan --all`;

export function fdbCommand(): Command {
  return new Command('fdb')
    .description('forwarding database')
    .addCommand(withClientOptions(showCommand()))
    .addCommand(withClientOptions(addCommand()))
    .addCommand(withClientOptions(delCommand()))
    .addCommand(withClientOptions(flushCommand()));
}

function withPlace(command: Command): Command {
  return command
    .option('--segment <name>', 'segment; default: of the port, or the only one')
    .option('--vid <n>', 'VLAN, in a VLAN-aware segment', wholeNumber);
}

function showCommand(): Command {
  return withPlace(new Command('show'))
    .description('show entries')
    .argument('[port]', 'only of this port')
    .option('--port <name>', 'the same')
    .option('--mac <address>', 'only this address')
    .option('--kind <kind>', 'dynamic, static or permanent')
    .addHelpText('after', SHOW_HELP)
    .action(async (name: string | undefined, options: ShowOptions) => {
      const { segment, vid, mac, kind } = options;
      const port = name ?? options.port;
      const entries = await connectTo(options).fdb({ port, segment, vid, mac, kind });
      if (options.json) return printJson(entries);
      const rows = entries.map(entry => [
        entry.mac,
        entry.segment,
        entry.vid || null,
        entry.port ?? 'self',
        entry.kind,
        entry.kind === 'dynamic' ? entry.ageSec : null,
      ]);
      printTable(['MAC', 'SEGMENT', 'VLAN', 'PORT', 'KIND', 'AGE'], rows);
    });
}

function addCommand(): Command {
  return withPlace(new Command('add'))
    .description('add an entry, or replace the one there is')
    .argument('<mac>', 'address')
    .argument('[port]', 'where it is')
    .option('--kind <kind>', 'static, permanent or dynamic', 'static')
    .addHelpText('after', ADD_HELP)
    .action(async (mac: string, port: string | undefined, options: AddOptions) => {
      const { segment, vid, kind } = options;
      const result = await connectTo(options).addFdb({ mac, port, segment, vid, kind });
      if (options.json) printJson(result);
    });
}

function delCommand(): Command {
  return withPlace(new Command('del'))
    .description('remove an entry')
    .argument('<mac>', 'address')
    .addHelpText('after', DEL_HELP)
    .action(async (mac: string, options: Omit<AddOptions, 'kind'>) => {
      const { segment, vid } = options;
      const result = await connectTo(options).removeFdb({ mac, segment, vid });
      if (options.json) printJson(result);
    });
}

function flushCommand(): Command {
  return withPlace(new Command('flush'))
    .description('remove learned entries')
    .option('--port <name>', 'only of this port')
    .option('--all', 'configured entries too')
    .addHelpText('after', FLUSH_HELP)
    .action(async (options: FlushOptions) => {
      const { port, segment, vid, all } = options;
      const result = await connectTo(options).flushFdb({ port, segment, vid, all });
      if (options.json) printJson(result);
      else printLine(`${result.flushed} entries removed`);
    });
}
