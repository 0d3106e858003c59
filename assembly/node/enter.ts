/**
 * Enter: a frame for a router interface leaves its segment and becomes a zone's packet. What
 * a zone decides about is put into a list (`core.routed`), which track.ts works off behind
 * the bridge; what only concerns neighbours is heard at once (adjacent.ts).
 *
 * Drops: NotIp, IpMalformed, TooManyZones, NoBuffer, and those of adjacent.ts.
 */
import { AdjacencyState } from '../adjacency-abi';
import { BATCH_PACKETS, CoreCounter, Drop } from '../abi';
import { drop } from '../fate';
import { Core, EXTRA_PACKETS, PACKET_BYTES, count } from '../memory';
import { Packet } from '../packet';
import { Adjacencies } from '../table/adjacency';
import { Flows } from '../table/flow';
import { Iface } from '../table/iface';
import { Port } from '../table/port';
import { ETHERNET_BYTES, Ethernet, isGroup } from '../wire/ethernet';
import { IPV4_BYTES, TYPE_IPV4 } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { isLinkTalk } from '../wire/nd';
import { MOST_ROUNDS } from '../zones';
import { hear } from './adjacent-hear';
import { sendQueued } from './adjacent-send';
import { CONSUMED } from './outer';

const PORTS_OFFSET: usize = 20;
const ZONE_SHIFT: u32 = 8;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;
const PROTOCOL: usize = 9;

/** A packet with a row of its own comes to the router port `egress`. */
export function enter(core: Core, p: Packet, egress: Port): void {
  const iface = egress.iface;
  const data: usize = p.data;
  if (Ethernet.at(data).type != TYPE_IPV4 || p.length < ETHERNET_BYTES + IPV4_BYTES + 4) {
    return enterOther(core, p, iface);
  }
  const ip = data + ETHERNET_BYTES;
  // Ports are where they are without options; judge.ts looks again at what is not so.
  const ports = load<u32>(ip, PORTS_OFFSET);
  const scope = (<u32>load<u8>(ip, PROTOCOL)) | (iface.zone << ZONE_SHIFT);
  const hash = Flows.at(core.flows).hash(
    load<u32>(ip, SOURCE),
    load<u32>(ip, DESTINATION),
    ports,
    scope,
  );
  list(core, p, iface, hash);
}

/** Puts a packet into the list of those that zones decide about; `hash`: of its flow's key. */
function list(core: Core, p: Packet, iface: Iface, hash: u64): void {
  if (core.routedCount >= <u32>BATCH_PACKETS * MOST_ROUNDS) {
    return drop(core, p, p.port, Drop.TooManyZones);
  }
  p.iface = <u32>changetype<usize>(iface);
  p.source = hash;
  p.line = <u32>Flows.at(core.flows).bucketOf(hash);
  store<u32>(core.routed + ((<usize>core.routedCount) << 2), <u32>changetype<usize>(p));
  core.routedCount++;
}

/** IPv6 packets are put into the list as well, but of no line: judge.ts finds theirs. */
function enterOther(core: Core, p: Packet, iface: Iface): void {
  if (Ethernet.at(p.data).type != TYPE_IPV6 || isLinkTalk(p)) return other(core, p, iface);
  const header = p.window(ETHERNET_BYTES, IPV6_BYTES);
  if (header == 0 || !Ipv6.at(header).isVersion6) return drop(core, p, p.port, Drop.IpMalformed);
  list(core, p, iface, 0);
}

/** ARP, neighbour discovery, and what a zone has no use for. */
function other(core: Core, p: Packet, iface: Iface): void {
  const refused = hear(core, p, iface);
  if (refused == CONSUMED) count(core.coreCounters, CoreCounter.Consumed, 1);
  else drop(core, p, p.port, refused == Drop.None ? Drop.NotIp : refused);
  const heard = Adjacencies.at(core.adjacencies).heard;
  const isKnown = changetype<usize>(heard) != 0 && heard.state >= <u32>AdjacencyState.Stale;
  if (isKnown && heard.waiting != 0) sendQueued(core, heard);
}

/**
 * A frame comes to a router port as a copy, or as an answer that stands in another packet's
 * row: it gets a row of its own.
 */
export function enterCopy(core: Core, p: Packet, egress: Port): void {
  const ethernet = Ethernet.at(p.data);
  const isIp = ethernet.type == TYPE_IPV4 || ethernet.type == TYPE_IPV6;
  if (isGroup(ethernet.destination) || !isIp) {
    return other(core, p, egress.iface);
  }
  const row = extraPacket(core);
  if (changetype<usize>(row) == 0) return drop(core, p, p.port, Drop.NoBuffer);
  memory.copy(changetype<usize>(row), changetype<usize>(p), PACKET_BYTES);
  enter(core, row, egress);
}

/** A row for a packet beside the received ones; null: the batch has none left. */
export function extraPacket(core: Core): Packet {
  if (core.extrasUsed == EXTRA_PACKETS) return changetype<Packet>(0);
  const row = Packet.at(core.packets, <u32>BATCH_PACKETS + core.extrasUsed);
  core.extrasUsed++;
  return row;
}
