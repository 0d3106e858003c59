/** `sluice vtep show`: tunnel ends. */
import { Command } from 'commander';
import type { VtepView } from '../../api/overlay-views.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { onlyNamed } from '../named.js';
import { type Cell, printJson, printTable } from '../output.js';

interface Options extends ClientOptions {
  stats?: boolean;
}

const HELP = `
The state is that of the next hop: none (there is no way), incomplete (being asked for),
reachable, below (the kernel finds it). The MTU is what the path takes now, in bytes of an
outer IP packet. HEARD is so many seconds ago.

Examples:
  sluice vtep show
  sluice vtep show 192.168.0.3 --stats
  sluice vtep show --json`;

export function vtepCommand(): Command {
  const show = new Command('show')
    .description('show tunnel ends')
    .argument('[address]', 'only this one')
    .option('--stats', 'show packets and bytes')
    .addHelpText('after', HELP)
    .action(async (address: string | undefined, options: Options) => {
      const named = (await connectTo(options).vteps()).map(vtep => ({ ...vtep, name: vtep.ip }));
      const vteps = onlyNamed('vtep', address, named);
      if (options.json) return printJson(vteps.map(({ name: _name, ...vtep }) => vtep));
      if (options.stats) printStats(vteps);
      else printStates(vteps);
    });
  return new Command('vtep').description('tunnel ends').addCommand(withClientOptions(show));
}

function printStates(vteps: readonly VtepView[]): void {
  const rows = vteps.map((vtep): Cell[] => {
    const { ip, underlay, kind, state, nextHop, mac, mtuBytes, silentSec, segments } = vtep;
    const via = nextHop === ip ? mac : [nextHop, mac].filter(part => part !== null).join(' ');
    return [ip, underlay, kind, state, via, mtuBytes, silentSec, segments.join(',')];
  });
  const heads = ['VTEP', 'UNDERLAY', 'KIND', 'STATE', 'NEXT HOP', 'MTU', 'HEARD', 'SEGMENTS'];
  printTable(heads, rows);
}

function printStats(vteps: readonly VtepView[]): void {
  const rows = vteps.map(({ ip, underlay, rxPackets, rxBytes, txPackets, txBytes }): Cell[] => {
    return [ip, underlay, rxPackets, rxBytes, txPackets, txBytes];
  });
  printTable(['VTEP', 'UNDERLAY', 'RX', 'RX BYTES', 'TX', 'TX BYTES'], rows);
}
