/**
 * Admission on a port of a VLAN-aware segment: finds the frame's VLAN, IEEE 802.1Q-2018
 * §6.9 (features BR-9).
 *
 * A tag with VID 0 only carries a priority: it is taken off and the priority kept. A tag
 * of the other protocol (0x88a8 in a segment of 0x8100, or the reverse), and any tag on a
 * port where tags are payload (802.1Q tunnel), is part of the payload.
 *
 * Drops: VlanRefused.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { PACKET_TAGGED, Packet } from '../packet';
import { PORT_ACCEPTS_TAGGED, PORT_TAGS_ARE_PAYLOAD, Port } from '../table/port';
import { note, say, sayKey } from '../trace';
import { Ethernet, MAC_BITS } from '../wire/ethernet';
import { PRIORITY_SHIFT, VID_MASK, VID_RESERVED, VLAN_BYTES, popTag, tagAt } from '../wire/vlan';

const TPID_SHIFT: u32 = 16;

/** Sets the tag and, in `source`, the domain. */
export function admitVlan(core: Core, p: Packet, port: Port): Drop {
  const tpid = port.segment.tpid;
  const tagged = !port.has(PORT_TAGS_ARE_PAYLOAD) && Ethernet.at(p.data).type == tpid;
  const tag = tagged ? tagAt(p.data) : tpid << TPID_SHIFT;
  const vid = tag & VID_MASK;
  if (vid != 0) return admitTagged(core, p, port, tag);
  if (tagged) stripPriorityTag(p);
  if (port.pvid == 0) return refuse(core, p, 0);
  return classify(core, p, port, tag | port.pvid);
}

function admitTagged(core: Core, p: Packet, port: Port, tag: u32): Drop {
  const vid = tag & VID_MASK;
  if (!port.has(PORT_ACCEPTS_TAGGED) || vid == VID_RESERVED) return refuse(core, p, vid);
  if (!port.isMember(vid)) return refuse(core, p, vid);
  p.flags |= PACKET_TAGGED;
  return classify(core, p, port, tag);
}

function classify(core: Core, p: Packet, port: Port, tag: u32): Drop {
  const vid = tag & VID_MASK;
  const domain: u32 = load<u16>(port.vlanTable + ((<usize>vid) << 1));
  if (domain == 0) return refuse(core, p, vid);
  p.tag = tag;
  p.source = (<u64>domain) << MAC_BITS;
  if (p.has(RxFlag.Trace)) traceVlan(core, p, vid);
  return Drop.None;
}

function stripPriorityTag(p: Packet): void {
  p.data = <u32>popTag(p.data, p.has(RxFlag.Offload));
  p.length -= VLAN_BYTES;
}

function refuse(core: Core, p: Packet, vid: u32): Drop {
  p.source = 0;
  if (p.has(RxFlag.Trace)) traceVlan(core, p, vid);
  return Drop.VlanRefused;
}

function traceVlan(core: Core, p: Packet, vid: u32): void {
  const at = note(core, p, Node.Ingress, Trace.Vlan);
  const priority = (p.tag >> PRIORITY_SHIFT) & 7;
  say(at, vid, priority, p.has(PACKET_TAGGED) ? 1 : 0);
  sayKey(at, p.source);
}
