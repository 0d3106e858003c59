/**
 * Underlay: what comes in on an underlay's port and is no tunnel's. Its own addresses answer
 * ARP requests, neighbour solicitations and pings, as a host does, and learn where next hops
 * are and what paths take (path-mtu.ts). The rest is dropped.
 *
 * Answers are copies in the books and limited per second; the questions are consumed.
 * Drops: OuterMalformed, OuterChecksum, NotOurAddress, NoTunnelPort, FragmentLost.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { sendNew } from '../fate';
import { Core } from '../memory';
import { UnderlayAnswer } from '../overlay-abi';
import { Packet, reserve } from '../packet';
import { findHop } from '../table/hop';
import { IPV4_HEAD } from '../table/neighbour';
import { Underlay } from '../table/underlay';
import { note, say } from '../trace';
import { ARP_BYTES, ARP_REPLY, ARP_REQUEST, Arp, TYPE_ARP } from '../wire/arp';
import { checksumOf, fold, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet, isStation } from '../wire/ethernet';
import {
  ICMP6_BYTES,
  ICMP6_TOO_BIG,
  Icmp6,
  NEXT_ICMP6,
  hasRightIcmp6Sum,
  icmp6Sum,
} from '../wire/icmp6';
import { ICMP_BYTES, ICMP_ECHO, ICMP_ECHO_REPLY, ICMP_UNREACHABLE, Icmp } from '../wire/icmp';
import { NEXT_FRAGMENT } from '../wire/extension';
import { IPV4_BYTES, Ipv4, PROTOCOL_ICMP, TYPE_IPV4, ipv4BytesAt } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import {
  ARP_FRAME_BYTES,
  ND_FRAME_BYTES,
  writeAdvertisement,
  writeArpReply,
} from '../wire/neighbour-frame';
import {
  ND_ADVERTISEMENT,
  ND_BYTES,
  ND_HOP_LIMIT,
  ND_OVERRIDE,
  ND_SOLICITATION,
  ND_SOLICITED,
  Nd,
  hasSoundOptions,
  sourceLinkIn,
  targetLinkIn,
} from '../wire/nd';
import { CONSUMED } from './outer';
import { learnPathMtu4, learnPathMtu6 } from './path-mtu';
import { reassemble } from './reassemble';
import { confirm } from './resolve';

const ICMP6_ECHO: u32 = 128; // RFC 4443 §4
const ICMP6_ECHO_REPLY: u32 = 129;
const TTL: u32 = 64;
const RIGHT_SUM: u32 = 0xffff;
/** Answers to pings and the like: what a host gives without being a weapon. */
const ANSWERS_PER_SEC: u32 = 1000;
const ANSWERS_BURST: u32 = 1000;

/** Answers or drops. Returns CONSUMED or a reason. */
export function host(core: Core, p: Packet, underlay: Underlay): Drop {
  const type = Ethernet.at(p.data).type;
  if (type == TYPE_ARP) return meetArp(core, p, underlay);
  if (type == TYPE_IPV4) return meetIpv4(core, p, underlay);
  if (type == TYPE_IPV6) return meetIpv6(core, p, underlay);
  return Drop.NotOurAddress;
}

function meetArp(core: Core, p: Packet, underlay: Underlay): Drop {
  const header = p.window(ETHERNET_BYTES, ARP_BYTES);
  if (header == 0) return Drop.OuterMalformed;
  const arp = Arp.at(header);
  if (!arp.isIpv4OverEthernet || !isStation(arp.senderMac)) return Drop.OuterMalformed;
  const isForUs = underlay.ipv4 != 0 && arp.targetIp == underlay.ipv4;
  const hop = findHop(core, underlay, IPV4_HEAD, arp.senderIp);
  if (changetype<usize>(hop) != 0 && (isForUs || arp.senderIp == arp.targetIp)) {
    confirm(core, hop, arp.senderMac);
  }
  if (!isForUs) return Drop.NotOurAddress;
  if (arp.operation == ARP_REPLY) return CONSUMED;
  if (arp.operation != ARP_REQUEST || underlay.resolves == 0) return Drop.OuterMalformed;
  const reply = replyFrame(core, underlay, ARP_FRAME_BYTES);
  if (reply == 0) return CONSUMED;
  writeArpReply(reply, arp, underlay.mac);
  return answered(core, p, reply, ARP_FRAME_BYTES, UnderlayAnswer.Arp);
}

