/**
 * Sends what waited for neighbours, once these are known, or drops it when they do not
 * answer. Each frame is a copy in the books (adjacent-queue.ts).
 */
import { AdjacencyState } from '../adjacency-abi';
import { CoreCounter, Drop, OWN_ACCORD } from '../abi';
import { Core, EXTRA_PACKETS, count } from '../memory';
import { Adjacencies, Adjacency } from '../table/adjacency';
import { Iface } from '../table/iface';
import { Ethernet } from '../wire/ethernet';
import { attend, attendCount } from './adjacent';
import { dropQueued, takeQueued } from './adjacent-queue';
import { extraPacket } from './enter';
import { toSegment } from './inject';

/** Behind the packets of a batch: neighbours about which something is due. */
export function attendAll(core: Core): void {
  for (let i = attendCount(core); i != 0; i--) {
    const row = attend(core);
    if (changetype<usize>(row) == 0) continue;
    if (row.state == AdjacencyState.Failed) dropQueued(core, row, Drop.NeighbourFailed);
    else sendQueued(core, row);
  }
}

/** In the order they came; what this batch has no room for goes on waiting. */
export function sendQueued(core: Core, row: Adjacency): void {
  const table = Adjacencies.at(core.adjacencies);
  const iface = Iface.at(core.ifaces, row.iface);
  while (row.waiting != 0 && core.extrasUsed < EXTRA_PACKETS && iface.inUse) {
    const frame = takeQueued(core, row);
    if (frame == 0) return;
    const p = extraPacket(core);
    p.data = <u32>frame;
    p.length = table.frameBytes;
    p.flags = table.frameFlags;
    p.origin = OWN_ACCORD;
    count(core.coreCounters, CoreCounter.Copies, 1);
    const ethernet = Ethernet.at(frame);
    ethernet.address(row.mac, iface.mac);
    toSegment(core, p, iface, row);
  }
}
