/**
 * Decap: a burst of frames of an underlay's port. Takes the outer headers off, and what is
 * inside becomes a packet of the overlay's tunnel port (features OV-3 to OV-7, OV-20).
 *
 * A super frame has one outer header and many datagrams behind it, each a tunnel header and
 * a frame (RxFlag.Offload, GSO_UDP): it becomes a packet for each, and those of one TCP flow
 * grow together again (coalesce.ts). In the books these packets are copies, and what grew
 * together is consumed.
 *
 * Out: packets for Bridge. What is no tunnel's is answered, or dropped: underlay.ts.
 * Drops: NoPort, Runt, Oversize, those of outer.ts and underlay.ts, and for what is inside
 * TunnelHeader, TunnelReserved, UnknownVni, UnknownVtep, OuterChecksum, Runt, BadSource,
 * ReservedGroup, Truncated, InnerVlan, EcnCongestion, NoBuffer.
 */
import {
  BATCH_PACKETS,
  CoreCounter,
  Drop,
  Node,
  PortCounter,
  RxFlag,
  SegmentCounter,
  Trace,
} from '../abi';
import { drop } from '../fate';
import { Core, count } from '../memory';
import { tellVtep } from '../event';
import { Event, VtepKind } from '../overlay-abi';
import { Packet, ingressIndex } from '../packet';
import { Fdb } from '../table/fdb';
import {
  OVERLAY_ANYBODY,
  OVERLAY_STRICT,
  OVERLAY_SUM_NEVER,
  OVERLAY_VLAN_DROP,
  OVERLAY_VLAN_STRIP,
  Overlay,
  findOverlay,
  isPeer,
} from '../table/overlay';
import { PORT_UP, Port } from '../table/port';
import { Underlay } from '../table/underlay';
import { Vtep, vtepAt } from '../table/vtep';
import { note, say, sayFourth } from '../trace';
import { popTunnel } from '../tunnel/index';
import { Outer } from '../tunnel/tunnel';
import { ETHERNET_BYTES, Ethernet, isReservedGroup, isStation } from '../wire/ethernet';
import { VLAN_BYTES, isTpid, popTag } from '../wire/vlan';
import { setKeys, traceReceived } from './arrive';
import { CHUNK_IS_WHOLE, chunkBytesOf } from './chunk';
import { beginCoalesced, coalesce, finishCoalesced } from './coalesce';
import { ECN_MASK, ecnIn } from './ecn';
import { CONSUMED, openOuter } from './outer';
import { STRAIGHT_IP_BYTES, openStraight } from './straight';
import { adopt } from './unfinished';

/** RxFlag of the outer frame that mean nothing for the inner one. */
const OUTER_FLAGS: u32 = RxFlag.Offload | RxFlag.Tight | RxFlag.Checked;
/** Those that say that the inner one may be unfinished. */
const DEVICE_FLAGS: u32 = RxFlag.Offload | RxFlag.Checked;

/**
 * Takes the burst that begins at receive descriptor `first`. Returns the number of packets
 * admitted, and leaves in `core.rxNext` where to go on.
 */
export function decap(core: Core, received: u32, first: u32, before: u32): u32 {
  const rx = core.rx;
  const fdb = Fdb.at(core.fdb);
  const index = ingressIndex(rx, first);
  const port = Port.at(core.ports, index);
  const underlay = port.underlay;
  let admitted = before;
  let i = first;
  let begun: u32 = 0;
  let bytes: u64 = 0;
  let straight: u32 = 0;
  let straightBytes: u64 = 0;
  while (i < received && admitted < <u32>BATCH_PACKETS && ingressIndex(rx, i) == index) {
    const p = Packet.at(core.packets, admitted);
    p.open(rx, i);
    p.port = port;
    if (core.chunkNext == 0) {
      bytes += p.length;
      begun++;
    }
    const vtep = openStraight(core, p, underlay);
    if (changetype<usize>(vtep) != 0) {
      countPeer(vtep, p.length + STRAIGHT_IP_BYTES, core.nowMs);
      setKeys(fdb, p, p.port.domain);
      straight++;
      straightBytes += p.length;
      admitted++;
      i++;
      continue;
    }
    // The long way may go to another overlay, so what is counted of this one is written.
    if (straight != 0) countInner(underlay.lastOverlay.tunnelPort, straight, straightBytes);
    straight = 0;
    straightBytes = 0;
    admitted = openLong(core, p, port, admitted);
    if (core.chunkNext == 0) i++;
  }
  if (straight != 0) countInner(underlay.lastOverlay.tunnelPort, straight, straightBytes);
  count(port.counters, PortCounter.RxPackets, begun);
  count(port.counters, PortCounter.RxBytes, bytes);
  core.rxNext = i;
  count(core.nodeCounters, Node.Decap, i - first);
  return admitted;
}