function meetIpv4(core: Core, p: Packet, underlay: Underlay): Drop {
  const at: usize = p.data + ETHERNET_BYTES;
  const total = ipv4BytesAt(at, p.length - ETHERNET_BYTES);
  if (total == 0) return Drop.OuterMalformed;
  const ip = Ipv4.at(at);
  if (!ip.hasRightSum) return Drop.OuterChecksum;
  if (ip.destination != underlay.ipv4) return Drop.NotOurAddress;
  if (ip.isFragment) return reassemble(core, p, underlay);
  if (ip.protocol != PROTOCOL_ICMP) return Drop.NoTunnelPort;
  const bytes = total - ip.headerBytes;
  if (bytes < ICMP_BYTES) return Drop.OuterMalformed;
  const message = at + ip.headerBytes;
  if (fold(sumBytes(message, bytes)) != RIGHT_SUM) return Drop.OuterChecksum;
  const type = Icmp.at(message).type;
  if (type == ICMP_ECHO) return echo4(core, p, underlay, message, bytes);
  if (type == ICMP_UNREACHABLE) learnPathMtu4(core, p, underlay, message, bytes);
  return CONSUMED;
}

/** RFC 792: the same message, back, with another type. */
function echo4(core: Core, p: Packet, underlay: Underlay, message: usize, bytes: u32): Drop {
  const frameBytes = ETHERNET_BYTES + IPV4_BYTES + bytes;
  const reply = replyFrame(core, underlay, frameBytes);
  if (reply == 0) return CONSUMED;
  const question = Ipv4.at(p.data + ETHERNET_BYTES);
  Ethernet.at(reply).emit(Ethernet.at(p.data).source, underlay.mac, TYPE_IPV4);
  const ip = Ipv4.at(reply + ETHERNET_BYTES);
  ip.emit(question.tos, IPV4_BYTES + bytes, 0, TTL, PROTOCOL_ICMP);
  ip.source = underlay.ipv4;
  ip.destination = question.source;
  ip.seal();
  const answer = reply + ETHERNET_BYTES + IPV4_BYTES;
  memory.copy(answer, message, bytes);
  Icmp.at(answer).emit(ICMP_ECHO_REPLY, 0, Icmp.at(message).rest);
  Icmp.at(answer).seal(bytes);
  return answered(core, p, reply, frameBytes, UnderlayAnswer.Echo);
}

function meetIpv6(core: Core, p: Packet, underlay: Underlay): Drop {
  const header = p.window(ETHERNET_BYTES, IPV6_BYTES);
  if (header == 0) return Drop.OuterMalformed;
  const ip = Ipv6.at(header);
  const bytes = ip.payloadBytes;
  if (!ip.isVersion6 || bytes > p.length - ETHERNET_BYTES - IPV6_BYTES) return Drop.OuterMalformed;
  const isForUs = underlay.isIpv6(ip.destinationHead, ip.destinationTail);
  if (isForUs && ip.nextHeader == NEXT_FRAGMENT) return reassemble(core, p, underlay);
  const isIcmp = ip.nextHeader == NEXT_ICMP6 && bytes >= ICMP6_BYTES;
  const message = header + IPV6_BYTES;
  const isNd = isIcmp && bytes >= ND_BYTES && isNdType(Icmp6.at(message).type);
  if (!isForUs && !isNd) return Drop.NotOurAddress;
  if (!isIcmp) return Drop.NoTunnelPort;
  if (!hasRightIcmp6Sum(header, bytes)) return Drop.OuterChecksum;
  if (isNd) return meetNd(core, p, underlay, ip);
  const type = Icmp6.at(message).type;
  if (type == ICMP6_ECHO) return echo6(core, p, underlay, ip);
  if (type == ICMP6_TOO_BIG) learnPathMtu6(core, p, underlay, message, bytes);
  return CONSUMED;
}

function isNdType(type: u32): bool {
  return type == ND_SOLICITATION || type == ND_ADVERTISEMENT;
}

