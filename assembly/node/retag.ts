/**
 * VLAN tags on the way out of a VLAN-aware segment, IEEE 802.1Q-2018 §6.9.2 (features
 * BR-9): the frame leaves with its tag, without it, or with a VID 0 tag that only carries
 * the priority.
 *
 * Bytes that another descriptor sends, or that have no headroom, are copied first. A flood
 * makes the other form (tagged for untagged, or the reverse) once and shares it.
 *
 * Drops: VlanEgress, NoBuffer.
 */
import { Drop, Node, PriorityTags, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { PACKET_SHARED, PACKET_TAGGED, Packet, own } from '../packet';
import { Port } from '../table/port';
import { note, say } from '../trace';
import { PRIORITY_SHIFT, VID_MASK, VLAN_BYTES, popTag, pushTag, setTag } from '../wire/vlan';

const PRIORITY_MASK: u32 = 7 << PRIORITY_SHIFT;

export function retag(core: Core, p: Packet, egress: Port): Drop {
  const vid = p.tag & VID_MASK;
  if (!egress.isMember(vid)) return Drop.VlanEgress;
  const isTagged = p.has(PACKET_TAGGED);
  if (!egress.isUntagged(vid)) return isTagged ? Drop.None : swapForm(core, p, egress);
  if (wantsPriorityTag(p, egress)) return priorityTag(core, p, egress);
  return isTagged ? swapForm(core, p, egress) : Drop.None;
}

function wantsPriorityTag(p: Packet, egress: Port): bool {
  if (egress.priorityTags == PriorityTags.Always) return true;
  return egress.priorityTags == PriorityTags.NonZero && (p.tag & PRIORITY_MASK) != 0;
}

/** From tagged to untagged or back, with the copy an earlier member made if there is one. */
function swapForm(core: Core, p: Packet, egress: Port): Drop {
  const isShared = p.has(PACKET_SHARED);
  const isTagged = p.has(PACKET_TAGGED);
  if (isShared && p.variant != 0) {
    p.data = p.variant;
    p.length = isTagged ? p.length - VLAN_BYTES : p.length + VLAN_BYTES;
    p.flags ^= PACKET_TAGGED;
    trace(core, p, egress, isTagged ? Trace.TagPopped : Trace.TagPushed);
    return Drop.None;
  }
  if (!own(core, p)) return Drop.NoBuffer;
  if (isTagged) pop(core, p, egress);
  else push(core, p, egress, p.tag);
  if (isShared) {
    p.variant = p.data;
    p.flags |= PACKET_SHARED; // with the members that take the variant
  }
  return Drop.None;
}

function priorityTag(core: Core, p: Packet, egress: Port): Drop {
  const tag = p.tag & ~VID_MASK;
  if (!own(core, p)) return Drop.NoBuffer;
  if (p.has(PACKET_TAGGED)) {
    setTag(p.data, tag);
    trace(core, p, egress, Trace.TagPushed);
    return Drop.None;
  }
  push(core, p, egress, tag);
  return Drop.None;
}

function push(core: Core, p: Packet, egress: Port, tag: u32): void {
  p.data = <u32>pushTag(p.data, tag, p.has(RxFlag.Offload));
  p.length += VLAN_BYTES;
  p.flags |= PACKET_TAGGED;
  trace(core, p, egress, Trace.TagPushed);
}

function pop(core: Core, p: Packet, egress: Port): void {
  p.data = <u32>popTag(p.data, p.has(RxFlag.Offload));
  p.length -= VLAN_BYTES;
  p.flags &= ~PACKET_TAGGED;
  trace(core, p, egress, Trace.TagPopped);
}

function trace(core: Core, p: Packet, egress: Port, event: Trace): void {
  if (!p.has(RxFlag.Trace)) return;
  say(note(core, p, Node.Output, event), egress.index, p.tag & 0xffff, p.tag >> 16);
}
