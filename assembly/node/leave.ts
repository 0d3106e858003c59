/**
 * Leave: writes the packet as it leaves a zone and hands it to the segment of the interface
 * (features CT-11, BR-11). Where the way is too narrow the sender is told, or the packet
 * leaves in fragments; where the neighbour is not known yet it waits.
 *
 * Drops: TooBig, NoBuffer, NeighbourFailed, NeighbourQueueFull, Untranslatable.
 */
import { CoreCounter, Drop, Node, RxFlag, Trace, VNET_BYTES } from '../abi';
import { Core, count } from '../memory';
import { PACKET_SHARED, Packet, own, reserve } from '../packet';
import { MSS_OF_PATH, UNCHANGED } from '../rules-abi';
import { Subject } from '../rules/subject';
import { Adjacency, adjacencyOf } from '../table/adjacency';
import { useAdjacency } from '../table/adjacency-state';
import { FlowLine, LINE_FAST } from '../table/flow-line';
import { Iface } from '../table/iface';
import { countOn } from '../table/share';
import { note, say } from '../trace';
import { Cut } from '../wire/cut';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { IPV4_BYTES, IPV4_DF, Ipv4 } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6 } from '../wire/ipv6';
import { Tcp, TCP_BYTES } from '../wire/tcp';
import { Vnet } from '../wire/vnet';
import { ZoneCounter } from '../zone-abi';
import { isGivenUp } from './adjacent';
import { queueOn } from './adjacent-queue';
import { clampMss } from './clamp-mss';
import { UNREACHABLE_HOST, UNREACHABLE_TOO_BIG, tellUnreachable } from './errors';
import { isSignOfLife, isSteady } from './follow';
import { completeChecksum } from './finish';
import { toSegment } from './inject';
import { CONSUMED } from './outer';
import { Passage } from './passage';
import { hopLess, translate } from './translate';
import { translate6 } from './translate6';

export function leave(core: Core, p: Packet, t: Passage): Drop {
  const adjacency = adjacencyOf(core, t.adjacency);
  if (changetype<usize>(adjacency) == 0) return Drop.NeighbourFailed;
  const out = Iface.at(core.ifaces, adjacency.iface);
  if (!out.inUse) return Drop.NoRoute;
  if (isGivenUp(core, adjacency)) {
    tellUnreachable(core, p, t, UNREACHABLE_HOST, 0);
    return Drop.NeighbourFailed;
  }
  const isLong = isTooLong(p, t, out);
  if (isLong && !mayBeCut(t, out)) {
    tellUnreachable(core, p, t, UNREACHABLE_TOO_BIG, out.mtuBytes);
    return Drop.TooBig;
  }
  if (!own(core, p)) return Drop.NoBuffer;
  rewrite(core, p, t, out);
  count(t.zone.counters, ZoneCounter.Forwarded, 1);
  if (p.has(RxFlag.Trace))
    say(note(core, p, Node.Zone, Trace.Left), t.zone.index, out.index, adjacency.index);
  if (isLong) return leaveInFragments(core, p, t, out, adjacency);
  return sendTo(core, p, out, adjacency);
}

/** Whether the packet, or each segment of an offloaded one, is longer than the way takes. */
function isTooLong(p: Packet, t: Passage, out: Iface): bool {
  if (t.total <= fitsIn(t, out)) return false;
  if (!p.has(RxFlag.Offload)) return true;
  const vnet = Vnet.at(p.data - VNET_BYTES);
  if (!vnet.isGso) return true;
  const headers = t.l4 - changetype<usize>(t.ip) + layer4Bytes(t);
  return <u32>headers + vnet.segmentBytes > out.mtuBytes;
}

/** What a packet may have. What came in fragments of IPv6 leaves in some as long as those. */
function fitsIn(t: Passage, out: Iface): u32 {
  const isCut = t.isIpv6 != 0 && t.isGathered != 0;
  return isCut ? min(out.mtuBytes, t.fragmentBytes) : out.mtuBytes;
}

/** RFC 791 §2.3; of IPv6 only senders cut, RFC 8200 §5: a router leaves the sizes as they are. */
function mayBeCut(t: Passage, out: Iface): bool {
  if (t.isIpv6 == 0) return (t.ip.fragment & IPV4_DF) == 0;
  return t.isGathered != 0 && t.fragmentBytes <= out.mtuBytes;
}

function layer4Bytes(t: Passage): u32 {
  return t.isTcp ? Tcp.at(t.l4).headerBytes : 8;
}

/** Puts in what the flow says, one hop less, and keeps the books. */
function rewrite(core: Core, p: Packet, t: Passage, out: Iface): void {
  // The frame may have got bytes of its own.
  const ip: usize = p.data + ETHERNET_BYTES;
  const l4 = ip + (t.l4 - changetype<usize>(t.ip));
  const line = t.line;
  if (t.isIpv6 != 0) rewrite6(core, p, t, Ipv6.at(ip), l4);
  else if (changetype<usize>(line) == 0) hopLess(Ipv4.at(ip));
  else translate(p, Ipv4.at(ip), l4, t.l4Bytes, line, 1);
  if (changetype<usize>(line) != 0) book(core, t, line);
  if (t.hasWishes != 0) grant(core, p, t, out);
}

