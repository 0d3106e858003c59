/** `sluice port show`. */
import { Command } from 'commander';
import type { PortView } from '../../api/views.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { printJson, printTable } from '../output.js';
import { onlyNamed } from '../named.js';

const HELP = `
Examples:
  sluice port show
  sluice port show web --json`;

export function portCommand(): Command {
  const show = new Command('show')
    .description('show ports')
    .argument('[name]', 'only this port')
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, options: ClientOptions) => {
      const ports = onlyNamed('port', name, await connectTo(options).ports());
      if (options.json) printJson(ports);
      else printPorts(ports);
    });
  return new Command('port').description('ports').addCommand(withClientOptions(show));
}

function printPorts(ports: readonly PortView[]): void {
  const rows = ports.map(port => [
    port.index,
    port.name,
    port.kind,
    port.state,
    port.segment ?? (port.underlay === null ? null : `underlay ${port.underlay}`),
    port.netns === null ? port.device : `${port.netns}/${port.device}`,
    port.mtuBytes || null,
    port.flags.join(','),
  ]);
  printTable(['INDEX', 'PORT', 'KIND', 'STATE', 'SEGMENT', 'DEVICE', 'MTU', 'FLAGS'], rows);
}
