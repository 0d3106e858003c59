/**
 * Suppression: the switch answers questions about known neighbours, ARP and neighbour
 * solicitations, instead of flooding them (features BR-7, OV-11). Called for frames to
 * groups: a question to one station is for that station (RFC 9161 §3.5).
 *
 *   segment with AnswerNeighbours   a known target is answered, and nobody hears of it
 *   port with NeighbourSuppress     a known target is answered, and ports with the flag do
 *                                   not hear of it; others do. A question that comes from
 *                                   such a port is flooded as ever
 *
 * As Linux' bridge does, with ports: the owner of an address that is known to be behind a
 * port without the flag hears the question and answers itself. A probe (sender 0.0.0.0 or
 * ::, duplicate address detection), a gratuitous ARP and an unsolicited advertisement are
 * not answered and not sent to ports with the flag. An address whose place is not known is
 * answered for, where Linux floods: what was configured holds.
 *
 * Whatever is malformed, or carries tags that are payload, is flooded as it came. Cost: one
 * lookup of a neighbour and one of its MAC; of a solicitation the checksum as well.
 */
import { Family, Node, RxFlag, SegmentCounter, Trace, VNET_BYTES } from '../abi';
import { tell as tellHost, tellIp } from '../event';
import { Core, count } from '../memory';
import { Event } from '../overlay-abi';
import { PACKET_SUPPRESSED, PACKET_TAGGED, Packet, reserve } from '../packet';
import { Fdb, isExpired, placeOf } from '../table/fdb';
import { IPV4_HEAD, Neighbours, macOf } from '../table/neighbour';
import { PORT_IS_NOBODY, PORT_NEIGHBOUR_SUPPRESS, PORT_TUNNEL, Port } from '../table/port';
import { Segment } from '../table/segment';
import { note, sayAddress } from '../trace';
import { ARP_BYTES, ARP_REPLY, ARP_REQUEST, Arp, TYPE_ARP } from '../wire/arp';
import { ETHERNET_BYTES, Ethernet, MAC_BITS, isStation } from '../wire/ethernet';
import { Icmp6 } from '../wire/icmp6';
import { isStationIpv4, isUnspecifiedIpv4 } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6, isGroupIpv6 } from '../wire/ipv6';
import { ARP_FRAME_BYTES, ND_FRAME_BYTES } from '../wire/neighbour-frame';
import {
  ND_ADVERTISEMENT,
  ND_BYTES,
  ND_SOLICITATION,
  ND_SOLICITED,
  Nd,
  isNdMessage,
  isSolicitedNode,
} from '../wire/nd';
import { VLAN_BYTES } from '../wire/vlan';
import { Vnet } from '../wire/vnet';
import { answerArp, answerNd, askerOf } from './answer';

/** What `suppress` returns: whether a reply was sent. */
export const UNANSWERED: u32 = 0;
export const ANSWERED: u32 = 1; // a copy more; the question is still to be flooded
export const ANSWERED_ONLY: u32 = 2; // the reply is all that becomes of the question

/** Marks the packet PACKET_SUPPRESSED when members with the flag do not get it. */
export function suppress(core: Core, p: Packet): u32 {
  const type = typeOf(p);
  if (type != TYPE_ARP && type != TYPE_IPV6) return UNANSWERED;
  const port = p.port;
  if (port.has(PORT_TUNNEL)) return UNANSWERED; // whoever it is asked of is here
  if (port.segment.answersNeighbours == 0) {
    if (port.has(PORT_NEIGHBOUR_SUPPRESS) || !hasSuppressor(port.segment)) return UNANSWERED;
  }
  if (isUnfinished(p)) return UNANSWERED;
  const l3 = ETHERNET_BYTES + tagBytesOf(p);
  return type == TYPE_ARP ? suppressArp(core, p, l3) : suppressNd(core, p, l3);
}

/** Bytes of the tag that says the frame's VLAN; others are payload. */
function tagBytesOf(p: Packet): u32 {
  return p.has(PACKET_TAGGED) ? VLAN_BYTES : 0;
}

function typeOf(p: Packet): u32 {
  return Ethernet.at(p.data + tagBytesOf(p)).type;
}

function hasSuppressor(segment: Segment): bool {
  for (let port = segment.firstPort; changetype<usize>(port) != 0; port = port.next) {
    if (port.has(PORT_NEIGHBOUR_SUPPRESS)) return true;
  }
  return false;
}

/** Whether a device was to complete the frame: its checksum says nothing yet. */
function isUnfinished(p: Packet): bool {
  if (!p.has(RxFlag.Offload)) return false;
  const vnet = Vnet.at(p.data - VNET_BYTES);
  return vnet.needsChecksum || vnet.isGso;
}

