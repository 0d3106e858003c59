/**
 * Judge: decides about an IP packet in a zone, in the order of the hooks it passes: tracks
 * its connection, asks the rules, translates, routes (features FW-2, CT-1, NA-1). What it
 * finds out about a flow is written into the flow's line, so that the packets behind take the
 * short way of track.ts until rules, routes or addresses change.
 *
 * Drops: those of passage.ts, Martian, FragmentLost, Invalid, OutOfWindow, RuleDrop, RuleReject, NoRoute,
 * NotForwarded, TtlExceeded, ReversePath, FlowsFull, PortsExhausted, and those of leave.ts.
 */
import { CoreCounter, Drop, Node, RxFlag, Trace } from '../abi';
import { drop } from '../fate';
import { Core, count } from '../memory';
import { Packet } from '../packet';
import { Hook, State } from '../rules-abi';
import { adjacencyOf } from '../table/adjacency';
import { FlowLine } from '../table/flow-line';
import { FIRST_SHARE, isShareStale } from '../table/share';
import { localIface } from '../table/local';
import { IPV4_HEAD } from '../table/neighbour';
import { ZONE_KEEPS_FLOWS } from '../table/zone';
import { note, say, sayFourth } from '../trace';
import { ICMP_TIME_EXCEEDED } from '../wire/icmp';
import { isUnspecifiedIpv4 } from '../wire/ipv4';
import { ZoneCounter } from '../zone-abi';
import { holdAddresses, letGo } from './addresses';
import { isBalanced, lose } from './balance';
import { bindDestination, bindSource } from './bind';
import { begins, countInvalid, follows, traceWindow } from './follow';
import { beginFlow, lookUpFlow, tellNews } from './flows';
import { tellError } from './errors';
import { gather } from './gather';
import { leave } from './leave';
import { deliver } from './local';
import { CONSUMED } from './outer';
import { Passage } from './passage';
import { isMartian6 } from './passage6';
import { related } from './related';
import { checkSource, route } from './route';
import {
  ask,
  conclude,
  isCacheable,
  markBalanced,
  openSubject,
  setDestination,
  translates,
} from './rules';

/** Above the state in a trace record. */
const TRACE_PROTOCOL_SHIFT: u32 = 8;
const LOOPBACK: u32 = 127;
const FIRST_GROUP: u32 = 224;
const LIMITED_BROADCAST: u32 = 0xffffffff;
const NETWORK_SHIFT: u32 = 24;

export function judge(core: Core, p: Packet): void {
  const t = Passage.at(core.passage);
  const refused = pass(core, p, t);
  if (t.news != 0) tellNews(core, t);
  if (t.heldCount != 0) letGo(core, t);
  if (refused == Drop.None) return;
  if (refused == CONSUMED) count(core.coreCounters, CoreCounter.Consumed, 1);
  else drop(core, p, p.port, refused);
}

/** Drop.None: it is on its way; CONSUMED; or why not. */
function pass(core: Core, p: Packet, t: Passage): Drop {
  let refused = t.open(core, p);
  if (refused != Drop.None) return refused;
  count(t.zone.counters, ZoneCounter.Received, 1);
  if (p.has(RxFlag.Trace))
    say(note(core, p, Node.Zone, Trace.Entered), t.zone.index, t.iface.index, 0);
  if (t.isIpv6 != 0 ? isMartian6(core, t) : isMartian(core, t)) return Drop.Martian;
  if (t.isFragment != 0) {
    refused = gather(core, p, t);
    if (refused != Drop.None) return refused;
  }
  if (!holdAddresses(core, t)) return Drop.FlowsFull;
  if (t.isIcmpError) return related(core, p, t);
  refused = track(core, p, t);
  if (refused != Drop.None) return refused;
  if (changetype<usize>(t.line) != 0 && isJudged(core, t)) return goOn(core, p, t);
  return decide(core, p, t);
}

/** RFC 1812 §5.3.7: sources and destinations that come from nobody. */
function isMartian(core: Core, t: Passage): bool {
  const source = bswap<u32>(t.source);
  const network = source >>> NETWORK_SHIFT;
  if (isUnspecifiedIpv4(source) || network == LOOPBACK || network >= FIRST_GROUP) return true;
  const destination = bswap<u32>(t.destination);
  const to = destination >>> NETWORK_SHIFT;
  if (isUnspecifiedIpv4(destination) || to == LOOPBACK) return true;
  if (to >= FIRST_GROUP + 16 && destination != LIMITED_BROADCAST) return true;
  return changetype<usize>(localIface(core, t.iface, IPV4_HEAD, source)) != 0;
}

