/**
 * Encap: towards a VTEP. Puts tunnel, UDP, IP and Ethernet headers before the frame and
 * sends it on the underlay (features OV-3 to OV-7).
 *
 * A frame without offloads, of an overlay with no wishes about the inner one, goes straight:
 * a template is copied, and the flow's UDP source port, lengths and the IP checksum put in.
 * What asks for more is dressed first (dress.ts).
 *
 * Drops: SplitHorizon, NoPort, and those of dress.ts.
 */
import { Drop, Node, PortCounter, RxFlag, Trace } from '../abi';
import { drop, send } from '../fate';
import { Core, count } from '../memory';
import { PACKET_SLOW, Packet } from '../packet';
import { OVERLAY_DF_SET, OVERLAY_SLOW, OVERLAY_SYMMETRIC, Overlay } from '../table/overlay';
import { PORT_SLOW, PORT_TUNNEL, PORT_UP, Port } from '../table/port';
import { VTEP_READY, Vtep } from '../table/vtep';
import { note, say, sayFourth } from '../trace';
import { sourcePortOf } from '../tunnel/flow-hash';
import { TUNNEL_BYTES } from '../tunnel/index';
import {
  HEADER_DF,
  headerOf,
  outerBytesOf,
  pushOuter,
  sealChecksum,
  wantsChecksum,
} from '../tunnel/outer-headers';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { TYPE_IPV4 } from '../wire/ipv4';
import { TYPE_IPV6 } from '../wire/ipv6';
import { dress } from './dress';
import { ECN_MASK, outerEcn } from './ecn';

const NOT_STRAIGHT: u32 = PACKET_SLOW | RxFlag.Tight;
const PORT_SHIFT: u32 = 16;
/** Bytes of a frame that show the ECN field of an IP header without tags. */
const ECN_WINDOW_BYTES: u32 = 16;
const ECN_BYTE: usize = 15;
const IPV6_ECN_SHIFT: u32 = 4;

/** From a member of a segment to a VTEP behind its tunnel port. */
export function encap(core: Core, p: Packet, vtep: Vtep): void {
  const port = p.port;
  if (port.has(PORT_TUNNEL)) return drop(core, p, port, Drop.SplitHorizon);
  const overlay = port.overlay;
  if (changetype<usize>(overlay) == 0) return drop(core, p, port, Drop.NoPort);
  if (!isStraight(p, port, overlay, vtep)) return dress(core, p, overlay, vtep);
  const df = overlay.has(OVERLAY_DF_SET) ? HEADER_DF : 0;
  const tos = overlay.tos | outerEcn(innerEcn(p));
  push(core, p, overlay, vtep, headerOf(overlay.ttl, tos) | df);
}

/** Whether nothing has to be done, or asked, before the headers go on. */
function isStraight(p: Packet, port: Port, overlay: Overlay, vtep: Vtep): bool {
  const tunnel = overlay.tunnelPort;
  if (p.has(NOT_STRAIGHT) || overlay.has(OVERLAY_SLOW) || !vtep.has(VTEP_READY)) return false;
  if (((port.flags | tunnel.flags) & PORT_SLOW) != 0) return false;
  if ((tunnel.flags & vtep.underlay.port.flags & PORT_UP) == 0) return false;
  return p.length <= frameLimit(overlay, vtep);
}

/** Longest inner frame that the path to a VTEP takes, and the overlay wants. */
export function frameLimit(overlay: Overlay, vtep: Vtep): u32 {
  return min(vtep.roomBytes, overlay.frameLimitBytes);
}

/** Longest inner IP packet without tags. */
export function packetLimit(overlay: Overlay, vtep: Vtep): u32 {
  const frame = frameLimit(overlay, vtep);
  return frame > ETHERNET_BYTES ? frame - ETHERNET_BYTES : 0;
}

/** ECN field of an IP packet; 0 of anything else. */
function innerEcn(p: Packet): u32 {
  if (p.length < ECN_WINDOW_BYTES) return 0;
  const type = Ethernet.at(p.data).type;
  const byte: u32 = load<u8>(p.data, ECN_BYTE);
  if (type == TYPE_IPV4) return byte & ECN_MASK;
  return type == TYPE_IPV6 ? (byte >> IPV6_ECN_SHIFT) & ECN_MASK : 0;
}

/** Puts the headers on, counts, and sends. The frame's bytes are its own, with headroom. */
export function push(core: Core, p: Packet, overlay: Overlay, vtep: Vtep, header: u32): void {
  const length = p.length;
  const outerBytes = outerBytesOf(vtep);
  const headers = outerBytes + TUNNEL_BYTES;
  const source = sourcePortOf(p.data, length, core.salt, overlay.has(OVERLAY_SYMMETRIC));
  const at: usize = p.data - headers;
  store<u64>(at + outerBytes, overlay.header);
  const ports = source | (overlay.udpPort << PORT_SHIFT);
  pushOuter(at, vtep, header, ports, length + headers - outerBytes);
  if (wantsChecksum(overlay, vtep)) sealChecksum(at, vtep);
  p.data = <u32>at;
  p.length = length + headers;
  if (p.has(RxFlag.Trace)) tracePush(core, p, overlay, vtep, source);
  countOut(overlay, vtep, 1, length, p.length - ETHERNET_BYTES);
  send(core, p, vtep.underlay.port, 0);
  if (p.has(RxFlag.Trace)) traceSent(core, p, vtep.underlay.port);
}

/** Frames of the tunnel port, and what they are as outer packets. */
export function countOut(
  overlay: Overlay,
  vtep: Vtep,
  frames: u32,
  bytes: u32,
  outerBytes: u32,
): void {
  const counters = overlay.tunnelPort.counters;
  count(counters, PortCounter.TxPackets, frames);
  count(counters, PortCounter.TxBytes, bytes);
  vtep.txPackets += frames;
  vtep.txBytes += outerBytes;
}

function tracePush(core: Core, p: Packet, overlay: Overlay, vtep: Vtep, source: u32): void {
  const at = note(core, p, Node.Encap, Trace.Encapsulated);
  say(at, overlay.vni, vtep.index, source);
  sayFourth(at, overlay.index);
}

function traceSent(core: Core, p: Packet, egress: Port): void {
  say(note(core, p, Node.Encap, Trace.Sent), egress.index, p.length, 0);
}
