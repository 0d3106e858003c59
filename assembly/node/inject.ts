/**
 * Inject: what a zone sends goes into the segment of an interface, by the FDB like any other
 * frame there. Where the MAC address of a neighbour is, is kept with the neighbour until the
 * FDB changes, and looked up again once in PLACE_MS, so that an aged entry is not followed.
 */
import { CoreCounter, Drop } from '../abi';
import { drop } from '../fate';
import { Core, count } from '../memory';
import { PACKET_TAGGED, Packet } from '../packet';
import { Adjacency } from '../table/adjacency';
import { Fdb, isExpired, placeOf } from '../table/fdb';
import { Iface } from '../table/iface';
import { PORT_UP } from '../table/port';
import { Ethernet, MAC_BITS, isGroup } from '../wire/ethernet';
import { toPlace } from './bridge';
import { extraPacket } from './enter';
import { flood } from './flood';

export const PLACE_MS: u32 = 1000;

/** Sends the packet, whose Ethernet header is written, to a neighbour. */
export function toSegment(core: Core, p: Packet, iface: Iface, adjacency: Adjacency): void {
  stand(p, iface, adjacency.mac);
  if (!iface.port.has(PORT_UP)) return drop(core, p, iface.port, Drop.NoPort);
  const isFresh = core.nowMs - adjacency.placedMs < PLACE_MS;
  const isRight = isFresh && adjacency.placeVersion == core.fdbVersion;
  if (!isRight && !findPlace(core, adjacency)) return flood(core, p);
  toPlace(core, p, adjacency.place);
}

/** Finds out where a neighbour's MAC address is. False: the FDB does not know. */
export function findPlace(core: Core, adjacency: Adjacency): bool {
  const iface = Iface.at(core.ifaces, adjacency.iface);
  const entry = find(core, iface, adjacency.mac);
  if (entry == 0) return false;
  adjacency.place = placeOf(load<u64>(entry));
  adjacency.placeVersion = core.fdbVersion;
  adjacency.placedMs = core.nowMs;
  return true;
}

/**
 * Sends a frame that the core has made, of `bytes` bytes at `data`: a copy in the books.
 * `origin`: the received frame that gave rise to it, or OWN_ACCORD.
 */
export function inject(core: Core, origin: u32, data: usize, bytes: u32, iface: Iface): void {
  const p = extraPacket(core);
  if (changetype<usize>(p) == 0 || !iface.inUse) return;
  p.data = <u32>data;
  p.length = bytes;
  p.flags = 0;
  p.origin = origin;
  count(core.coreCounters, CoreCounter.Copies, 1);
  const destination = Ethernet.at(data).destination;
  stand(p, iface, destination);
  if (!iface.port.has(PORT_UP)) return drop(core, p, iface.port, Drop.NoPort);
  const entry: usize = isGroup(destination) ? 0 : find(core, iface, destination);
  if (entry == 0) flood(core, p);
  else toPlace(core, p, placeOf(load<u64>(entry)));
}

/** Makes the packet one of the interface's segment. */
function stand(p: Packet, iface: Iface, destination: u64): void {
  const domain = (<u64>iface.domain) << MAC_BITS;
  p.port = iface.port;
  p.place = iface.port.index;
  p.source = iface.mac | domain;
  p.destination = destination | domain;
  p.tag = iface.tag;
  p.variant = 0;
  p.flags &= ~PACKET_TAGGED;
}

/** Address of the FDB's value for a MAC address of the segment, if it is alive; else 0. */
function find(core: Core, iface: Iface, mac: u64): usize {
  const entry = Fdb.at(core.fdb).lookup(mac | ((<u64>iface.domain) << MAC_BITS));
  if (entry == 0 || isExpired(load<u64>(entry), core.nowMs, iface.port.ageMs)) return 0;
  return entry;
}