function suppressArp(core: Core, p: Packet, l3: u32): u32 {
  const header = p.window(l3, ARP_BYTES);
  if (header == 0) return UNANSWERED;
  const arp = Arp.at(header);
  const operation = arp.operation;
  const target = arp.targetIp;
  const sender = arp.senderIp;
  if (!arp.isIpv4OverEthernet || !isStationIpv4(target)) return UNANSWERED;
  if (operation != ARP_REQUEST && operation != ARP_REPLY) return UNANSWERED;
  if (isUnspecifiedIpv4(sender) || sender == target) return keep(core, p, arp.targetIpAt);
  if (operation != ARP_REQUEST) return UNANSWERED;
  if (!isStationIpv4(sender) || !isStation(arp.senderMac)) return UNANSWERED;
  const neighbour = Neighbours.at(core.neighbours).lookup(IPV4_HEAD, target, p.domain);
  if (!isOurs(core, p, neighbour, arp.targetIpAt)) return UNANSWERED;
  const reply = reserve(core, ARP_FRAME_BYTES);
  if (reply == 0) return UNANSWERED;
  const mac = macOf(load<u64>(neighbour));
  tell(core, p, Trace.NeighbourAnswered, arp.targetIpAt, mac);
  answerArp(core, p, reply, arp, mac);
  return settle(p);
}

function suppressNd(core: Core, p: Packet, l3: u32): u32 {
  const header = p.window(l3, IPV6_BYTES + ND_BYTES);
  if (header == 0) return UNANSWERED;
  const ip = Ipv6.at(header);
  if (!isNdMessage(p, l3, ip)) return UNANSWERED;
  const icmp = Icmp6.at(header + IPV6_BYTES);
  const nd = Nd.at(header + IPV6_BYTES);
  if (icmp.type == ND_ADVERTISEMENT) {
    return (nd.flags & ND_SOLICITED) == 0 ? keep(core, p, nd.targetAt) : UNANSWERED;
  }
  if (icmp.type != ND_SOLICITATION || isGroupIpv6(nd.targetHead)) return UNANSWERED;
  if (!isSolicitedNode(ip.destinationHead, ip.destinationTail, nd.targetTail)) return UNANSWERED;
  if ((ip.sourceHead | ip.sourceTail) == 0) return keep(core, p, nd.targetAt);
  if (isGroupIpv6(ip.sourceHead) || !isStation(askerOf(p, ip))) return UNANSWERED;
  const table = Neighbours.at(core.neighbours);
  const neighbour = table.lookup(nd.targetHead, nd.targetTail, p.domain);
  if (!isOurs(core, p, neighbour, nd.targetAt)) return UNANSWERED;
  const reply = reserve(core, ND_FRAME_BYTES);
  if (reply == 0) return UNANSWERED;
  tell(core, p, Trace.NeighbourAnswered, nd.targetAt, macOf(load<u64>(neighbour)));
  answerNd(core, p, reply, ip, neighbour);
  return settle(p);
}

/**
 * Whether the switch answers for a neighbour (0: not known) whose address is at `ip`. If
 * not, what else becomes of the question is marked.
 */
function isOurs(core: Core, p: Packet, neighbour: usize, ip: usize): bool {
  if (neighbour == 0) {
    tell(core, p, Trace.NeighbourUnknown, ip, 0);
    if (changetype<usize>(p.port.overlay) != 0) tellMiss(core, p, ip);
    return false;
  }
  const mac = macOf(load<u64>(neighbour));
  if (p.port.segment.answersNeighbours != 0 || !isHeardBy(core, p, mac)) return true;
  p.flags |= PACKET_SUPPRESSED;
  tell(core, p, Trace.NeighbourAnswers, ip, mac);
  return false;
}

/** An address asked for that an overlay's segment does not know (features OV-11). */
function tellMiss(core: Core, p: Packet, ip: usize): void {
  const family = typeOf(p) == TYPE_ARP ? Family.Ipv4 : Family.Ipv6;
  tellIp(tellHost(core, Event.L3Miss, p.port.index, p.domain), ip, family);
}

/** Whether a station is behind a port that gets the question. */
function isHeardBy(core: Core, p: Packet, mac: u64): bool {
  const entry = Fdb.at(core.fdb).lookup(mac | ((<u64>p.domain) << MAC_BITS));
  if (entry == 0 || isExpired(load<u64>(entry), core.nowMs, p.port.ageMs)) return false;
  const place = placeOf(load<u64>(entry));
  if (place > core.portCount) return false; // behind a VTEP
  const port = Port.at(core.ports, place);
  return !port.has(PORT_NEIGHBOUR_SUPPRESS | PORT_IS_NOBODY);
}

/** For frames that nobody answers and that members with the flag do not get. */
function keep(core: Core, p: Packet, ip: usize): u32 {
  if (p.port.has(PORT_NEIGHBOUR_SUPPRESS)) return UNANSWERED;
  p.flags |= PACKET_SUPPRESSED;
  tell(core, p, Trace.NeighbourKept, ip, 0);
  return UNANSWERED;
}

/** After an answer. */
function settle(p: Packet): u32 {
  const segment = p.port.segment;
  count(segment.counters, SegmentCounter.Answered, 1);
  if (segment.answersNeighbours != 0) return ANSWERED_ONLY;
  p.flags |= PACKET_SUPPRESSED;
  return ANSWERED;
}

/** Traces a decision about the IP address at `ip`. */
function tell(core: Core, p: Packet, event: Trace, ip: usize, mac: u64): void {
  if (!p.has(RxFlag.Trace)) return;
  const family = typeOf(p) == TYPE_ARP ? Family.Ipv4 : Family.Ipv6;
  sayAddress(note(core, p, Node.Flood, event), ip, family, mac);
}
