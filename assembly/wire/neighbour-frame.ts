/**
 * Whole frames of ARP (RFC 826) and neighbour discovery (RFC 4861 §4.3, §4.4): a question
 * who has an address, and its answer. Each function writes every byte of its frame but the
 * ones it says are written before.
 */
import { ARP_BYTES, Arp, TYPE_ARP } from './arp';
import { ETHERNET_BYTES, Ethernet } from './ethernet';
import { NEXT_ICMP6 } from './icmp6';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from './ipv6';
import {
  ND_ADVERTISEMENT_BYTES,
  ND_HOP_LIMIT,
  Nd,
  SOLICITED_HEAD,
  solicitedMac,
  solicitedTail,
} from './nd';

export const ARP_FRAME_BYTES: u32 = ETHERNET_BYTES + ARP_BYTES;
/** Of a solicitation or an advertisement, each with one link-layer address. */
export const ND_FRAME_BYTES: u32 = ETHERNET_BYTES + IPV6_BYTES + ND_ADVERTISEMENT_BYTES;

/** `mac` with `ip` asks `to`, which may be everybody, who has `targetIp`. */
export function writeArpRequest(frame: usize, to: u64, mac: u64, ip: u32, targetIp: u32): void {
  Ethernet.at(frame).emit(to, mac, TYPE_ARP);
  Arp.at(frame + ETHERNET_BYTES).emitRequest(mac, ip, targetIp);
}

/** `mac` has what was asked for. */
export function writeArpReply(frame: usize, request: Arp, mac: u64): void {
  const asker = request.senderMac;
  Ethernet.at(frame).emit(asker, mac, TYPE_ARP);
  const arp = Arp.at(frame + ETHERNET_BYTES);
  arp.emitReply(mac, request.targetIp, asker, request.senderIp);
}

/** The IPv6 header of a frame: its addresses are written there before what is below. */
export function ndHeaderOf(frame: usize): Ipv6 {
  return Ipv6.at(frame + ETHERNET_BYTES);
}

/**
 * `mac` with the IPv6 source that is written already asks who has the target: the station
 * `to`, or of 0 the target's solicited-node group.
 */
export function writeSolicitation(
  frame: usize,
  to: u64,
  mac: u64,
  targetHead: u64,
  targetTail: u64,
): void {
  Ethernet.at(frame).emit(to != 0 ? to : solicitedMac(targetTail), mac, TYPE_IPV6);
  const ip = ndHeaderOf(frame);
  ip.emit(ND_ADVERTISEMENT_BYTES, NEXT_ICMP6, ND_HOP_LIMIT);
  ip.destinationHead = to != 0 ? targetHead : SOLICITED_HEAD;
  ip.destinationTail = to != 0 ? targetTail : solicitedTail(targetTail);
  const nd = Nd.at(frame + ETHERNET_BYTES + IPV6_BYTES);
  nd.emitSolicitation(targetHead, targetTail, mac);
}

/**
 * Tells `to` that `mac` has the IPv6 source; source and destination are written already.
 * `flags`: ND_ROUTER, ND_SOLICITED, ND_OVERRIDE.
 */
export function writeAdvertisement(frame: usize, to: u64, mac: u64, flags: u32): void {
  Ethernet.at(frame).emit(to, mac, TYPE_IPV6);
  const ip = ndHeaderOf(frame);
  ip.emit(ND_ADVERTISEMENT_BYTES, NEXT_ICMP6, ND_HOP_LIMIT);
  const nd = Nd.at(frame + ETHERNET_BYTES + IPV6_BYTES);
  nd.emitAdvertisement(flags, ip.sourceHead, ip.sourceTail, mac);
}
