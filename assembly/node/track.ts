/**
 * Track: works off the packets that zones have to decide about. Those of established flows,
 * whose rules have been asked and whose neighbour is known, go straight: one line of the flow
 * index, one of the flow, the rewrite, out. All others are judged (judge.ts).
 *
 * Index lines, then flow lines are loaded for all packets before the first is compared: two
 * loops of bare loads, whose cache misses overlap (CONVENTIONS §5).
 */
import { Drop, Node, RxFlag } from '../abi';
import { drop, send } from '../fate';
import { Core, count } from '../memory';
import { PACKET_SLOW, Packet } from '../packet';
import { AdjacencyState } from '../adjacency-abi';
import { Adjacencies, Adjacency } from '../table/adjacency';
import { indexOf } from '../table/adjacency-row';
import { Flows } from '../table/flow';
import { FlowLine, LINE_FAST, LINE_TCP, isKey } from '../table/flow-line';
import { flowTimerMs } from '../table/flow-timers';
import { Iface } from '../table/iface';
import { FIRST_SHARE, countOn, isShareStale } from '../table/share';
import { PORT_INSPECTED, PORT_SLOW, PORT_UP, Port } from '../table/port';
import { Zone } from '../table/zone';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { IPV4_BYTES, Ipv4, TYPE_IPV4 } from '../wire/ipv4';
import { TCP_ACK, TCP_BYTES, TCP_FIN, TCP_RST, TCP_SYN, Tcp } from '../wire/tcp';
import { UDP_BYTES, Udp } from '../wire/udp';
import { ZoneCounter } from '../zone-abi';
import { MOST_ROUNDS } from '../zones';
import { noteSequence } from './follow-tcp';
import { PLACE_MS, findPlace } from './inject';
import { judge } from './judge';
import { translate } from './translate';

/** Flags of TCP that change a connection, and the one each segment of one has. */
const TCP_CHANGES: u32 = TCP_SYN | TCP_FIN | TCP_RST;
/** What is inspected is only what stays in a segment. */
const EGRESS_FLAGS: u32 = (PORT_SLOW & ~PORT_INSPECTED) | PORT_UP;
const NOT_STRAIGHT: u32 = PACKET_SLOW | RxFlag.Tight;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;
const ZONE_SHIFT: u32 = 8;
/** An index of more buckets outgrows a core's second-level cache. */
const TOUCH_BUCKETS: u32 = 4096;

/** Decides about all packets in the list, also those that come into it meanwhile. */
export function track(core: Core): void {
  let begin: u32 = 0;
  for (let round: u32 = 0; begin < core.routedCount; round++) {
    const end = core.routedCount;
    if (round == MOST_ROUNDS) return refuse(core, begin, end);
    find(core, begin, end);
    for (let i = begin; i < end; i++) {
      const p = routedAt(core, i);
      if (!passStraight(core, p)) judge(core, p);
    }
    count(core.nodeCounters, Node.Zone, end - begin);
    begin = end;
  }
  core.routedCount = core.extrasUsed = 0;
}

/** These have passed too many zones already: routes lead in a circle. */
function refuse(core: Core, begin: u32, end: u32): void {
  for (let i = begin; i < end; i++) {
    const p = routedAt(core, i);
    drop(core, p, p.port, Drop.TooManyZones);
  }
  core.routedCount = core.extrasUsed = 0;
}

function routedAt(core: Core, i: u32): Packet {
  return changetype<Packet>(<usize>load<u32>(core.routed + ((<usize>i) << 2)));
}

/** Finds a line for each packet that may be its flow's, and loads it. */
function find(core: Core, begin: u32, end: u32): void {
  const flows = Flows.at(core.flows);
  let sink: u32 = 0;
  if (flows.buckets > TOUCH_BUCKETS) {
    for (let i = begin; i < end; i++) sink += load<u32>(routedAt(core, i).line);
  }
  for (let i = begin; i < end; i++) {
    const p = routedAt(core, i);
    p.line = <u32>flows.candidate(p.line, p.source);
  }
  if (flows.buckets > TOUCH_BUCKETS) {
    for (let i = begin; i < end; i++) {
      const line: usize = routedAt(core, i).line;
      if (line != 0) sink += load<u32>(line);
    }
  }
  core.sink = sink;
}

