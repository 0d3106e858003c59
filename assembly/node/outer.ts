/**
 * Outer: the headers before a tunnel's. Checks them in one pass, and finds the tunnel's UDP
 * port and the VTEP that sent the packet. IPv4 without options and IPv6 without extensions
 * go straight; a fragment waits for the others (reassemble.ts).
 *
 * Drops: NoPort, Runt, Oversize, OuterMalformed, OuterChecksum, NotOurAddress, and those of
 * underlay.ts.
 */
import { Drop, MAX_FRAME_BYTES, RxFlag, VNET_BYTES } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { IPV4_HEAD } from '../table/neighbour';
import { PORT_UP, Port } from '../table/port';
import { Underlay } from '../table/underlay';
import { Vtep, findVtep } from '../table/vtep';
import { Outer } from '../tunnel/tunnel';
import { fold, pseudoSum4, pseudoSum6, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { IPV4_BYTES, Ipv4, PROTOCOL_UDP, TYPE_IPV4 } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { UDP_BYTES, UDP_NO_CHECKSUM, Udp } from '../wire/udp';
import { Vnet } from '../wire/vnet';
import { host } from './underlay';

/** What is returned for a frame that was taken in: neither a reason to drop it, nor none. */
export const CONSUMED: Drop = Drop.Count;

const SUM_OF_WHOLE: u32 = 0xffff;

/** Fills in `core.outer` from a frame of `port`; returns Drop.None, CONSUMED or a reason. */
export function openOuter(core: Core, p: Packet, port: Port): Drop {
  if (!port.has(PORT_UP)) return Drop.NoPort;
  const length = p.length;
  if (length < ETHERNET_BYTES) return Drop.Runt;
  if (length > <u32>MAX_FRAME_BYTES) return Drop.Oversize;
  const data: usize = p.data;
  const type = Ethernet.at(data).type;
  const underlay = port.underlay;
  if (type == TYPE_IPV4 && length >= ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES) {
    const ip = Ipv4.at(data + ETHERNET_BYTES);
    const isUdp = ip.isPlain && ip.protocol == PROTOCOL_UDP;
    if (isUdp && !ip.isFragment) return openIpv4(core, p, underlay, ip);
  } else if (type == TYPE_IPV6 && length >= ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES) {
    const ip = Ipv6.at(data + ETHERNET_BYTES);
    if (ip.isVersion6 && ip.nextHeader == PROTOCOL_UDP) return openIpv6(core, p, underlay, ip);
  }
  return host(core, p, underlay);
}

function openIpv4(core: Core, p: Packet, underlay: Underlay, ip: Ipv4): Drop {
  const total = ip.totalBytes;
  if (total < IPV4_BYTES + UDP_BYTES || total > p.length - ETHERNET_BYTES) {
    return Drop.OuterMalformed;
  }
  if (!ip.hasRightSum) return Drop.OuterChecksum;
  if (ip.destination != underlay.ipv4) return Drop.NotOurAddress;
  const outer = Outer.at(core.outer);
  outer.tos = ip.tos;
  outer.addressHead = IPV4_HEAD;
  outer.addressTail = ip.source;
  const udp = changetype<usize>(ip) + IPV4_BYTES;
  return openUdp(core, p, underlay, udp, total - IPV4_BYTES);
}

function openIpv6(core: Core, p: Packet, underlay: Underlay, ip: Ipv6): Drop {
  const payload = ip.payloadBytes;
  if (payload < UDP_BYTES || payload > p.length - ETHERNET_BYTES - IPV6_BYTES) {
    return Drop.OuterMalformed;
  }
  if (!underlay.isIpv6(ip.destinationHead, ip.destinationTail)) return Drop.NotOurAddress;
  const outer = Outer.at(core.outer);
  outer.tos = ip.trafficClass;
  outer.addressHead = ip.sourceHead;
  outer.addressTail = ip.sourceTail;
  return openUdp(core, p, underlay, changetype<usize>(ip) + IPV6_BYTES, payload);
}

/** The UDP header at `udp`, of at most `most` bytes with what follows. */
function openUdp(core: Core, p: Packet, underlay: Underlay, at: usize, most: u32): Drop {
  const udp = Udp.at(at);
  const bytes = udp.bytes;
  if (bytes < UDP_BYTES || bytes > most) return Drop.OuterMalformed;
  const outer = Outer.at(core.outer);
  const udpPort = udp.destination;
  const encap = underlay.encapOf(udpPort);
  if (encap < 0) return host(core, p, underlay);
  const isIpv4 = outer.addressHead == IPV4_HEAD;
  outer.isUnsummed = 0;
  if (udp.checksum != UDP_NO_CHECKSUM) {
    if (!isVouchedFor(p) && !hasRightSum(at, bytes, isIpv4)) return Drop.OuterChecksum;
  } else if (!isIpv4 && !p.has(RxFlag.Checked)) outer.isUnsummed = 1;
  outer.frameAt = p.data;
  outer.frameFlags = p.flags;
  outer.encap = encap;
  outer.udpPort = udpPort;
  outer.payload = at + UDP_BYTES;
  outer.payloadBytes = bytes - UDP_BYTES;
  outer.vtep = senderAt(core, underlay, outer.addressHead, outer.addressTail);
  return Drop.None;
}

/** Whether somebody below has checked the UDP checksum, or has not yet computed it. */
function isVouchedFor(p: Packet): bool {
  if (p.has(RxFlag.Checked)) return true;
  return p.has(RxFlag.Offload) && Vnet.at(p.data - VNET_BYTES).needsChecksum;
}

/** UDP checksum with its pseudo header, RFC 768, RFC 8200 §8.1. */
function hasRightSum(udp: usize, bytes: u32, isIpv4: bool): bool {
  const pseudo = isIpv4
    ? pseudoSum4(udp - IPV4_BYTES, PROTOCOL_UDP, bytes)
    : pseudoSum6(udp - IPV6_BYTES, PROTOCOL_UDP, bytes);
  return fold(pseudo + sumBytes(udp, bytes)) == SUM_OF_WHOLE;
}

/** The VTEP at an address; null: none. */
function senderAt(core: Core, underlay: Underlay, head: u64, tail: u64): Vtep {
  const vtep = findVtep(core, underlay, head, tail);
  if (changetype<usize>(vtep) != 0 && head == IPV4_HEAD) underlay.cacheVtep(vtep);
  return vtep;
}
