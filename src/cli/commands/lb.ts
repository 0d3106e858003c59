/** `sluice lb`: the services of zones of a running switch, in the words of ipvsadm. */
import { Command, Option } from 'commander';
import { serviceOfView } from '../../api/service-views.js';
import { ConfigError } from '../../config/config-error.js';
import type { ListOptions, ReadCommand } from '../../service/command.js';
import { listTimeouts } from '../../service/list-connections.js';
import { keyName } from '../../service/names.js';
import { isChange, parseServiceArguments } from '../../service/parse.js';
import { printServices } from '../../service/print.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { printJson } from '../output.js';
import { refuse } from '../running-rules.js';
import { connectionsText, readList } from '../service-lists.js';
import { readText } from '../text-file.js';

interface Options extends ClientOptions {
  zone?: string;
}

interface RestoreOptions extends Options {
  noflush?: boolean;
  test?: boolean;
}

interface ListWords extends Options {
  stats?: boolean;
  rate?: boolean;
  thresholds?: boolean;
  persistentConn?: boolean;
  exact?: boolean;
  sort: boolean;
}

const HELP = `
Behind -- stands a command line of ipvsadm; -n is always on. It lasts until the next reload of
the configuration, which brings its own services back.

Examples:
  sluice lb -- -A -t 10.0.0.5:80 -s wlc
  sluice lb -- -a -t 10.0.0.5:80 -r 10.0.1.2:8080 -m -w 3
  sluice lb -- -e -t 10.0.0.5:80 -r 10.0.1.2:8080 -m -w 0
  sluice lb -- -Z
  sluice lb list --stats`;

const SAVE_HELP = `
The text is what ipvsadm -S -n would print, with thresholds (-x, -y) too; lb restore and a
zone's key ipvsadm take it.

Example:
  sluice lb save > services.ipvs`;

const RESTORE_HELP = `
All services change at once, or none: what is wrong is told with file, line and column, and then
nothing has changed. Services of the zone that the file does not name go (with --noflush they
stay, and what the file adds must be new, as with ipvsadm -R). A service or backend that is
there before and after keeps its counters and its connections.

It lasts until the next reload of the configuration: what must survive belongs into the file
that the configuration names.

Examples:
  sluice lb restore services.ipvs
  sluice lb save | sed 's/-w 1$/-w 2/' | sluice lb restore -`;

const CONNS_HELP = `
As ipvsadm -L -n -c: protocol, when the connection is forgotten, state, client, virtual and real
server. State NONE and port 0: a client that persistence holds to a backend.`;

export function lbCommand(): Command {
  return withZone(new Command('lb'))
    .description('services (virtual IPs) of zones, in the words of ipvsadm')
    .enablePositionalOptions()
    .argument('[words...]', 'behind --: a command line of ipvsadm')
    .addHelpText('after', HELP)
    .action(runWords)
    .addCommand(saveCommand())
    .addCommand(restoreCommand())
    .addCommand(listCommand())
    .addCommand(
      withZone(new Command('conns'))
        .description('show connections that services have led to backends')
        .addHelpText('after', CONNS_HELP)
        .action(showConnections),
    )
    .addCommand(
      withZone(new Command('stats'))
        .description('show what services have counted: list --stats')
        .option('--exact', 'numbers in full')
        .action((options: ListWords) => list({ ...options, stats: true, sort: true })),
    );
}

function withZone(command: Command): Command {
  return withClientOptions(command.option('--zone <name>', 'zone; default: the only one'));
}

function saveCommand(): Command {
  return withZone(new Command('save'))
    .description('print the services as ipvsadm -S -n does')
    .addHelpText('after', SAVE_HELP)
    .action(save);
}