function rewrite6(core: Core, p: Packet, t: Passage, ip: Ipv6, l4: usize): void {
  ip.hopLimit = t.hopsLeft - 1;
  if (changetype<usize>(t.line) != 0) translate6(core, p, ip, l4, t.l4Bytes, t.line);
}

/** Counts the packet on its line, and says whether the next takes the short way. */
function book(core: Core, t: Passage, line: FlowLine): void {
  if (++line.packets == 0) t.state.carry(line);
  line.bytes += t.total;
  if (isSignOfLife(t)) line.seenMs = core.nowMs;
  if (line.path != 0) countOn(core, line.path, 1, t.total);
  if (line.adjacency != 0 && isSteady(t)) line.flags |= LINE_FAST;
  else line.flags &= ~LINE_FAST;
}

/** What targets of the mangle table want. */
function grant(core: Core, p: Packet, t: Passage, out: Iface): void {
  const s = Subject.at(core.subject);
  if (t.isIpv6 != 0) grant6(Ipv6.at(p.data + ETHERNET_BYTES), s);
  else grant4(Ipv4.at(p.data + ETHERNET_BYTES), s);
  if (s.tcpMss == 0) return;
  const headers = (t.isIpv6 != 0 ? IPV6_BYTES : IPV4_BYTES) + TCP_BYTES;
  const mtuBytes = s.tcpMss == MSS_OF_PATH ? out.mtuBytes : s.tcpMss + headers;
  clampMss(p.data, p.length, mtuBytes, isPartial(p));
}

function grant4(ip: Ipv4, s: Subject): void {
  if (s.ttl != UNCHANGED) ip.ttl = s.ttl;
  if (s.tos != UNCHANGED) ip.tos = s.tos;
  if (s.ttl != UNCHANGED || s.tos != UNCHANGED) ip.seal();
}

function grant6(ip: Ipv6, s: Subject): void {
  if (s.ttl != UNCHANGED) ip.hopLimit = s.ttl;
  if (s.tos != UNCHANGED) ip.trafficClass = s.tos;
}

function isPartial(p: Packet): bool {
  return p.has(RxFlag.Offload) && Vnet.at(p.data - VNET_BYTES).needsChecksum;
}

/** To the neighbour, or into the queue of those that wait for it. */
function sendTo(core: Core, p: Packet, out: Iface, adjacency: Adjacency): Drop {
  const ethernet = Ethernet.at(p.data);
  ethernet.emit(adjacency.mac, out.mac, ethernet.type);
  if (!adjacency.isOpen) return awaits(core, p, adjacency);
  useAdjacency(core, adjacency);
  toSegment(core, p, out, adjacency);
  return Drop.None;
}

/** A frame waits with the virtio header it has. */
function awaits(core: Core, p: Packet, adjacency: Adjacency): Drop {
  if (p.has(RxFlag.Trace)) say(note(core, p, Node.Adjacent, Trace.Queued), adjacency.index, 0, 0);
  return queueOn(core, p, adjacency);
}

/** RFC 791 §3.2, RFC 8200 §4.5; what offload left open is finished before. */
function leaveInFragments(
  core: Core,
  p: Packet,
  t: Passage,
  out: Iface,
  adjacency: Adjacency,
): Drop {
  if (isPartial(p)) completeChecksum(p);
  p.flags &= ~(PACKET_SHARED | (<u32>RxFlag.Offload));
  const cut = Cut.at(core.gso);
  const mtuBytes = fitsIn(t, out);
  const isOpen =
    t.isIpv6 != 0
      ? cut.openIpv6(p.data, p.length, mtuBytes, t.fragmentId)
      : cut.open(p.data, p.length, mtuBytes);
  if (!isOpen) return Drop.Untranslatable;
  if (p.has(RxFlag.Trace))
    say(note(core, p, Node.Zone, Trace.Fragmented), out.port.index, cut.fragments, 0);
  for (let i: u32 = 0; i < cut.fragments; i++) {
    const bytes = cut.bytesOf(i);
    const to: usize = core.segmentsLeft == 0 ? 0 : reserve(core, bytes);
    if (to == 0) {
      count(core.coreCounters, CoreCounter.Copies, i);
      return Drop.NoBuffer;
    }
    core.segmentsLeft--;
    cut.write(i, to);
    p.data = <u32>to;
    p.length = bytes;
    const refused = sendTo(core, p, out, adjacency);
    if (refused == CONSUMED) count(core.coreCounters, CoreCounter.Consumed, 1);
    else if (refused != Drop.None) {
      count(core.coreCounters, CoreCounter.Copies, i);
      return refused;
    }
  }
  count(core.coreCounters, CoreCounter.Copies, cut.fragments - 1);
  return Drop.None;
}