/** Any datagram. Returns the number of packets admitted. */
function openLong(core: Core, p: Packet, port: Port, before: u32): u32 {
  if (core.chunkNext == 0) traceReceived(core, p, port);
  const refused = openOuter(core, p, port);
  if (refused == Drop.None) return openAll(core, p, port, before);
  settle(core, p, port, refused);
  return before;
}

function settle(core: Core, p: Packet, port: Port, refused: Drop): void {
  if (refused == CONSUMED) count(core.coreCounters, CoreCounter.Consumed, 1);
  else drop(core, p, port, refused);
}

/**
 * Every datagram of one received frame, most often one. Returns the number of packets
 * admitted; `core.chunkNext` is 0 when all are done.
 */
function openAll(core: Core, p: Packet, port: Port, before: u32): u32 {
  const outer = Outer.at(core.outer);
  const each = chunkBytesOf(p);
  if (each == CHUNK_IS_WHOLE || each >= outer.payloadBytes) {
    return openInner(core, p, port, outer.payload, outer.payloadBytes) ? before + 1 : before;
  }
  return openChunks(core, p, port, before);
}

/** The datagrams of a super frame, from `core.chunkNext` on. */
function openChunks(core: Core, whole: Packet, port: Port, before: u32): u32 {
  const outer = Outer.at(core.outer);
  const each = chunkBytesOf(whole);
  const origin = whole.origin;
  const flags = whole.flags;
  const data = whole.data;
  const length = whole.length;
  let admitted = before;
  let grown = changetype<Packet>(0);
  let at = core.chunkNext;
  while (at < outer.payloadBytes && admitted < <u32>BATCH_PACKETS) {
    const p = Packet.at(core.packets, admitted);
    p.origin = origin;
    p.flags = flags;
    p.port = port;
    p.tag = p.variant = 0;
    p.data = data;
    p.length = length;
    if (at != 0) count(core.coreCounters, CoreCounter.Copies, 1);
    if (core.chunksLeft == 0) {
      drop(core, p, port, Drop.NoBuffer);
      at = outer.payloadBytes;
      break;
    }
    core.chunksLeft--;
    const bytes = min(each, outer.payloadBytes - at);
    if (!openInner(core, p, port, outer.payload + at, bytes)) {
      grown = finishCoalesced(core, grown);
    } else if (coalesce(core, grown, p)) {
      count(core.coreCounters, CoreCounter.Consumed, 1);
    } else {
      finishCoalesced(core, grown);
      grown = beginCoalesced(core, p, at == 0);
      admitted++;
    }
    at += bytes;
  }
  finishCoalesced(core, grown);
  core.chunkNext = at < outer.payloadBytes ? at : 0;
  return admitted;
}

/** The frame in one datagram: a packet of the tunnel port, or dropped (then false). */
function openInner(core: Core, p: Packet, port: Port, at: usize, bytes: u32): bool {
  const outer = Outer.at(core.outer);
  const reason = popTunnel(outer, outer.encap, at, bytes);
  if (reason != Drop.None) return refuse(core, p, port, reason);
  const overlay = overlayOf(core, port.underlay, outer);
  if (changetype<usize>(overlay) == 0) return refuse(core, p, port, Drop.UnknownVni);
  const tunnel = overlay.tunnelPort;
  const vtep = senderOf(core, overlay, outer);
  if (changetype<usize>(vtep) == 0) return refuse(core, p, tunnel, Drop.UnknownVtep);
  if (outer.isOdd != 0 && overlay.has(OVERLAY_STRICT)) {
    return refuse(core, p, tunnel, Drop.TunnelReserved);
  }
  if (outer.isUnsummed != 0 && !overlay.has(OVERLAY_SUM_NEVER)) {
    return refuse(core, p, tunnel, Drop.OuterChecksum);
  }
  const outerBytes = <u32>at + outer.headerBytes - p.data;
  p.data = <u32>at + outer.headerBytes;
  p.length = bytes - outer.headerBytes;
  p.flags &= ~OUTER_FLAGS;
  p.port = tunnel;
  p.place = core.portCount + vtep.index;
  if (p.has(RxFlag.Trace)) traceOpened(core, p, overlay, vtep, outerBytes);
  const refused = admitInner(core, p, overlay, outer.tos);
  if (refused != Drop.None) return refuse(core, p, tunnel, refused);
  if ((outer.frameFlags & DEVICE_FLAGS) != 0) {
    const lost = adopt(core, p, overlay, at == outer.payload);
    if (lost != Drop.None) return refuse(core, p, tunnel, lost);
  }
  countInner(tunnel, 1, p.length);
  countPeer(vtep, outer.ipBytesOf(bytes), core.nowMs);
  setKeys(Fdb.at(core.fdb), p, tunnel.domain);
  return true;
}

