/**
 * Segment: cuts one offloaded TCP or UDP frame into frames of its segments (wire/gso.ts),
 * for egress ports whose device does not.
 *
 * Drops: BadOffload, NoBuffer, Oversize; a frame cut in part is sent in part and the rest
 * counts as one drop.
 */
import { drop, emit } from '../fate';
import { CoreCounter, Drop, Node, RxFlag, Trace, VNET_BYTES } from '../abi';
import { Core, count } from '../memory';
import { Packet, reserve } from '../packet';
import { Port } from '../table/port';
import { note, say } from '../trace';
import { Gso } from '../wire/gso';
import { Vnet } from '../wire/vnet';

export function segment(core: Core, p: Packet, egress: Port): void {
  const gso = Gso.at(core.gso);
  if (!gso.open(p.data, p.length, Vnet.at(p.data - VNET_BYTES))) {
    return drop(core, p, egress, Drop.BadOffload);
  }
  if (gso.longestBytes > egress.frameLimitBytes) return drop(core, p, egress, Drop.Oversize);
  const segments = gso.segments;
  traceSegments(core, p, egress, gso);
  p.flags &= ~(<u32>RxFlag.Offload);
  for (let i: u32 = 0; i < segments; i++) {
    const bytes = gso.bytesOf(i);
    const to: usize = core.segmentsLeft == 0 ? 0 : reserve(core, bytes);
    if (to == 0) {
      count(core.coreCounters, CoreCounter.Copies, i);
      return drop(core, p, egress, Drop.NoBuffer);
    }
    core.segmentsLeft--;
    gso.write(i, to);
    p.data = <u32>to;
    p.length = bytes;
    emit(core, p, egress, 0);
  }
  count(core.coreCounters, CoreCounter.Copies, segments - 1);
}

function traceSegments(core: Core, p: Packet, egress: Port, gso: Gso): void {
  if (!p.has(RxFlag.Trace)) return;
  const at = note(core, p, Node.Output, Trace.Segmented);
  say(at, egress.index, gso.segments, gso.segmentBytes);
}
