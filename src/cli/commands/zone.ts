/** `sluice zone`: zones of a running switch, and their neighbours. */
import { Command } from 'commander';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { onlyNamed } from '../named.js';
import { type Cell, printJson, printLine, printTable } from '../output.js';

const SHOW_HELP = `
Examples:
  sluice zone show
  sluice zone show host --json`;

const NEIGH_HELP = `
A line is that of ip neigh: address, interface, MAC address, state. Who did not answer is
FAILED; packets that wait for an address are counted behind it.

Examples:
  sluice zone neigh
  sluice zone neigh host --json`;

export function zoneCommand(): Command {
  const show = new Command('show')
    .description('show zones and their interfaces')
    .argument('[name]', 'only this one')
    .addHelpText('after', SHOW_HELP)
    .action(async (name: string | undefined, options: ClientOptions) => {
      const zones = onlyNamed('zone', name, await connectTo(options).zones());
      if (options.json) return printJson(zones);
      const rows = zones.flatMap(({ name: zone, interfaces, counters }) =>
        interfaces.map((iface, i): Cell[] => {
          const { name: own, segment, addresses, mac, mtuBytes } = iface;
          const flows = i === 0 ? counters['flows'] : null;
          return [zone, own, segment, addresses.join(','), mac, mtuBytes, flows];
        }),
      );
      printTable(['ZONE', 'INTERFACE', 'SEGMENT', 'ADDRESSES', 'MAC', 'MTU', 'FLOWS'], rows);
    });
  const neigh = new Command('neigh')
    .description('show neighbours of router interfaces')
    .argument('[name]', 'only of this zone')
    .addHelpText('after', NEIGH_HELP)
    .action(async (name: string | undefined, options: ClientOptions) => {
      const zones = onlyNamed('zone', name, await connectTo(options).zones());
      const all = zones.flatMap(zone =>
        zone.neighbours.map(each => ({ zone: zone.name, ...each })),
      );
      if (options.json) return printJson(all);
      for (const { ip, interface: device, mac, state, waiting } of all) {
        const lladdr = mac === null ? '' : ` lladdr ${mac}`;
        const queued = waiting === 0 ? '' : ` (${waiting} packets wait)`;
        printLine(`${ip} dev ${device}${lladdr} ${state}${queued}`);
      }
    });
  return new Command('zone')
    .description('zones: routers between segments')
    .addCommand(withClientOptions(show))
    .addCommand(withClientOptions(neigh));
}
