/** `sluice check`: validates a configuration and shows what it comes to. */
import { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import { type Plan, planOf, segmentVids } from '../../config/plan.js';
import { vidsText } from '../../config/vids.js';
import { printJson, printLine, printTable } from '../output.js';

const HELP = `
Every problem is listed with its place in the file, its path, what was expected and what was
there; then the exit code is 2.

Examples:
  sluice check net.yaml
  sluice check net.yaml --json | jq '.ports[].name'`;

export function checkCommand(): Command {
  return new Command('check')
    .description('validate a configuration and print the plan')
    .argument('<file>', 'configuration (YAML)')
    .option('--json', 'print the plan as JSON')
    .addHelpText('after', HELP)
    .action((file: string, options: { json?: boolean }) => {
      const plan = planOf(loadConfig(file));
      if (options.json) printJson(plan);
      else printPlan(file, plan);
    });
}

function printPlan(file: string, plan: Plan): void {
  const { ports, segments, fdb, neighbours, capacities } = plan;
  printLine(`${file}: ${ports.length} ports, ${segments.length} segments, all right`);
  printLine('');
  const portRows = ports.map(({ index, name, config, vlans }) => {
    const { kind, segment, mtuBytes, up } = config;
    const vids = [vidsText(vlans.tagged), vidsText(vlans.untagged)];
    return [index, name, kind, up ? 'up' : 'down', segment, mtuBytes || null, ...vids];
  });
  printTable(['INDEX', 'PORT', 'KIND', 'STATE', 'SEGMENT', 'MTU', 'TAGGED', 'UNTAGGED'], portRows);
  printLine('');
  const segmentRows = segments.map(segment => {
    const { index, name, config } = segment;
    const configured = config.fdb.length;
    const limit = config.learnLimit || null;
    return [index, name, vidsText(segmentVids(segment)), config.ageSec, limit, configured];
  });
  printTable(['INDEX', 'SEGMENT', 'VLANS', 'AGE', 'LIMIT', 'CONFIGURED'], segmentRows);
  printLine('');
  printLine(`FDB: ${capacities.FdbEntries} entries, ${fdb.length} of them configured`);
  printLine(`neighbours: ${neighbours.length} of at most ${capacities.Neighbours}`);
}
