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
import { AddressTypeBit } from '../rules-abi';
import { ttlOf } from '../rules/criteria-packet';
import { Subject } from '../rules/subject';
import { adjacencyTo } from '../table/adjacency';
import { Iface } from '../table/iface';
import { NextHop } from '../table/next-hop';
import { Routes } from '../table/route';
import { ZONE_FORWARDS } from '../table/zone';
import { note, say, sayFourth } from '../trace';
import { ICMP_TIME_EXCEEDED } from '../wire/icmp';
import { isLinkLocalIpv6 } from '../wire/ipv6';
import { ReversePath, RouteKind } from '../zone-abi';
import { headOf, tailOf } from './addresses';
import {
  UNREACHABLE_HOST,
  UNREACHABLE_NET,
  UNREACHABLE_PROHIBITED,
  UNREACHABLE_SCOPE,
  tellError,
  tellUnreachable,
} from './errors';
import { CONSUMED } from './outer';
import { Passage } from './passage';

const FIRST_GROUP: u32 = 224;
const NETWORK_SHIFT: u32 = 24;

/** The next hop towards an address, a word of the packet's; null: there is no route. */
export function nextHopTo(core: Core, t: Passage, word: u32): NextHop {
  return nextHopAt(core, t, headOf(core, t, word), tailOf(core, t, word));
}

function nextHopAt(core: Core, t: Passage, head: u64, tail: u64): NextHop {
  const value = Routes.at(core.routes).lookup(t.zone.index, head, tail);
  return value == 0 ? changetype<NextHop>(0) : NextHop.at(core.nextHops, value);
}

/** Whether the packet may come from its source by the interface it came by. */
export function checkSource(core: Core, p: Packet, t: Passage): Drop {
  const wanted = t.zone.reversePath;
  if (wanted == ReversePath.Off) return Drop.None;
  if (t.isIpv6 != 0 && isLinkLocalIpv6(t.ip6.sourceHead)) return Drop.None; // of this link
  const hop = nextHopTo(core, t, t.source);
  const isThere = changetype<usize>(hop) != 0 && hop.kind <= <u32>RouteKind.Via;
  const isRight = wanted == ReversePath.Loose || (isThere && hop.iface == t.iface.index);
  return isThere && isRight ? Drop.None : Drop.ReversePath;
}

/** Drop.None: `t.out` and `t.adjacency` say where; CONSUMED: it is for the zone itself. */
export function route(core: Core, p: Packet, t: Passage): Drop {
  const head = headOf(core, t, t.newDestination);
  const tail = tailOf(core, t, t.newDestination);
  return isForZone(core, t, tail) ? CONSUMED : routeTo(core, p, t, head, tail);
}

/** As `route`, towards an address that is somebody else's. */
export function routeTo(core: Core, p: Packet, t: Passage, head: u64, tail: u64): Drop {
  if (!t.zone.has(ZONE_FORWARDS)) return Drop.NotForwarded;
  if (t.isIpv6 != 0 && staysOnLink(core, p, t, head)) return Drop.NotForwarded;
  const hop = nextHopAt(core, t, head, tail);
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
  const isVia = hop.kind == RouteKind.Via;
  const adjacency = adjacencyTo(
    core,
    out,
    isVia ? hop.gatewayHead : head,
    isVia ? hop.gatewayTail : tail,
  );
  if (changetype<usize>(adjacency) == 0) return Drop.NeighbourQueueFull;
  t.adjacency = adjacency.reference;
  subject.passHop();
  if (p.has(RxFlag.Trace)) traceRoute(core, p, hop, adjacency.index);
  return Drop.None;
}

/** Its own addresses, broadcasts of its subnets, and groups: nothing here forwards those. */
function isForZone(core: Core, t: Passage, tail: u64): bool {
  // The subject has the same destination: rules.ts, setDestination.
  if (Subject.at(core.subject).destinationTypes != AddressTypeBit.Unicast) return true;
  return t.isIpv6 == 0 && (<u32>tail) >>> NETWORK_SHIFT >= FIRST_GROUP;
}

/**
 * RFC 4291 §2.5.6: no router forwards what is from or to an address of one link. Who sends from
 * one is told (RFC 4443 §3.1, code 2).
 */
function staysOnLink(core: Core, p: Packet, t: Passage, head: u64): bool {
  if (isLinkLocalIpv6(head)) return true;
  if (!isLinkLocalIpv6(headOf(core, t, t.source))) return false;
  tellUnreachable(core, p, t, UNREACHABLE_SCOPE, 0);
  return true;
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
