/**
 * Tag rewriting on a port: the frames of one sub-interface, recognised by their stack of
 * tags, enter with some of it taken off and other tags put on, and leave with the reverse
 * (pop 1 or 2, push 1 or 2, translate 1-1, 1-2, 2-1, 2-2).
 *
 * Drops: TagMismatch, NoBuffer.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { Packet, own } from '../packet';
import { Port } from '../table/port';
import { note, say } from '../trace';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { VID_MASK, VLAN_BYTES, isTpid, popTag, pushTag, tagAt } from '../wire/vlan';

/** TPID and VID of a tag, without priority. */
const IDENTITY_MASK: u32 = 0xffff0000 | VID_MASK;
const PRIORITY_BITS: u32 = 0xf000;

/** What the port matches becomes what the switch carries. */
export function rewriteTagsIn(core: Core, p: Packet, port: Port): Drop {
  const matched = port.matchTags;
  if (!startsWith(p, matched, port.matchOuter, port.matchInner)) return Drop.TagMismatch;
  if (isTpid(typeBehind(p, matched))) return Drop.TagMismatch;
  if (!own(core, p)) return Drop.NoBuffer;
  const priority = popTags(p, port.popTags);
  pushTags(p, port.pushTags, port.pushOuter | priority, port.pushInner | priority);
  trace(core, p, port.popTags, port.pushTags);
  return Drop.None;
}

/** What the switch carries becomes what the port matches. */
export function rewriteTagsOut(core: Core, p: Packet, port: Port): Drop {
  if (!startsWith(p, port.pushTags, port.pushOuter, port.pushInner)) return Drop.TagMismatch;
  if (!own(core, p)) return Drop.NoBuffer;
  const priority = popTags(p, port.pushTags);
  pushTags(p, port.popTags, port.matchOuter | priority, port.matchInner | priority);
  trace(core, p, port.pushTags, port.popTags);
  return Drop.None;
}

/** Whether the frame's outermost tags are these. */
function startsWith(p: Packet, tags: u32, outer: u32, inner: u32): bool {
  if (p.length < ETHERNET_BYTES + tags * VLAN_BYTES) return false;
  if (tags > 0 && (tagAt(p.data) & IDENTITY_MASK) != outer) return false;
  return tags < 2 || (tagAt(p.data + VLAN_BYTES) & IDENTITY_MASK) == inner;
}

/** The type field behind `tags` tags, which must be inside the frame. */
function typeBehind(p: Packet, tags: u32): u32 {
  return Ethernet.at(p.data + tags * VLAN_BYTES).type;
}

/** Returns the priority bits of the outermost tag taken off. */
function popTags(p: Packet, tags: u32): u32 {
  if (tags == 0) return 0;
  const priority = tagAt(p.data) & PRIORITY_BITS;
  for (let i: u32 = 0; i < tags; i++) {
    p.data = <u32>popTag(p.data, p.has(RxFlag.Offload));
    p.length -= VLAN_BYTES;
  }
  return priority;
}

function pushTags(p: Packet, tags: u32, outer: u32, inner: u32): void {
  for (let i = tags; i > 0; i--) {
    p.data = <u32>pushTag(p.data, i == 2 ? inner : outer, p.has(RxFlag.Offload));
    p.length += VLAN_BYTES;
  }
}

function trace(core: Core, p: Packet, popped: u32, pushed: u32): void {
  if (!p.has(RxFlag.Trace)) return;
  say(note(core, p, Node.Output, Trace.TagsRewritten), popped, pushed, p.length);
}
