/**
 * Fragment: an inner IPv4 packet that is too long for the path and allows it travels in
 * fragments of its own (wire/cut.ts), each in an outer packet: the overlay is the hop before
 * the short link. Outer packets are never fragments (RFC 7348 §4.3).
 */
import { CoreCounter, Drop, Node, RxFlag, Trace } from '../abi';
import { drop } from '../fate';
import { Core, count } from '../memory';
import { PACKET_SHARED, Packet, reserve } from '../packet';
import { Overlay } from '../table/overlay';
import { Vtep } from '../table/vtep';
import { note, say } from '../trace';
import { Cut } from '../wire/cut';
import { packetLimit, push } from './encap';

/** Sends the frame in fragments. False: it cannot be, and nothing was done. */
export function encapFragments(
  core: Core,
  p: Packet,
  overlay: Overlay,
  vtep: Vtep,
  header: u32,
): bool {
  const cut = Cut.at(core.gso);
  if (!cut.open(p.data, p.length, packetLimit(overlay, vtep))) return false;
  if (p.has(RxFlag.Trace)) traceCut(core, p, overlay, cut.fragments);
  p.flags &= ~(PACKET_SHARED | (<u32>RxFlag.Tight));
  for (let i: u32 = 0; i < cut.fragments; i++) {
    const bytes = cut.bytesOf(i);
    const to: usize = core.segmentsLeft == 0 ? 0 : reserve(core, bytes);
    if (to == 0) {
      count(core.coreCounters, CoreCounter.Copies, i);
      drop(core, p, overlay.tunnelPort, Drop.NoBuffer);
      return true;
    }
    core.segmentsLeft--;
    cut.write(i, to);
    p.data = <u32>to;
    p.length = bytes;
    push(core, p, overlay, vtep, header);
  }
  count(core.coreCounters, CoreCounter.Copies, cut.fragments - 1);
  return true;
}

function traceCut(core: Core, p: Packet, overlay: Overlay, fragments: u32): void {
  const at = note(core, p, Node.Encap, Trace.Fragmented);
  say(at, overlay.tunnelPort.index, fragments, 0);
}