/** RFC 4861 §7.1, §7.2. */
function meetNd(core: Core, p: Packet, underlay: Underlay, ip: Ipv6): Drop {
  const message = changetype<usize>(ip) + IPV6_BYTES;
  const end = message + ip.payloadBytes;
  const nd = Nd.at(message);
  const isSound = ip.hopLimit == ND_HOP_LIMIT && Icmp6.at(message).code == 0;
  if (!isSound || !hasSoundOptions(message + ND_BYTES, end)) return Drop.OuterMalformed;
  if (Icmp6.at(message).type == ND_ADVERTISEMENT) {
    const mac = targetLinkIn(message + ND_BYTES, end);
    const hop = findHop(core, underlay, nd.targetHead, nd.targetTail);
    if (changetype<usize>(hop) != 0 && isStation(mac)) confirm(core, hop, mac);
    return CONSUMED;
  }
  const isOurs = underlay.isIpv6(nd.targetHead, nd.targetTail);
  if (!isOurs || underlay.resolves == 0) return Drop.NotOurAddress;
  const told = sourceLinkIn(message + ND_BYTES, end);
  if ((ip.sourceHead | ip.sourceTail) == 0) return CONSUMED; // a probe; we do not move
  const hop = findHop(core, underlay, ip.sourceHead, ip.sourceTail);
  if (changetype<usize>(hop) != 0 && isStation(told)) confirm(core, hop, told);
  return advertise(core, p, underlay, ip, told);
}

function advertise(core: Core, p: Packet, underlay: Underlay, ip: Ipv6, told: u64): Drop {
  const reply = replyFrame(core, underlay, ND_FRAME_BYTES);
  if (reply == 0) return CONSUMED;
  const to = isStation(told) ? told : Ethernet.at(p.data).source;
  writeAddresses(reply, underlay, ip);
  writeAdvertisement(reply, to, underlay.mac, ND_SOLICITED | ND_OVERRIDE);
  return answered(core, p, reply, ND_FRAME_BYTES, UnderlayAnswer.Nd);
}

function echo6(core: Core, p: Packet, underlay: Underlay, ip: Ipv6): Drop {
  const bytes = ip.payloadBytes;
  const reply = replyFrame(core, underlay, ETHERNET_BYTES + IPV6_BYTES + bytes);
  if (reply == 0) return CONSUMED;
  Ethernet.at(reply).emit(Ethernet.at(p.data).source, underlay.mac, TYPE_IPV6);
  writeAddresses(reply, underlay, ip);
  Ipv6.at(reply + ETHERNET_BYTES).emit(bytes, NEXT_ICMP6, TTL);
  const message = reply + ETHERNET_BYTES + IPV6_BYTES;
  memory.copy(message, changetype<usize>(ip) + IPV6_BYTES, bytes);
  store<u8>(message, <u8>ICMP6_ECHO_REPLY);
  Icmp6.at(message).checksum = 0;
  const sum = icmp6Sum(reply + ETHERNET_BYTES, bytes);
  Icmp6.at(message).checksum = <u16>checksumOf(sum);
  return answered(core, p, reply, ETHERNET_BYTES + IPV6_BYTES + bytes, UnderlayAnswer.Echo);
}

/** The IPv6 addresses of an answer to `question`. */
function writeAddresses(reply: usize, underlay: Underlay, question: Ipv6): void {
  const ip = Ipv6.at(reply + ETHERNET_BYTES);
  ip.sourceHead = underlay.ipv6Head;
  ip.sourceTail = underlay.ipv6Tail;
  ip.destinationHead = question.sourceHead;
  ip.destinationTail = question.sourceTail;
}

/** Room for an answer, if one may be given now; else 0. */
function replyFrame(core: Core, underlay: Underlay, bytes: u32): usize {
  const mayAnswer = underlay.answerLimit.takes(core.nowMs, ANSWERS_PER_SEC, ANSWERS_BURST);
  return mayAnswer ? reserve(core, bytes) : 0;
}

function answered(core: Core, p: Packet, reply: usize, bytes: u32, what: UnderlayAnswer): Drop {
  if (p.has(RxFlag.Trace)) say(note(core, p, Node.Underlay, Trace.Answered), what, 0, 0);
  sendNew(core, p.origin, reply, bytes, p.port);
  return CONSUMED;
}
