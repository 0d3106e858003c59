/** `sluice route show`: routes of zones, in the words of `ip route`. */
import { Command } from 'commander';
import type { RouteView } from '../../api/zone-views.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { onlyNamed } from '../named.js';
import { printJson, printLine } from '../output.js';

interface Options extends ClientOptions {
  zone?: string;
}

const HELP = `
Examples:
  sluice route show
  sluice route show --zone host --json`;

export function routeCommand(): Command {
  const show = new Command('show')
    .description('show routes')
    .option('--zone <name>', 'only of this zone')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const zones = onlyNamed('zone', options.zone, await connectTo(options).zones());
      if (options.json) {
        const routes = zones.flatMap(({ name, routes }) =>
          routes.map(route => ({ zone: name, ...route })),
        );
        return printJson(routes);
      }
      const isOne = zones.length === 1;
      for (const { name, routes } of zones) {
        for (const route of routes) printLine(`${routeText(route)}${isOne ? '' : ` zone ${name}`}`);
      }
    });
  return new Command('route').description('routes of zones').addCommand(withClientOptions(show));
}

/** `default via 192.168.0.1 dev eth0`, `10.0.0.0/16 dev docker0 scope link`. */
function routeText({ to, kind, via, interface: device }: RouteView): string {
  const words: string[] = kind === 'unicast' ? [] : [kind];
  words.push(to === '0.0.0.0/0' || to === '::/0' ? 'default' : to);
  if (via !== null) words.push('via', via);
  if (device !== null) words.push('dev', device);
  if (kind === 'unicast' && via === null) words.push('scope', 'link');
  return words.join(' ');
}
