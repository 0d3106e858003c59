/** `sluice stats`: counters of a running switch. */
import { Command } from 'commander';
import type { StatsView } from '../../api/views.js';
import { connectTo } from '../connect.js';
import { type Cell, tableText } from '../output.js';
import { type WatchOptions, showAndWatch, withWatchOptions } from '../watch.js';

const HELP = `
With --watch the table has rates; with --json it is one object a line, of totals.

Examples:
  sluice stats
  sluice stats --watch 5
  sluice stats --json | jq .core`;

const BITS = 8;
const MEGA = 1e6;

export function statsCommand(): Command {
  return withWatchOptions(new Command('stats'))
    .description('show counters')
    .addHelpText('after', HELP)
    .action(async (options: WatchOptions) => {
      const client = connectTo(options);
      await showAndWatch(options, async (before, seconds) => {
        const value = await client.stats();
        const text =
          before === undefined ? statsText(value) : ratesText(before as StatsView, value, seconds);
        return { value, text };
      });
    });
}

/** Totals of ports, segments and the switch. */
export function statsText({ core, ports, portDrops, segments }: StatsView): string {
  const portRows = Object.entries(ports).map(([name, port]): Cell[] => {
    const { rxPackets, rxBytes, txPackets, txBytes } = port;
    return [name, rxPackets, rxBytes, txPackets, txBytes, sumOf(portDrops[name])];
  });
  const segmentRows = Object.entries(segments).map(([name, segment]): Cell[] => {
    const { packets, flooded, entries, learned, moved, expired } = segment;
    return [name, packets, flooded, entries, learned, moved, expired];
  });
  const { received, copies, sent, dropped, consumed } = core;
  return [
    tableText(['PORT', 'RX', 'RX BYTES', 'TX', 'TX BYTES', 'DROPS'], portRows),
    '',
    tableText(
      ['SEGMENT', 'PACKETS', 'FLOODED', 'ADDRESSES', 'LEARNED', 'MOVED', 'EXPIRED'],
      segmentRows,
    ),
    '',
    `received ${received} + copies ${copies} = sent ${sent} + dropped ${dropped}` +
      ` + consumed ${consumed}`,
  ].join('\n');
}

function sumOf(counts: Record<string, number> | undefined): number {
  return Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0);
}

function ratesText(before: StatsView, now: StatsView, seconds: number): string {
  const rows = Object.entries(now.ports).map(([name, port]): Cell[] => {
    const old = before.ports[name] ?? {};
    const rate = (key: string): number => ((port[key] ?? 0) - (old[key] ?? 0)) / seconds;
    const mbits = (key: string): string => ((rate(key) * BITS) / MEGA).toFixed(1);
    const drops = (sumOf(now.portDrops[name]) - sumOf(before.portDrops[name])) / seconds;
    const packets = [rate('rxPackets'), rate('txPackets'), drops].map(Math.round);
    return [name, packets[0], mbits('rxBytes'), packets[1], mbits('txBytes'), packets[2]];
  });
  return tableText(['PORT', 'RX/S', 'RX MBIT/S', 'TX/S', 'TX MBIT/S', 'DROPS/S'], rows);
}
