/** `sluice monitor`: what the switch misses and learns, as it happens. */
import { Command } from 'commander';
import type { LogView } from '../../api/log-view.js';
import type { EventView } from '../../api/overlay-views.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { follow } from '../follow.js';
import { positiveNumber } from '../parse.js';

interface Options extends ClientOptions {
  count?: number;
}

const MS_PER_SEC = 1000;

const HELP = `
Events of segments with an overlay:
  L2MISS     an address that the FDB does not have
  L3MISS     an IP address asked for that no neighbour has
  VTEP       a tunnel end that nobody had named has sent
  PMTU       the path to a tunnel end takes less than before
  NOHOP      the way to tunnel ends is not found
Of zones, packets that meet LOG and NFLOG rules, in the form of the kernel's log:
  LOG        zone host: refused: IN=eth0 OUT= MAC=… SRC=192.0.2.9 DST=… PROTO=TCP SPT=… DPT=…

Examples:
  sluice monitor
  sluice monitor --count 1 --json`;

const NAMES: Record<string, string> = {
  l2Miss: 'L2MISS',
  l3Miss: 'L3MISS',
  vtepLearned: 'VTEP',
  pathMtu: 'PMTU',
  nextHopFailed: 'NOHOP',
};

export function monitorCommand(): Command {
  return withClientOptions(new Command('monitor'))
    .description('show misses, what is learned of tunnel ends, and what rules log, as it happens')
    .option('-c, --count <n>', 'end after so many events', positiveNumber)
    .addHelpText('after', HELP)
    .action(monitor);
}

async function monitor(options: Options): Promise<void> {
  await follow(connectTo(options).events(), options, lineOf);
  // Ends the request even while it waits for an event.
  process.exit();
}

function lineOf(line: (EventView & { timeSec: number }) | LogView): string {
  if (line.event === 'log') return logLineOf(line as LogView);
  return eventLineOf(line as EventView & { timeSec: number });
}

function logLineOf({ timeSec, line, zone, group }: LogView): string {
  const name = group === null ? 'LOG' : `NFLOG ${group}`;
  return `${new Date(timeSec * MS_PER_SEC).toISOString()} ${name} zone ${zone}: ${line}`;
}

function eventLineOf(line: EventView & { timeSec: number }): string {
  const { timeSec, event, segment, vid, port, ip, mac, mtuBytes } = line;
  const where = segment === null ? [] : [`segment ${segment}`, ...(vid > 0 ? [`vid ${vid}`] : [])];
  const parts = [
    new Date(timeSec * MS_PER_SEC).toISOString(),
    NAMES[event] ?? event,
    ip,
    mac,
    mtuBytes === null ? null : `mtu ${mtuBytes}`,
    ...where,
    port === null ? null : `dev ${port}`,
  ];
  return parts.filter(part => part !== null).join(' ');
}
