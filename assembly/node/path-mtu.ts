/**
 * Path MTU (features OV-7): what happens to a frame that a path does not take, and how the
 * underlay's routers say what it takes.
 *
 * An outer packet is never fragmented. A frame too long is dropped as TooBig, and its sender
 * is told (too-big.ts), so no path is a silent black hole.
 *
 * A router's message counts when it quotes a packet of ours to a tunnel port of a VTEP we
 * know, and says less than we believed, but not less than any link takes (RFC 1191 §3,
 * RFC 8201 §4). It is forgotten after ten minutes (table/vtep.ts).
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { drop } from '../fate';
import { tellMac, tellVtep } from '../event';
import { Core } from '../memory';
import { Event } from '../overlay-abi';
import { Packet } from '../packet';
import { IPV4_HEAD } from '../table/neighbour';
import { Overlay } from '../table/overlay';
import { Underlay } from '../table/underlay';
import { Vtep, findVtep, lowerMtu } from '../table/vtep';
import { note, say } from '../trace';
import { ICMP_BYTES, ICMP_FRAGMENTATION_NEEDED, Icmp } from '../wire/icmp';
import { ICMP6_ERROR_BYTES } from '../wire/icmp6';
import { IPV4_BYTES, Ipv4, PROTOCOL_UDP } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6 } from '../wire/ipv6';
import { UDP_BYTES, Udp } from '../wire/udp';
import { packetLimit } from './encap';
import { answerTooBig } from './too-big';

/** Least MTU of a link that IP goes over: RFC 791 §3.2, RFC 8200 §5; and what we trust. */
const LEAST_IPV4_BYTES: u32 = 576; // less would be an attack, RFC 1191 §7.1
const LEAST_IPV6_BYTES: u32 = 1280;
const MTU_MASK: u32 = 0xffff; // RFC 1191 §4
const ICMP6_MTU: usize = 4; // RFC 4443 §3.2

/** A frame that the path to a VTEP does not take. */
export function tooBig(core: Core, p: Packet, overlay: Overlay, vtep: Vtep): void {
  answerTooBig(core, p, packetLimit(overlay, vtep));
  drop(core, p, overlay.tunnelPort, Drop.TooBig);
}

/** An ICMP message of type 3 to our address, sound, `bytes` bytes long. */
export function learnPathMtu4(
  core: Core,
  p: Packet,
  underlay: Underlay,
  icmp: usize,
  bytes: u32,
): void {
  const message = Icmp.at(icmp);
  if (message.code != ICMP_FRAGMENTATION_NEEDED) return;
  if (bytes < ICMP_BYTES + IPV4_BYTES + UDP_BYTES) return;
  const quoted = Ipv4.at(icmp + ICMP_BYTES);
  const header = quoted.headerBytes;
  if (header < IPV4_BYTES || bytes < ICMP_BYTES + header + UDP_BYTES) return;
  const isOurs = quoted.protocol == PROTOCOL_UDP && quoted.source == underlay.ipv4;
  if (!isOurs || !isTunnelPort(underlay, icmp + ICMP_BYTES + header)) return;
  // Routers older than RFC 1191 say nothing: then the least that all take.
  const told = max(message.rest & MTU_MASK, LEAST_IPV4_BYTES);
  lower(core, p, findVtep(core, underlay, IPV4_HEAD, quoted.destination), told);
}

/** An ICMPv6 message, packet too big, to our address. */
export function learnPathMtu6(
  core: Core,
  p: Packet,
  underlay: Underlay,
  message: usize,
  bytes: u32,
): void {
  if (bytes < ICMP6_ERROR_BYTES + IPV6_BYTES + UDP_BYTES) return;
  const ip = Ipv6.at(message + ICMP6_ERROR_BYTES);
  const isOurs = ip.nextHeader == PROTOCOL_UDP && underlay.isIpv6(ip.sourceHead, ip.sourceTail);
  if (!isOurs || !isTunnelPort(underlay, message + ICMP6_ERROR_BYTES + IPV6_BYTES)) return;
  const told = bswap<u32>(load<u32>(message, ICMP6_MTU));
  const vtep = findVtep(core, underlay, ip.destinationHead, ip.destinationTail);
  lower(core, p, vtep, max(told, LEAST_IPV6_BYTES));
}

function isTunnelPort(underlay: Underlay, udp: usize): bool {
  return underlay.encapOf(Udp.at(udp).destination) >= 0;
}

function lower(core: Core, p: Packet, vtep: Vtep, mtuBytes: u32): void {
  if (changetype<usize>(vtep) == 0 || !lowerMtu(vtep, mtuBytes, core.nowMs)) return;
  tellMac(tellVtep(core, Event.PathMtu, vtep), mtuBytes);
  if (!p.has(RxFlag.Trace)) return;
  say(note(core, p, Node.Underlay, Trace.PathMtu), vtep.index, mtuBytes, 0);
}
