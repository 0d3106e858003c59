/**
 * Ingress: opens receive descriptors, refuses what no switch may forward, finds the VLAN
 * and hashes both addresses.
 *
 * Out: packets 0 to n - 1 for Bridge, in the order received. Drops: NoPort, Runt,
 * Oversize, Truncated, BadOffload, BadSource, NoSegment, ReservedGroup, and those of
 * admit-vlan.ts and rewrite-tags.ts.
 */
import {
  BATCH_PACKETS,
  Drop,
  MAX_FRAME_BYTES,
  Node,
  PortCounter,
  RxFlag,
  SegmentCounter,
  VNET_BYTES,
} from '../abi';
import { drop } from '../fate';
import { Core, count } from '../memory';
import { Packet, ingressIndex } from '../packet';
import { Fdb } from '../table/fdb';
import { PORT_REWRITES_TAGS, PORT_UNDERLAY, PORT_UP, PORT_VLAN_AWARE, Port } from '../table/port';
import { ETHERNET_BYTES, Ethernet, isGroup, isReservedGroup } from '../wire/ethernet';
import { VLAN_BYTES, isTpid, networkOffset } from '../wire/vlan';
import { Vnet } from '../wire/vnet';
import { admitVlan } from './admit-vlan';
import { decap } from './decap';
import { setKeys, traceReceived } from './arrive';
import { rewriteTagsIn } from './rewrite-tags';

/**
 * Takes the received frames from `core.rxNext` on. Returns the number of packets admitted,
 * and leaves in `core.rxNext` where to go on: a super frame of an underlay may become more
 * packets than there is room for.
 */
export function ingress(core: Core, received: u32): u32 {
  const rx = core.rx;
  const packets = core.packets;
  const fdb = Fdb.at(core.fdb);
  const begin = core.rxNext;
  let admitted: u32 = 0;
  let i = begin;
  while (i < received && admitted + received - i <= <u32>BATCH_PACKETS) {
    // Bursts come from one port each: what is the port's own is read and counted once.
    const index = ingressIndex(rx, i);
    const port = Port.at(core.ports, <u32>min(index, core.portCount));
    if (port.has(PORT_UNDERLAY)) {
      admitted = decap(core, received, i, admitted);
      i = core.rxNext;
      continue;
    }
    const isPlain = isPlainPort(port);
    const first = admitted;
    const start = i;
    let bytes: u64 = 0;
    let admittedBytes: u64 = 0;
    do {
      const p = Packet.at(packets, admitted);
      p.open(rx, i);
      p.port = port;
      p.place = port.index;
      const length = p.length;
      bytes += length;
      if (p.has(RxFlag.Trace)) traceReceived(core, p, port);
      const refused = isPlain && isPlainFrame(p) ? Drop.None : admit(core, p, port);
      if (refused == Drop.None) {
        setKeys(fdb, p, domainOf(p, port));
        admittedBytes += length;
        admitted++;
      } else drop(core, p, port, refused);
      i++;
    } while (i < received && ingressIndex(rx, i) == index);
    countReceived(port, i - start, bytes);
    if (admitted != first) countAdmitted(port, admitted - first, admittedBytes);
  }
  core.rxNext = i;
  count(core.nodeCounters, Node.Ingress, i - begin);
  return admitted;
}

function countReceived(port: Port, packets: u32, bytes: u64): void {
  count(port.counters, PortCounter.RxPackets, packets);
  count(port.counters, PortCounter.RxBytes, bytes);
}

function countAdmitted(port: Port, packets: u32, bytes: u64): void {
  count(port.segment.counters, SegmentCounter.Packets, packets);
  count(port.segment.counters, SegmentCounter.Bytes, bytes);
}

/** A port whose frames enter as they are, into one domain. */
function isPlainPort(port: Port): bool {
  const flags = port.flags & (PORT_UP | PORT_VLAN_AWARE | PORT_REWRITES_TAGS);
  return flags == PORT_UP && port.domain != 0;
}

/**
 * Whether a frame of a plain port enters without a closer look: most do, so there are few
 * tests and they are coarse (l2-forward-64b: 16.6 -> 15.6 ns). `admit` says about the others
 * what it is.
 */
function isPlainFrame(p: Packet): bool {
  const length = p.length;
  if (length < ETHERNET_BYTES + VLAN_BYTES || length > <u32>MAX_FRAME_BYTES) return false;
  const ethernet = Ethernet.at(p.data);
  const source = ethernet.source;
  const isGroupOrNobody = isGroup(source | ethernet.destination) || source == 0;
  return !isGroupOrNobody && !p.has(RxFlag.Offload);
}

/** Whether this frame may enter, by every check in order. Sets the domain where tags do. */
function admit(core: Core, p: Packet, port: Port): Drop {
  if (!port.has(PORT_UP)) return Drop.NoPort;
  if (p.length < ETHERNET_BYTES) return Drop.Runt;
  if (p.length > <u32>MAX_FRAME_BYTES) return Drop.Oversize;
  const ethernet = Ethernet.at(p.data);
  const source = ethernet.source;
  if (isGroup(source) || source == 0) return Drop.BadSource;
  const destination = ethernet.destination;
  if (isGroup(destination) && isReservedGroup(destination)) return Drop.ReservedGroup;
  if (isTpid(ethernet.type) && p.length < ETHERNET_BYTES + VLAN_BYTES) return Drop.Truncated;
  if (p.has(RxFlag.Offload) && !hasSoundOffload(p)) return Drop.BadOffload;
  if (port.has(PORT_VLAN_AWARE | PORT_REWRITES_TAGS)) {
    const refused = admitTags(core, p, port);
    if (refused != Drop.None) return refused;
  }
  return domainOf(p, port) == 0 ? Drop.NoSegment : Drop.None;
}

/** Ports with VLANs or tag rewriting: rare enough to be called. Sets `p.domain`. */
function admitTags(core: Core, p: Packet, port: Port): Drop {
  if (port.has(PORT_REWRITES_TAGS)) {
    const refused = rewriteTagsIn(core, p, port);
    if (refused != Drop.None) return refused;
  }
  return port.has(PORT_VLAN_AWARE) ? admitVlan(core, p, port) : Drop.None;
}

function hasSoundOffload(p: Packet): bool {
  return Vnet.at(p.data - VNET_BYTES).fits(p.length, networkOffset(p.data, p.length));
}

/** Where tags chose the domain, admit-vlan.ts has put it into the key. */
function domainOf(p: Packet, port: Port): u32 {
  return port.has(PORT_VLAN_AWARE) ? p.domain : port.domain;
}