/** Finds the packet's flow and what the packet means to it. */
function track(core: Core, p: Packet, t: Passage): Drop {
  t.newSource = t.source;
  t.newDestination = t.destination;
  t.newPorts = t.ports;
  lookUpFlow(core, t);
  const isKnown = changetype<usize>(t.line) != 0;
  if (isKnown && follows(core, t)) {
    if (p.has(RxFlag.Trace)) traceFlow(core, p, t);
    traceWindow(core, p, t);
    return Drop.None;
  }
  if (!isKnown && changetype<usize>(t.line) == 0 && begins(t)) return Drop.None;
  const refused = countInvalid(t);
  traceWindow(core, p, t);
  if (translates(core, t)) return refused;
  t.line = changetype<FlowLine>(0);
  t.ctState = State.Invalid;
  return Drop.None;
}

function traceFlow(core: Core, p: Packet, t: Passage): void {
  if (changetype<usize>(t.line) == 0) {
    say(note(core, p, Node.Zone, Trace.FlowReopened), 0, 0, 0);
    return;
  }
  const at = note(core, p, Node.Zone, Trace.FlowFound);
  say(at, t.state.id, t.state.phase | (t.protocol << TRACE_PROTOCOL_SHIFT), t.isReply);
  sayFourth(at, t.state.status);
}

/** Whether what was decided about this direction still holds. */
function isJudged(core: Core, t: Passage): bool {
  const line = t.line;
  if (changetype<usize>(adjacencyOf(core, line.adjacency)) == 0) return false;
  if (line.path >= FIRST_SHARE && isShareStale(core, line.path)) return false;
  if (line.generation == <u16>core.generation) return isCacheable(t);
  if (!t.zone.has(ZONE_KEEPS_FLOWS)) return false;
  line.generation = <u16>core.generation;
  if (line.path < FIRST_SHARE) line.path = 0;
  return true;
}

/** The short way for packets that track.ts cannot take: offloaded, traced, due to be asked. */
function goOn(core: Core, p: Packet, t: Passage): Drop {
  if (t.hopsLeft <= 1) {
    tellError(core, p, t, ICMP_TIME_EXCEEDED, 0, 0);
    return Drop.TtlExceeded;
  }
  t.adjacency = t.line.adjacency;
  if (p.has(RxFlag.Trace))
    say(note(core, p, Node.Zone, Trace.Judged), core.generation, t.line.path, 0);
  return leave(core, p, t);
}

/** Asks everything. */
function decide(core: Core, p: Packet, t: Passage): Drop {
  let refused = Drop.None;
  if (isBalanced(t) && isShareStale(core, t.line.path)) {
    refused = lose(core, p, t);
    if (refused != Drop.None) return refused;
  }
  openSubject(core, p, t);
  refused = ask(core, p, t, Hook.RawPrerouting);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.ManglePrerouting);
  if (refused != Drop.None) return refused;
  const isNew = changetype<usize>(t.line) == 0 && t.ctState == State.New;
  if (isNew) {
    refused = bindDestination(core, p, t);
    if (refused != Drop.None) return refused;
  } else if (changetype<usize>(t.line) != 0) takeOver(core, t);
  refused = checkSource(core, p, t);
  if (refused == Drop.None) refused = route(core, p, t);
  if (refused == CONSUMED) return deliver(core, p, t);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.MangleForward);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.FilterForward);
  // IPVS has answers behind the rules of FORWARD: ip_vs_core.c, ip_vs_ops4.
  if (changetype<usize>(t.line) != 0 && t.line.path >= FIRST_SHARE) markBalanced(core);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.ManglePostrouting);
  if (refused != Drop.None) return refused;
  if (isNew) {
    refused = bindSource(core, p, t);
    if (refused == Drop.None) refused = beginFlow(core, p, t);
    if (refused != Drop.None) return refused;
  }
  conclude(core, t, isNew);
  return leave(core, p, t);
}

/** What an old flow makes of the packet; what a service leads on is the zone's own until then. */
function takeOver(core: Core, t: Passage): void {
  if (isBalanced(t)) return;
  t.newSource = t.line.newSource;
  t.newDestination = t.line.newDestination;
  t.newPorts = t.line.newPorts;
  setDestination(core, t, t.newDestination, t.newPorts);
}
