/** `sluice vlan show`. */
import { Command } from 'commander';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { onlyNamed } from '../named.js';
import { printJson, printTable } from '../output.js';

const HELP = `
Examples:
  sluice vlan show
  sluice vlan show uplink --json`;

export function vlanCommand(): Command {
  const show = new Command('show')
    .description('show the VLANs of ports')
    .argument('[port]', 'only this port')
    .addHelpText('after', HELP)
    .action(async (port: string | undefined, options: ClientOptions) => {
      const vlans = await connectTo(options).vlans();
      const named = vlans.map(vlan => ({ ...vlan, name: vlan.port }));
      const wanted = onlyNamed('port', port, named);
      if (options.json) return printJson(wanted.map(({ name: _name, ...vlan }) => vlan));
      const rows = wanted.map(vlan => [
        vlan.port,
        vlan.segment,
        vlan.mode,
        vlan.pvid || null,
        vlan.tagged,
        vlan.untagged,
      ]);
      printTable(['PORT', 'SEGMENT', 'MODE', 'PVID', 'TAGGED', 'UNTAGGED'], rows);
    });
  return new Command('vlan').description('VLANs of ports').addCommand(withClientOptions(show));
}