function refuse(core: Core, p: Packet, port: Port, reason: Drop): bool {
  drop(core, p, port, reason);
  return false;
}

/** The overlay the packet names; the last one is most often it. */
function overlayOf(core: Core, underlay: Underlay, outer: Outer): Overlay {
  const last = underlay.lastOverlay;
  if (changetype<usize>(last) != 0 && last.vni == outer.vni && last.udpPort == outer.udpPort) {
    return last;
  }
  const found = findOverlay(core, underlay, outer.udpPort, outer.vni);
  if (changetype<usize>(found) == 0) return found;
  if (changetype<usize>(found.tunnelPort) == 0) return changetype<Overlay>(0);
  underlay.lastOverlay = found;
  return found;
}

/** The VTEP that sent it, if it may; null: it may not. */
function senderOf(core: Core, overlay: Overlay, outer: Outer): Vtep {
  let vtep = outer.vtep;
  if (changetype<usize>(vtep) == 0) {
    if (!overlay.has(OVERLAY_ANYBODY)) return vtep;
    vtep = learnVtep(core, overlay.underlay, outer);
    if (changetype<usize>(vtep) == 0) return vtep;
    outer.vtep = vtep;
  }
  return isPeer(core, overlay, vtep) ? vtep : changetype<Vtep>(0);
}

function learnVtep(core: Core, underlay: Underlay, outer: Outer): Vtep {
  const head = outer.addressHead;
  const tail = outer.addressTail;
  const vtep = vtepAt(core, underlay, head, tail, VtepKind.Learned);
  if (changetype<usize>(vtep) != 0) tellVtep(core, Event.VtepLearned, vtep);
  return vtep;
}

/** Whether the inner frame may enter, as ingress.ts asks of any frame. */
function admitInner(core: Core, p: Packet, overlay: Overlay, tos: u32): Drop {
  if (!overlay.tunnelPort.has(PORT_UP)) return Drop.NoPort;
  if (p.length < ETHERNET_BYTES) return Drop.Runt;
  const ethernet = Ethernet.at(p.data);
  if (!isStation(ethernet.source)) return Drop.BadSource;
  if (isReservedGroup(ethernet.destination)) return Drop.ReservedGroup;
  if (isTpid(ethernet.type)) {
    if (p.length < ETHERNET_BYTES + VLAN_BYTES) return Drop.Truncated;
    if (overlay.has(OVERLAY_VLAN_DROP)) return Drop.InnerVlan;
    if (overlay.has(OVERLAY_VLAN_STRIP)) strip(p);
  }
  const ecn = tos & ECN_MASK;
  return ecn == 0 ? Drop.None : ecnIn(p, ecn);
}

function strip(p: Packet): void {
  p.data = <u32>popTag(p.data, false);
  p.length -= VLAN_BYTES;
}

function countInner(tunnel: Port, frames: u32, bytes: u64): void {
  count(tunnel.counters, PortCounter.RxPackets, frames);
  count(tunnel.counters, PortCounter.RxBytes, bytes);
  const counters = tunnel.segment.counters;
  count(counters, SegmentCounter.Packets, frames);
  count(counters, SegmentCounter.Bytes, bytes);
}

function countPeer(vtep: Vtep, bytes: u32, nowMs: u32): void {
  vtep.rxPackets++;
  vtep.rxBytes += bytes;
  vtep.seenMs = nowMs;
}

function traceOpened(core: Core, p: Packet, overlay: Overlay, vtep: Vtep, bytes: u32): void {
  const at = note(core, p, Node.Decap, Trace.Opened);
  say(at, overlay.vni, vtep.index, bytes);
  sayFourth(at, overlay.index);
}