function restoreCommand(): Command {
  return withZone(new Command('restore'))
    .description('change the services to those of a text, until the next reload')
    .argument('<file>', 'text of ipvsadm -S; -: standard input')
    .option('--noflush', 'keep the services there are')
    .option('--test', 'only try whether it would be taken')
    .addHelpText('after', RESTORE_HELP)
    .action(async (file: string, options: RestoreOptions) => {
      const result = await connectTo(options).changeServices({
        ...zoneOf(options),
        text: readText(file, 'a text of ipvsadm -S'),
        file: file === '-' ? 'stdin' : file,
        noflush: options.noflush === true,
        test: options.test === true,
      });
      if (options.json) printJson(result);
    });
}

function listCommand(): Command {
  const forms = ['stats', 'rate', 'thresholds', 'persistentConn'];
  const form = (flag: string, name: string, about: string): Option =>
    new Option(flag, about).conflicts(forms.filter(other => other !== name));
  return withZone(new Command('list'))
    .description('show services in the layout of ipvsadm -L -n')
    .addOption(form('--stats', 'stats', 'connections, packets and bytes'))
    .addOption(form('--rate', 'rate', 'the same a second, of the next second'))
    .addOption(form('--thresholds', 'thresholds', 'limits of connections'))
    .addOption(form('--persistent-conn', 'persistentConn', 'clients that are held to backends'))
    .option('--exact', 'numbers in full')
    .option('--no-sort', 'in the order they were added')
    .action(list);
}

function zoneOf({ zone }: Options): { zone?: string } {
  return zone === undefined ? {} : { zone };
}

async function save(options: Options): Promise<void> {
  const view = await connectTo(options).services(zoneOf(options));
  if (options.json) printJson(view);
  else process.stdout.write(printServices(view.services.map(serviceOfView)));
}

async function list(options: ListWords): Promise<void> {
  const { stats, rate, thresholds, persistentConn } = options;
  const what = stats
    ? 'stats'
    : rate
      ? 'rate'
      : thresholds
        ? 'thresholds'
        : persistentConn
          ? 'persistent'
          : 'services';
  const isExact = options.exact === true;
  await showList(options, { what, isExact, isSorted: options.sort, key: undefined });
}

async function showList(options: Options, wanted: ListOptions): Promise<void> {
  const { what, key, isExact: exact, isSorted: sort } = wanted;
  const client = connectTo(options);
  const service = key === undefined ? undefined : keyName(key);
  const { capacities } = await client.switchInfo();
  const tableSize = key === undefined ? capacities['Flows'] : undefined;
  const listing = { exact, sort, ...(tableSize !== undefined && { tableSize }) };
  const { view, text } = await readList(client, { zone: options.zone, service }, what, listing);
  if (key !== undefined && view.services.length === 0) {
    return refuse(`No such service: ${service}`);
  }
  if (options.json) printJson(view);
  else process.stdout.write(text);
}

async function showConnections(options: Options): Promise<void> {
  const views = await connectTo(options).serviceConnections(zoneOf(options));
  if (options.json) printJson(views);
  else process.stdout.write(connectionsText(views));
}

/** A command line of ipvsadm. */
async function runWords(words: string[], options: Options, command: Command): Promise<void> {
  if (words.length === 0) return command.help({ error: true });
  const wanted = parseServiceArguments(words);
  if (!isChange(wanted)) return runRead(wanted, options);
  const client = connectTo(options);
  const result = await client.changeServices({ ...zoneOf(options), args: words });
  if (options.json) printJson(result);
}

async function runRead(wanted: ReadCommand, options: Options): Promise<void> {
  switch (wanted.kind) {
    case 'list':
      return showList(options, wanted.options);
    case 'list-connections':
      return showConnections(options);
    case 'list-timeouts': {
      const { timeouts } = await connectTo(options).services(zoneOf(options));
      if (options.json) return printJson(timeouts);
      process.stdout.write(listTimeouts(timeouts));
      return;
    }
    case 'save':
      return save(options);
    case 'restore':
      throw new ConfigError('-R', 'expected sluice lb restore FILE, got -R');
  }
}
