/** `sluice ct events`: what happens to connections, as `conntrack -E`. */
import { Command, InvalidArgumentError } from 'commander';
import { FLOW_OUTPUTS, type FlowOutput, flowEventLine } from '../../zone/flow-event-text.js';
import { connectTo } from '../connect.js';
import { follow } from '../follow.js';
import { positiveNumber } from '../parse.js';
import { type FilterOptions, queryOf, withFilters } from './ct-filters.js';

interface Options extends FilterOptions {
  events?: string;
  output?: ReadonlySet<FlowOutput>;
  count?: number;
}

const HELP = `
A line is that of conntrack -E: [NEW], [UPDATE] (another state, the first answer, another
mark, assured) or [DESTROY] with the last counters of both directions and how many seconds it
lasted. What happens faster than it is read is counted: "N events lost".

Examples:
  sluice ct events
  sluice ct events -e NEW,DESTROY -p tcp --dport 80
  sluice ct events -o timestamp,id
  sluice ct events -e DESTROY --json`;

export function ctEventsCommand(): Command {
  return withFilters(new Command('events'))
    .description('show what happens to connections, as it happens')
    .option('-e, --events <kinds>', 'NEW, UPDATES, DESTROY or ALL (default: ALL)')
    .option('-o, --output <parts>', `adds to each line: ${FLOW_OUTPUTS.join(', ')}`, outputsOf)
    .option('-c, --count <n>', 'end after so many events', positiveNumber)
    .addHelpText('after', HELP)
    .action(events);
}

async function events(options: Options): Promise<void> {
  const query = { ...queryOf(options), events: options.events };
  const lines = connectTo(options).flowEvents(query);
  const shown = await follow(lines, options, view => flowEventLine(view, options.output));
  process.stderr.write(`sluice: ${shown} flow events have been shown.\n`);
  // Ends the request even while it waits for an event.
  process.exit();
}

function outputsOf(text: string): ReadonlySet<FlowOutput> {
  return new Set(
    text.split(',').map(word => {
      const output = FLOW_OUTPUTS.find(known => known === word);
      if (output === undefined) {
        throw new InvalidArgumentError(`Expected some of ${FLOW_OUTPUTS.join(', ')}.`);
      }
      return output;
    }),
  );
}