/** Sends a packet of an established flow. False: nothing is done, and it is to be judged. */
function passStraight(core: Core, p: Packet): bool {
  const line = changetype<FlowLine>(<usize>p.line);
  if (p.line == 0 || p.has(NOT_STRAIGHT)) return false;
  const ip = Ipv4.at(p.data + ETHERNET_BYTES);
  const l4 = changetype<usize>(ip) + IPV4_BYTES;
  if (!isOf(p, line, ip, l4) || !isSound(p, line, ip, l4)) return false;
  if (line.generation != <u16>core.generation) return false;
  if (core.nowMs - line.seenMs >= flowTimerMs(core, line.timer)) return false;
  if (line.path >= FIRST_SHARE && isShareStale(core, line.path)) return false;
  const adjacency = Adjacencies.at(core.adjacencies).row(indexOf(line.adjacency));
  if (adjacency.reference != line.adjacency || !adjacency.isOpen) return false;
  if (adjacency.state == AdjacencyState.Stale || !isPlaced(core, adjacency)) return false;
  const egress = Port.at(core.ports, adjacency.place);
  const out = Iface.at(core.ifaces, adjacency.iface);
  if ((egress.flags & EGRESS_FLAGS) != PORT_UP) return false;
  const total = ip.totalBytes;
  if (total > out.mtuBytes) return false;
  p.length = total + ETHERNET_BYTES;
  if (p.length > egress.frameLimitBytes) return false;
  const bytes = total - IPV4_BYTES;
  if (line.has(LINE_TCP)) {
    const tcp = Tcp.at(l4);
    noteSequence(line, tcp.sequence + bytes - tcp.headerBytes);
  }
  translate(p, ip, l4, bytes, line, 1);
  if (++line.packets == 0) Flows.at(core.flows).stateOf(line).carry(line);
  line.bytes += total;
  line.seenMs = core.nowMs;
  if (line.path != 0) countOn(core, line.path, 1, total);
  const zone = Zone.at(core.zones, out.zone).counters;
  count(zone, ZoneCounter.Received, 1);
  count(zone, ZoneCounter.Forwarded, 1);
  Ethernet.at(p.data).emit(adjacency.mac, out.mac, TYPE_IPV4);
  send(core, p, egress, 0);
  return true;
}

/** Whether the line is judged, and the packet's flow's. */
function isOf(p: Packet, line: FlowLine, ip: Ipv4, l4: usize): bool {
  if (!line.has(LINE_FAST)) return false;
  const at = changetype<usize>(ip);
  const scope = ip.protocol | (changetype<Iface>(<usize>p.iface).zone << ZONE_SHIFT);
  return isKey(line, load<u32>(at, SOURCE), load<u32>(at, DESTINATION), load<u32>(l4), scope);
}

/** Whether the headers are plain and right, and the packet changes nothing about its flow. */
function isSound(p: Packet, line: FlowLine, ip: Ipv4, l4: usize): bool {
  const room = p.length - ETHERNET_BYTES;
  const total = ip.totalBytes;
  if (!ip.isPlain || ip.isFragment || ip.ttl <= 1 || total > room || !ip.hasRightSum) return false;
  if (!line.has(LINE_TCP)) {
    const bytes = Udp.at(l4).bytes;
    return bytes >= UDP_BYTES && total >= IPV4_BYTES + bytes;
  }
  const tcp = Tcp.at(l4);
  const isPlainAck = (tcp.flags & (TCP_CHANGES | TCP_ACK)) == TCP_ACK;
  return isPlainAck && tcp.headerBytes >= TCP_BYTES && total >= IPV4_BYTES + tcp.headerBytes;
}

/** Whether the neighbour's place in its segment is known, and a port. */
function isPlaced(core: Core, adjacency: Adjacency): bool {
  const isFresh = core.nowMs - adjacency.placedMs < PLACE_MS;
  const isRight = isFresh && adjacency.placeVersion == core.fdbVersion;
  return (isRight || findPlace(core, adjacency)) && adjacency.place < core.portCount;
}
