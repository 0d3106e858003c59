/**
 * Straight: the datagram that most are. VXLAN or Geneve as we send it ourselves, over IPv4
 * without options and without a UDP checksum, of the overlay heard last, from a peer, with
 * nothing to combine of ECN, and a frame inside to one station without offloads. A few
 * comparisons of whole words say so, as ingress.ts does for plain frames; about any other
 * the long way says what it is (vxlan-decap-64b: 58 -> 33 ns).
 */
import { RxFlag } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { IPV4_HEAD } from '../table/neighbour';
import { OVERLAY_VLAN_DROP, OVERLAY_VLAN_STRIP, Overlay } from '../table/overlay';
import { PORT_UP } from '../table/port';
import { Underlay } from '../table/underlay';
import { Vtep, findVtep } from '../table/vtep';
import { fold } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet, isGroup } from '../wire/ethernet';
import { VLAN_BYTES } from '../wire/vlan';

/** Outer headers: 14 of Ethernet, 20 of IPv4, 8 of UDP, 8 of the tunnel. */
const HEADERS_BYTES: u32 = 50;
/** Of these, what counts as the outer IP packet's. */
export const STRAIGHT_IP_BYTES: u32 = HEADERS_BYTES - ETHERNET_BYTES;
const LEAST_BYTES: u32 = HEADERS_BYTES + ETHERNET_BYTES + VLAN_BYTES;
const OFF_STRAIGHT: u32 = RxFlag.Offload | RxFlag.Checked | RxFlag.Trace | RxFlag.Tight;

/** Bytes 12-15: ethertype, version and header length, TOS; its ECN bits are 0. */
const START: usize = 12;
const START_MASK: u32 = 0x03ffffff;
const START_PLAIN: u32 = 0x00450008;
const LENGTH: usize = 16;
/** Bytes 20-23: flags and offset, TTL, protocol: no fragment, UDP. */
const KIND: usize = 20;
const KIND_MASK: u32 = 0xff00ff3f;
const KIND_UDP: u32 = 17 << 24;
const SOURCE: usize = 26;
const DESTINATION: usize = 30;
const UDP_DESTINATION: usize = 36;
/** Bytes 38-41: length and checksum of UDP. */
const UDP_LENGTH: usize = 38;
const TUNNEL: usize = 42;
const IP_WORD: usize = 14;
const UDP_BEFORE: u32 = 34;
const RIGHT_SUM: u32 = 0xffff;

/**
 * Takes the outer headers off `p`, and returns the VTEP that sent it; null: it is not that
 * datagram, and nothing was changed. The overlay is `underlay.lastOverlay`.
 */
export function openStraight(core: Core, p: Packet, underlay: Underlay): Vtep {
  const overlay = underlay.lastOverlay;
  const length = p.length;
  const data: usize = p.data;
  const none = changetype<Vtep>(0);
  if (length < LEAST_BYTES || p.has(OFF_STRAIGHT) || changetype<usize>(overlay) == 0) return none;
  if (!isOurs(data, length, underlay, overlay)) return none;
  const inner = Ethernet.at(data + HEADERS_BYTES);
  const source = inner.source;
  if (isGroup(source | inner.destination) || source == 0) return none;
  const vtep = senderOf(core, underlay, load<u32>(data, SOURCE));
  if (changetype<usize>(vtep) == 0 || vtep.peerOf != overlay) return none;
  const tunnel = overlay.tunnelPort;
  if ((tunnel.flags & p.port.flags & PORT_UP) == 0) return none;
  if (overlay.has(OVERLAY_VLAN_DROP | OVERLAY_VLAN_STRIP)) return none;
  p.data += HEADERS_BYTES;
  p.length = length - HEADERS_BYTES;
  p.port = tunnel;
  p.place = core.portCount + vtep.index;
  return vtep;
}

/** The VTEP at an address as loaded; null: none. */
function senderOf(core: Core, underlay: Underlay, addressBe: u32): Vtep {
  const cached = underlay.cachedVtep(addressBe);
  if (changetype<usize>(cached) != 0) return cached;
  const vtep = findVtep(core, underlay, IPV4_HEAD, bswap<u32>(addressBe));
  if (changetype<usize>(vtep) != 0) underlay.cacheVtep(vtep);
  return vtep;
}

/** Whether the outer headers are whole and right, and name this overlay. */
function isOurs(data: usize, length: u32, underlay: Underlay, overlay: Overlay): bool {
  const isUdp =
    (load<u32>(data, START) & START_MASK) == START_PLAIN &&
    (load<u32>(data, KIND) & KIND_MASK) == KIND_UDP;
  if (!isUdp || load<u64>(data, TUNNEL) != overlay.header) return false;
  const isHere =
    load<u32>(data, DESTINATION) == bswap<u32>(underlay.ipv4) &&
    bswap<u16>(load<u16>(data, UDP_DESTINATION)) == <u16>overlay.udpPort;
  if (!isHere) return false;
  const isWhole =
    bswap<u16>(load<u16>(data, LENGTH)) == <u16>(length - ETHERNET_BYTES) &&
    load<u32>(data, UDP_LENGTH) == bswap<u32>((length - UDP_BEFORE) << 16);
  return isWhole && fold(sumOf(data + IP_WORD)) == RIGHT_SUM;
}

/** Sum of an IPv4 header of five words. */
function sumOf(ip: usize): u64 {
  const first = <u64>load<u32>(ip) + load<u32>(ip, 4) + load<u32>(ip, 8);
  return first + load<u32>(ip, 12) + load<u32>(ip, 16);
}
