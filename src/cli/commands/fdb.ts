/** `sluice fdb`: the forwarding database of a running switch. */
import { Command } from 'commander';
import type { FdbView } from '../../api/views.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { printJson, printLine, printTable } from '../output.js';
import { wholeNumber } from '../parse.js';
import { type Keywords, type Words, numberWord, readWords } from '../words.js';

interface ShowOptions extends ClientOptions {
  port?: string;
  segment?: string;
  vid?: number;
  mac?: string;
  dst?: string;
  kind?: string;
}

interface AddOptions extends ClientOptions {
  segment?: string;
  vid?: number;
  kind?: string;
}

/** Those of `bridge fdb`, and ours. */
const WORDS: Keywords = {
  dev: { key: 'port' },
  dst: { key: 'dst' },
  segment: { key: 'segment' },
  vid: { key: 'vid' },
  vlan: { key: 'vid' },
  static: { key: 'kind', value: 'static' },
  permanent: { key: 'kind', value: 'permanent' },
  local: { key: 'kind', value: 'permanent' },
  dynamic: { key: 'kind', value: 'dynamic' },
};

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
Words: [dev] PORT | dst IP, [segment NAME] [vid N] [static | permanent | dynamic].
dst is the tunnel end that the address is behind, in a segment with an overlay.

The entry stays until it is removed, its port goes, or the switch ends; what must survive a
restart belongs into the configuration. An address that moves is at its newest place, and
back at the one before when that is removed. Without a place it is an address of the switch
itself (only permanent).

Examples:
  sluice fdb add 02:42:ac:11:00:02 web
  sluice fdb add 02:42:ac:11:00:02 dev uplink vid 10
  sluice fdb add 02:42:0a:00:00:03 dst 192.168.0.3 segment web`;

const DEL_HELP = `
Words: [[dev] PORT | dst IP] [segment NAME] [vid N]. With a place only that is taken back.
Exit code 1: there is no such entry.

Examples:
  sluice fdb del 02:42:ac:11:00:02 segment lan
  sluice fdb del 02:42:0a:00:00:03 dst 192.168.0.3 segment web`;

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
    .option('--dst <ip>', 'only behind this tunnel end')
    .option('--mac <address>', 'only this address')
    .option('--kind <kind>', 'dynamic, static or permanent')
    .addHelpText('after', SHOW_HELP)
    .action(async (name: string | undefined, options: ShowOptions) => {
      const { segment, vid, mac, dst, kind } = options;
      const port = name ?? options.port;
      const entries = await connectTo(options).fdb({ port, dst, segment, vid, mac, kind });
      if (options.json) return printJson(entries);
      const rows = entries.map(entry => [
        entry.mac,
        entry.segment,
        entry.vid || null,
        placeText(entry),
        entry.kind,
        entry.kind === 'dynamic' ? entry.ageSec : null,
      ]);
      printTable(['MAC', 'SEGMENT', 'VLAN', 'PORT', 'KIND', 'AGE'], rows);
    });
}

function placeText({ port, dst }: FdbView): string {
  return port ?? (dst === null ? 'self' : `dst ${dst}`);
}

/** Words and options that say where. */
function placeOf(words: Words, options: AddOptions) {
  return {
    port: words['port'],
    dst: words['dst'],
    segment: words['segment'] ?? options.segment,
    vid: numberWord('vid', words['vid']) ?? options.vid,
  };
}

function addCommand(): Command {
  return withPlace(new Command('add'))
    .description('add an entry, or move the one there is')
    .argument('<mac>', 'address')
    .argument('[words...]', 'where it is: [dev] PORT or dst IP, segment NAME, vid N')
    .option('--kind <kind>', 'static (default), permanent or dynamic')
    .addHelpText('after', ADD_HELP)
    .action(async (mac: string, list: string[], options: AddOptions) => {
      const words = readWords(list, WORDS, 'port');
      const kind = words['kind'] ?? options.kind;
      const result = await connectTo(options).addFdb({ mac, kind, ...placeOf(words, options) });
      if (options.json) printJson(result);
    });
}

function delCommand(): Command {
  return withPlace(new Command('del'))
    .description('remove an entry')
    .argument('<mac>', 'address')
    .argument('[words...]', 'only there: [dev] PORT or dst IP, segment NAME, vid N')
    .addHelpText('after', DEL_HELP)
    .action(async (mac: string, list: string[], options: AddOptions) => {
      const words = readWords(list, WORDS, 'port');
      const result = await connectTo(options).removeFdb({ mac, ...placeOf(words, options) });
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
