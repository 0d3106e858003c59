/** `sluice segment show`. */
import { Command } from 'commander';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { onlyNamed } from '../named.js';
import { printJson, printTable } from '../output.js';

const HELP = `
Examples:
  sluice segment show
  sluice segment show lan --json`;

const HEADS = ['INDEX', 'SEGMENT', 'VLANS', 'AGE', 'LIMIT', 'LEARNED', 'PORTS'];

export function segmentCommand(): Command {
  const show = new Command('show')
    .description('show segments')
    .argument('[name]', 'only this segment')
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, options: ClientOptions) => {
      const segments = onlyNamed('segment', name, await connectTo(options).segments());
      if (options.json) return printJson(segments);
      const rows = segments.map(segment => [
        segment.index,
        segment.name,
        segment.vlans,
        segment.ageSec,
        segment.learnLimit || null,
        segment.learnedEntries,
        segment.ports.join(','),
      ]);
      printTable(HEADS, rows);
    });
  return new Command('segment').description('segments').addCommand(withClientOptions(show));
}
