/** `sluice drops`: which port dropped how many frames, and why. */
import { Command } from 'commander';
import type { DropsView } from '../../api/views.js';
import { connectTo } from '../connect.js';
import { type Cell, tableText } from '../output.js';
import { type WatchOptions, showAndWatch, withWatchOptions } from '../watch.js';

const HELP = `
The port is the one to blame: where the frame came in, or the one that could not take it.

Examples:
  sluice drops
  sluice drops --watch
  sluice capture drops          # the frames themselves`;

export function dropsCommand(): Command {
  return withWatchOptions(new Command('drops'))
    .description('show dropped frames by reason')
    .addHelpText('after', HELP)
    .action(async (options: WatchOptions) => {
      const client = connectTo(options);
      await showAndWatch(options, async (before, seconds) => {
        const value = await client.drops();
        return { value, text: dropsText(value, before as DropsView | undefined, seconds) };
      });
    });
}

function dropsText(now: DropsView, before: DropsView | undefined, seconds: number): string {
  const groups = [['all', now.total] as const, ...Object.entries(now.ports)];
  const rows = groups.flatMap(([name, counts]) =>
    Object.entries(counts).map(([reason, count]): Cell[] => {
      if (before === undefined) return [name, reason, count];
      const old = name === 'all' ? before.total : before.ports[name];
      return [name, reason, count, Math.round((count - (old?.[reason] ?? 0)) / seconds)];
    }),
  );
  if (rows.length === 0) return 'no drops';
  const heads = ['PORT', 'REASON', 'FRAMES'];
  return tableText(before === undefined ? heads : [...heads, 'FRAMES/S'], rows);
}
