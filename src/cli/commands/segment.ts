/** `sluice segment show`. */
import { Command } from 'commander';
import type { OverlayView } from '../../api/overlay-views.js';
import { type ClientOptions, connectTo, withClientOptions } from '../connect.js';
import { onlyNamed } from '../named.js';
import { type Cell, printJson, printTable } from '../output.js';

const HELP = `
Examples:
  sluice segment show
  sluice segment show lan --json`;

const HEADS = ['INDEX', 'SEGMENT', 'VLANS', 'AGE', 'LIMIT', 'LEARNED', 'PORTS'];
const OVERLAY_HEADS = ['VNI', 'UNDERLAY', 'ENCAP', 'UDP', 'MTU', 'BUM', 'PEERS'];

export function segmentCommand(): Command {
  const show = new Command('show')
    .description('show segments')
    .argument('[name]', 'only this segment')
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, options: ClientOptions) => {
      const segments = onlyNamed('segment', name, await connectTo(options).segments());
      if (options.json) return printJson(segments);
      const hasOverlay = segments.some(({ overlay }) => overlay !== null);
      const rows = segments.map((segment): Cell[] => [
        segment.index,
        segment.name,
        segment.vlans,
        segment.ageSec,
        segment.learnLimit || null,
        segment.learnedEntries,
        segment.ports.join(','),
        ...(hasOverlay ? overlayCells(segment.overlay) : []),
      ]);
      printTable(hasOverlay ? [...HEADS, ...OVERLAY_HEADS] : HEADS, rows);
    });
  return new Command('segment').description('segments').addCommand(withClientOptions(show));
}

function overlayCells(overlay: OverlayView | null): Cell[] {
  if (overlay === null) return OVERLAY_HEADS.map(() => null);
  const { vni, underlay, encapsulation, udpPort, mtuBytes, bum, group, peers } = overlay;
  const flood = group === null ? bum : `${bum} ${group}`;
  return [vni, underlay, encapsulation, udpPort, mtuBytes, flood, peers.join(',')];
}
