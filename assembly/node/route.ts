/**
 * Route: finds where a packet goes: to the zone itself, or out of an interface towards a
 * neighbour (RFC 1812 §5.2.4), and whether it may come from where it came from (RFC 3704 §2).
 * Only first packets of flows get here, and those judged again.
 *
 * Drops: ReversePath, NoRoute, NotForwarded, TtlExceeded.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { ttlOf } from '../rules/criteria-packet';
import { Subject } from '../rules/subject';
import { adjacencyTo } from '../table/adjacency';
import { Iface } from '../table/iface';
import { localIface } from '../table/local';
import { IPV4_HEAD } from '../table/neighbour';
import { NextHop } from '../table/next-hop';
import { Routes } from '../table/route';
import { ZONE_FORWARDS } from '../table/zone';
import { note, say, sayFourth } from '../trace';
import { ICMP_TIME_EXCEEDED } from '../wire/icmp';
import { ReversePath, RouteKind } from '../zone-abi';
import {
  UNREACHABLE_HOST,
  UNREACHABLE_NET,
  UNREACHABLE_PROHIBITED,
  tellError,
  tellUnreachable,
} from './errors';
import { CONSUMED } from './outer';
import { Passage } from './passage';

const FIRST_GROUP: u32 = 224;
const NETWORK_SHIFT: u32 = 24;

/** The next hop towards an address, host order; null: there is no route. */
export function nextHopTo(core: Core, zone: u32, address: u32): NextHop {
  const value = Routes.at(core.routes).lookup(zone, IPV4_HEAD, address);
  return value == 0 ? changetype<NextHop>(0) : NextHop.at(core.nextHops, value);
}

/** Whether the packet may come from its source by the interface it came by. */
export function checkSource(core: Core, p: Packet, t: Passage): Drop {
  const wanted = t.zone.reversePath;
  if (wanted == ReversePath.Off) return Drop.None;
  const hop = nextHopTo(core, t.zone.index, bswap<u32>(t.source));
  const isThere = changetype<usize>(hop) != 0 && hop.kind <= <u32>RouteKind.Via;
  const isRight = wanted == ReversePath.Loose || (isThere && hop.iface == t.iface.index);
  return isThere && isRight ? Drop.None : Drop.ReversePath;
}

/** Drop.None: `t.out` and `t.adjacency` say where; CONSUMED: it is for the zone itself. */
export function route(core: Core, p: Packet, t: Passage): Drop {
  const address = bswap<u32>(t.newDestination);
  return isForZone(core, t, address) ? CONSUMED : routeTo(core, p, t, address);
}

/** As `route`, towards an address, host order, that is somebody else's. */
export function routeTo(core: Core, p: Packet, t: Passage, address: u32): Drop {
  if (!t.zone.has(ZONE_FORWARDS)) return Drop.NotForwarded;
  const hop = nextHopTo(core, t.zone.index, address);
  if (changetype<usize>(hop) == 0) {
    tellUnreachable(core, p, t, UNREACHABLE_NET, 0);
    return Drop.NoRoute;
  }
  if (hop.kind > <u32>RouteKind.Via) return refuse(core, p, t, hop.kind);
  const subject = Subject.at(core.subject);
  if (ttlOf(subject) <= 1) {
    tellError(core, p, t, ICMP_TIME_EXCEEDED, 0, 0);
    return Drop.TtlExceeded;
  }
  const out = Iface.at(core.ifaces, hop.iface);
  if (!out.inUse) return Drop.NoRoute;
  t.out = out;
  const gateway: u64 = hop.kind == RouteKind.Via ? hop.gatewayTail : address;
  const adjacency = adjacencyTo(core, out, IPV4_HEAD, gateway);
  if (changetype<usize>(adjacency) == 0) return Drop.NeighbourQueueFull;
  t.adjacency = adjacency.reference;
  subject.passHop();
  if (p.has(RxFlag.Trace)) traceRoute(core, p, hop, adjacency.index);
  return Drop.None;
}

/** Its own addresses, broadcasts of its subnets, and groups: nothing here forwards those. */
function isForZone(core: Core, t: Passage, address: u32): bool {
  if (changetype<usize>(localIface(core, t.zone.index, IPV4_HEAD, address)) != 0) return true;
  return address >>> NETWORK_SHIFT >= FIRST_GROUP || t.iface.isBroadcast(address);
}

function refuse(core: Core, p: Packet, t: Passage, kind: u32): Drop {
  if (kind == RouteKind.Unreachable) tellUnreachable(core, p, t, UNREACHABLE_HOST, 0);
  if (kind == RouteKind.Prohibit) tellUnreachable(core, p, t, UNREACHABLE_PROHIBITED, 0);
  return Drop.NoRoute;
}

function traceRoute(core: Core, p: Packet, hop: NextHop, adjacency: u32): void {
  const at = note(core, p, Node.Zone, Trace.RouteFound);
  say(at, Routes.at(core.routes).hitBits, hop.iface, adjacency);
  sayFourth(at, hop.kind);
}
