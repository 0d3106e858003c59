/**
 * Hear: ARP (RFC 826) and neighbour discovery (RFC 4861 §7.1, §7.2) that reach a router
 * interface. Questions about its own addresses are answered, also those of a station that
 * has none yet (RFC 5227 §2.1, RFC 4861 §7.2.4). Whom we know, or who asks us, is learned:
 * an answer to us confirms a neighbour, anything else only says where it may be. Permanent
 * neighbours stay as they are.
 *
 * Whoever speaks as one of our addresses is counted and believed in nothing. Afterwards
 * `Adjacencies.heard` is the neighbour it was about, whose waiting packets may go now.
 *
 * The message is consumed; an answer is a copy in the books.
 * Drops: NeighbourMalformed, NotOurAddress.
 */
import { Drop } from '../abi';
import { AdjacencyState } from '../adjacency-abi';
import { Core } from '../memory';
import { Packet, reserve } from '../packet';
import { Adjacencies, Adjacency, adjacencyAt, findAdjacency } from '../table/adjacency';
import { confirm, learnAdjacency } from '../table/adjacency-state';
import { Iface } from '../table/iface';
import { IPV4_HEAD } from '../table/neighbour';
import { vipAt } from '../table/vip';
import { Zone } from '../table/zone';
import { ARP_BYTES, ARP_REPLY, ARP_REQUEST, Arp, TYPE_ARP } from '../wire/arp';
import { ETHERNET_BYTES, Ethernet, isStation } from '../wire/ethernet';
import { ICMP6_BYTES, Icmp6, NEXT_ICMP6 } from '../wire/icmp6';
import { isStationIpv4, isUnspecifiedIpv4 } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6, isGroupIpv6 } from '../wire/ipv6';
import {
  ARP_FRAME_BYTES,
  ND_FRAME_BYTES,
  ndHeaderOf,
  writeAdvertisement,
  writeArpReply,
} from '../wire/neighbour-frame';
import {
  ALL_NODES_HEAD,
  ALL_NODES_MAC,
  ALL_NODES_TAIL,
  ND_ADVERTISEMENT,
  ND_BYTES,
  ND_OVERRIDE,
  ND_ROUTER,
  ND_SOLICITATION,
  ND_SOLICITED,
  Nd,
  isNdMessage,
  isSolicitedNode,
  sourceLinkIn,
  targetLinkIn,
} from '../wire/nd';
import { inject } from './inject';
import { CONSUMED } from './outer';

/** Returns CONSUMED, which the caller counts, a reason, or Drop.None: it is something else. */
export function hear(core: Core, p: Packet, iface: Iface): Drop {
  Adjacencies.at(core.adjacencies).heard = changetype<Adjacency>(0);
  const type = Ethernet.at(p.data).type;
  if (type == TYPE_ARP) return hearArp(core, p, iface);
  if (type != TYPE_IPV6) return Drop.None;
  const header = p.window(ETHERNET_BYTES, IPV6_BYTES + ICMP6_BYTES);
  if (header == 0) return Drop.None;
  const ip = Ipv6.at(header);
  if (!ip.isVersion6 || ip.nextHeader != NEXT_ICMP6) return Drop.None;
  const kind = Icmp6.at(header + IPV6_BYTES).type;
  if (kind != ND_SOLICITATION && kind != ND_ADVERTISEMENT) return Drop.None;
  if (!isNdMessage(p, ETHERNET_BYTES, ip)) return Drop.NeighbourMalformed;
  if (isGroupIpv6(Nd.at(header + IPV6_BYTES).targetHead)) return Drop.NeighbourMalformed;
  return kind == ND_SOLICITATION
    ? hearSolicitation(core, p, iface, ip)
    : hearAdvertisement(core, p, iface, ip);
}

function hearArp(core: Core, p: Packet, iface: Iface): Drop {
  const header = p.window(ETHERNET_BYTES, ARP_BYTES);
  if (header == 0) return Drop.NeighbourMalformed;
  const arp = Arp.at(header);
  const operation = arp.operation;
  const sender = arp.senderIp;
  if (!arp.isIpv4OverEthernet || !isStation(arp.senderMac)) return Drop.NeighbourMalformed;
  if (operation != ARP_REQUEST && operation != ARP_REPLY) return Drop.NeighbourMalformed;
  if (iface.isOwnAddress(IPV4_HEAD, sender)) return hearOurselves(core, iface, arp.senderMac);
  const isForUs = isOurs(core, iface, IPV4_HEAD, arp.targetIp);
  const isProbe = isUnspecifiedIpv4(sender);
  if (!isProbe && !isStationIpv4(sender)) return Drop.NeighbourMalformed;
  const isQuestion = operation == ARP_REQUEST && isForUs;
  let row = changetype<Adjacency>(0);
  if (isQuestion && !isProbe) row = whoAsks(core, iface, IPV4_HEAD, sender);
  else if (!isProbe) row = findAdjacency(core, iface, IPV4_HEAD, sender);
  if (changetype<usize>(row) != 0) {
    const isToUs = Ethernet.at(p.data).destination == iface.mac;
    believe(core, row, arp.senderMac, operation == ARP_REPLY && isForUs && isToUs);
  }
  if (isQuestion) return answerArp(core, p, iface, arp);
  return isForUs || changetype<usize>(row) != 0 ? CONSUMED : Drop.NotOurAddress;
}

/** The interface's own address, or one that its zone's services have. */
function isOurs(core: Core, iface: Iface, head: u64, tail: u64): bool {
  if (iface.isOwnAddress(head, tail)) return true;
  const zone = Zone.at(core.zones, iface.zone);
  return zone.serviceKeys != 0 && changetype<usize>(vipAt(core, iface.zone, head, tail)) != 0;
}

