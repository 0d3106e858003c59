/**
 * Replicate: a flooded frame to the VTEPs of an overlay, a copy with headers of its own to
 * each member (head-end replication), or one to the multicast group (RFC 7348 §4.2).
 */
import { CoreCounter, Drop } from '../abi';
import { drop } from '../fate';
import { Core, count } from '../memory';
import { PACKET_SHARED, Packet } from '../packet';
import { OVERLAY_MULTICASTS, OVERLAY_REPLICATES, Overlay } from '../table/overlay';
import { Vtep } from '../table/vtep';
import { dress } from './dress';

/** Whether a flood of the overlay's segment goes to any VTEP. */
export function hasReplicas(overlay: Overlay): bool {
  if (changetype<usize>(overlay) == 0) return false;
  if (overlay.has(OVERLAY_MULTICASTS)) return overlay.group != 0;
  return overlay.has(OVERLAY_REPLICATES) && overlay.peerCount != 0;
}

/** Sends `p` to every VTEP that is to hear it. More than one are copies in the books. */
export function replicate(core: Core, p: Packet, overlay: Overlay): void {
  if (!hasReplicas(overlay)) return drop(core, p, p.port, Drop.NoTarget);
  if (overlay.has(OVERLAY_MULTICASTS)) {
    return dress(core, p, overlay, Vtep.at(core.vteps, overlay.group));
  }
  const last = overlay.peerCount - 1;
  for (let i: u32 = 0; i < last; i++) copyTo(core, p, overlay, peerAt(core, overlay, i));
  dress(core, p, overlay, peerAt(core, overlay, last));
  count(core.coreCounters, CoreCounter.Copies, last);
}

function peerAt(core: Core, overlay: Overlay, index: u32): Vtep {
  const place = core.peers + ((<usize>(overlay.peerStart + index)) << 1);
  return Vtep.at(core.vteps, load<u16>(place));
}

/** Sends a copy; the packet itself stays as it is for the next VTEP. */
function copyTo(core: Core, p: Packet, overlay: Overlay, vtep: Vtep): void {
  const data = p.data;
  const length = p.length;
  const flags = p.flags | PACKET_SHARED;
  p.flags = flags;
  dress(core, p, overlay, vtep);
  p.data = data;
  p.length = length;
  p.flags = flags;
}
