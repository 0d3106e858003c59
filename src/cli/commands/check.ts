/** `sluice check`: validates a configuration and shows what it comes to. */
import { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import { type Plan, planOf, segmentVids } from '../../config/plan.js';
import { vidsText } from '../../config/vids.js';
import { macText } from '../../frame/mac.js';
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
  if (plan.underlays.length > 0) printOverlays(plan);
  if (plan.zones.zones.length > 0) printZones(plan);
  printLine(`FDB: ${capacities.FdbEntries} entries, ${fdb.length} of them configured`);
  printLine(`neighbours: ${neighbours.length} of at most ${capacities.Neighbours}`);
}

function printOverlays(plan: Plan): void {
  const { underlays, overlays, vteps, ports, capacities } = plan;
  const portName = (index: number): string | undefined =>
    ports.find(port => port.index === index)?.name;
  const underlayRows = underlays.map(({ index, name, port, config }) => {
    const addresses = config.addresses.map(({ ip, prefixBits }) => `${ip}/${prefixBits}`);
    const lists = [addresses.join(','), config.gateways.join(',')];
    return [index, name, portName(port), config.mtuBytes, ...lists];
  });
  printTable(['INDEX', 'UNDERLAY', 'PORT', 'MTU', 'ADDRESSES', 'GATEWAYS'], underlayRows);
  printLine('');
  const overlayRows = overlays.map(({ index, name, tunnelPort, config, peers }) => {
    const { vni, underlay, encapsulation, udpPort, mtuBytes, bum } = config;
    const network = [vni, underlay, encapsulation, udpPort, mtuBytes, bum];
    return [index, name, portName(tunnelPort), ...network, peers.length];
  });
  const network = ['VNI', 'UNDERLAY', 'ENCAP', 'UDP', 'MTU', 'BUM', 'PEERS'];
  printTable(['INDEX', 'OVERLAY', 'PORT', ...network], overlayRows);
  printLine('');
  printLine(`tunnel ends: ${vteps.length} of at most ${capacities.Vteps}`);
}

function printZones({ zones: { zones, interfaces, routes, rules }, capacities }: Plan): void {
  const zoneRows = zones.map(({ index, name, config }) => {
    const { forwarding, reversePath, conntrack, nat } = config;
    const own = routes.filter(({ zone }) => zone === index).length;
    const ports = `${nat.firstPort}-${nat.lastPort}`;
    const flags = [forwarding ? 'on' : 'off', reversePath, conntrack.profile];
    const count = rules.rules.filter(({ zone }) => zone === index).length;
    return [index, name, ...flags, nat.portSelect, ports, own, count];
  });
  const options = ['FORWARDING', 'REVERSE PATH', 'PROFILE', 'PORT SELECT', 'PORTS'];
  printTable(['INDEX', 'ZONE', ...options, 'ROUTES', 'RULES'], zoneRows);
  printLine('');
  const interfaceRows = interfaces.map(({ index, name, config }) => {
    const { segment, vlan, mac, mtuBytes, addresses } = config;
    const texts = addresses.map(({ ip, prefixBits }) => `${ip}/${prefixBits}`);
    return [index, name, segment, vlan || null, macText(mac), mtuBytes, texts.join()];
  });
  const columns = ['SEGMENT', 'VLAN', 'MAC', 'MTU', 'ADDRESSES'];
  printTable(['INDEX', 'INTERFACE', ...columns], interfaceRows);
  printLine('');
  printLine(`routes: ${routes.length} of at most ${capacities.Routes}`);
  const { program } = rules;
  printLine(`rules: ${program.length} bytes of at most ${capacities.RuleBytes}`);
}