/** Takes over where a neighbour says it is. */
function believe(core: Core, row: Adjacency, mac: u64, isAnswer: bool): void {
  Adjacencies.at(core.adjacencies).heard = row;
  if (isAnswer) confirm(core, row, mac);
  else learnAdjacency(core, row, mac);
}

/** The neighbour that asks us; one of our subnets that nobody knew is made. Null: neither. */
function whoAsks(core: Core, iface: Iface, head: u64, tail: u64): Adjacency {
  for (let i: u32 = 0; i < iface.addressCount; i++) {
    const isFamily = (iface.addressHead(i) == IPV4_HEAD) == (head == IPV4_HEAD);
    if (isFamily && iface.isOnLink(i, head, tail)) return adjacencyAt(core, iface, head, tail);
  }
  return findAdjacency(core, iface, head, tail);
}

/** Somebody says he has one of our addresses, unless it is our own frame come back. */
function hearOurselves(core: Core, iface: Iface, mac: u64): Drop {
  if (mac != iface.mac) Adjacencies.at(core.adjacencies).conflicts++;
  return CONSUMED;
}

function answerArp(core: Core, p: Packet, iface: Iface, request: Arp): Drop {
  const reply = reserve(core, ARP_FRAME_BYTES);
  if (reply == 0) return CONSUMED; // it will ask again
  writeArpReply(reply, request, iface.mac);
  inject(core, p.origin, reply, ARP_FRAME_BYTES, iface);
  return CONSUMED;
}

/** RFC 4861 §7.1.1, §7.2.3. */
function hearSolicitation(core: Core, p: Packet, iface: Iface, ip: Ipv6): Drop {
  const message = changetype<usize>(ip) + IPV6_BYTES;
  const nd = Nd.at(message);
  const told = sourceLinkIn(message + ND_BYTES, message + ip.payloadBytes);
  const isProbe = (ip.sourceHead | ip.sourceTail) == 0;
  if (isProbe) {
    const isToGroup = isSolicitedNode(ip.destinationHead, ip.destinationTail, nd.targetTail);
    if (!isToGroup || told != 0) return Drop.NeighbourMalformed;
  } else if (isGroupIpv6(ip.sourceHead) || (told != 0 && !isStation(told))) {
    return Drop.NeighbourMalformed;
  }
  if (!isOurs(core, iface, nd.targetHead, nd.targetTail)) return Drop.NotOurAddress;
  const mac = told != 0 ? told : Ethernet.at(p.data).source;
  if (isProbe) {
    if (mac == iface.mac) return CONSUMED;
    Adjacencies.at(core.adjacencies).conflicts++;
    return advertise(core, p, iface, ip, 0);
  }
  if (iface.isOwnAddress(ip.sourceHead, ip.sourceTail)) return hearOurselves(core, iface, mac);
  if (told != 0) {
    const row = whoAsks(core, iface, ip.sourceHead, ip.sourceTail);
    if (changetype<usize>(row) != 0) believe(core, row, told, false);
  }
  return advertise(core, p, iface, ip, mac);
}

/** Answers a solicitation of the station `to`, or of 0 tells all of them, RFC 4861 §7.2.4. */
function advertise(core: Core, p: Packet, iface: Iface, question: Ipv6, to: u64): Drop {
  const reply = reserve(core, ND_FRAME_BYTES);
  if (reply == 0) return CONSUMED; // it will ask again
  const nd = Nd.at(changetype<usize>(question) + IPV6_BYTES);
  const ip = ndHeaderOf(reply);
  ip.sourceHead = nd.targetHead;
  ip.sourceTail = nd.targetTail;
  ip.destinationHead = to != 0 ? question.sourceHead : ALL_NODES_HEAD;
  ip.destinationTail = to != 0 ? question.sourceTail : ALL_NODES_TAIL;
  const flags = ND_ROUTER | ND_OVERRIDE | (to != 0 ? ND_SOLICITED : 0);
  writeAdvertisement(reply, to != 0 ? to : ALL_NODES_MAC, iface.mac, flags);
  inject(core, p.origin, reply, ND_FRAME_BYTES, iface);
  return CONSUMED;
}

/** RFC 4861 §7.1.2, §7.2.5. */
function hearAdvertisement(core: Core, p: Packet, iface: Iface, ip: Ipv6): Drop {
  const message = changetype<usize>(ip) + IPV6_BYTES;
  const nd = Nd.at(message);
  const isSolicited = (nd.flags & ND_SOLICITED) != 0;
  const told = targetLinkIn(message + ND_BYTES, message + ip.payloadBytes);
  if (isGroupIpv6(ip.destinationHead) && isSolicited) return Drop.NeighbourMalformed;
  if (told != 0 && !isStation(told)) return Drop.NeighbourMalformed;
  if (iface.isOwnAddress(nd.targetHead, nd.targetTail)) {
    return hearOurselves(core, iface, told != 0 ? told : Ethernet.at(p.data).source);
  }
  const row = findAdjacency(core, iface, nd.targetHead, nd.targetTail);
  if (changetype<usize>(row) == 0) return Drop.NotOurAddress;
  const mac = told != 0 ? told : row.mac;
  if (mac == 0) return CONSUMED; // unknown, and it does not say
  const isMoved = row.mac != 0 && mac != row.mac;
  if (isMoved && (nd.flags & ND_OVERRIDE) == 0) doubt(row);
  else believe(core, row, mac, isSolicited);
  return CONSUMED;
}

/** Somebody else says he is this neighbour, and does not insist: RFC 4861 §7.2.5, case I. */
function doubt(row: Adjacency): void {
  if (row.state == AdjacencyState.Reachable) row.state = AdjacencyState.Stale;
}
