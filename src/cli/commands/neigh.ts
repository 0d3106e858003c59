/** `sluice neigh`: the MAC addresses of IP addresses, in the words of `ip neigh`. */
import { Command } from 'commander';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { printJson, printTable } from '../output.js';
import { wholeNumber } from '../parse.js';
import { type Keywords, type Words, numberWord, readWords } from '../words.js';

interface Options extends ClientOptions {
  segment?: string;
  vid?: number;
}

const PLACE: Keywords = {
  segment: { key: 'segment' },
  vid: { key: 'vid' },
  vlan: { key: 'vid' },
};
const WORDS: Keywords = {
  lladdr: { key: 'mac' },
  ...PLACE,
  router: { key: 'router', value: 'yes' },
};

const SHOW_HELP = `
Examples:
  sluice neigh show
  sluice neigh show segment web
  sluice neigh show --json`;

const ADD_HELP = `
Words: lladdr MAC [segment NAME] [vid N] [router]. The segment is by default the only one.
The switch answers ARP requests and neighbour solicitations for it, as arpTermination of the
segment and neighbourSuppress of ports say. While an address moves the newest is in force;
see docs/api.md. It stays until it is removed or the switch ends.

Examples:
  sluice neigh add 10.0.0.3 lladdr 02:42:0a:00:00:03 segment web
  sluice neigh add fd00::1 lladdr 02:42:0a:00:00:01 router`;

const DEL_HELP = `
Words: [lladdr MAC] [segment NAME] [vid N]. Exit code 1: there is none.

Examples:
  sluice neigh del 10.0.0.3 segment web`;

export function neighCommand(): Command {
  return new Command('neigh')
    .description('neighbours: MAC addresses of IP addresses')
    .addCommand(withClientOptions(showCommand()))
    .addCommand(withClientOptions(addCommand()))
    .addCommand(withClientOptions(delCommand()));
}

function withPlace(command: Command): Command {
  return command
    .option('--segment <name>', 'segment; default: the only one')
    .option('--vid <n>', 'VLAN, in a VLAN-aware segment', wholeNumber);
}

function placeOf(words: Words, options: Options) {
  return {
    segment: words['segment'] ?? options.segment,
    vid: numberWord('vid', words['vid']) ?? options.vid,
  };
}

function showCommand(): Command {
  return withPlace(new Command('show'))
    .description('show neighbours')
    .argument('[words...]', 'only those of [segment NAME] [vid N]')
    .addHelpText('after', SHOW_HELP)
    .action(async (words: string[], options: Options) => {
      const place = placeOf(readWords(words, PLACE), options);
      const neighbours = await connectTo(options).neighbours(place);
      if (options.json) return printJson(neighbours);
      const rows = neighbours.map(({ ip, mac, segment, vid, router }) => [
        ip,
        mac,
        segment,
        vid || null,
        router ? 'router' : null,
      ]);
      printTable(['IP', 'MAC', 'SEGMENT', 'VLAN', 'FLAGS'], rows);
    });
}

function addCommand(): Command {
  return withPlace(new Command('add'))
    .description('add a neighbour')
    .argument('<ip>', 'IP address')
    .argument('[words...]', 'lladdr MAC [segment NAME] [vid N] [router]')
    .addHelpText('after', ADD_HELP)
    .action(async (ip: string, list: string[], options: Options) => {
      const words = readWords(list, WORDS);
      const router = words['router'] === undefined ? {} : { router: true };
      const place = placeOf(words, options);
      const neighbour = { ip, mac: words['mac'], ...place, ...router };
      const result = await connectTo(options).addNeighbour(neighbour);
      if (options.json) printJson(result);
    });
}

function delCommand(): Command {
  return withPlace(new Command('del'))
    .description('remove a neighbour')
    .argument('<ip>', 'IP address')
    .argument('[words...]', '[lladdr MAC] [segment NAME] [vid N]')
    .addHelpText('after', DEL_HELP)
    .action(async (ip: string, list: string[], options: Options) => {
      const words = readWords(list, WORDS);
      const query = { ip, mac: words['mac'], ...placeOf(words, options) };
      const result = await connectTo(options).removeNeighbour(query);
      if (options.json) printJson(result);
    });
}
