/**
 * Flows: how connections begin, are found and end (table/flow.ts). A flow is made when its
 * first packet has passed every hook, in the same call: nobody can come in between, so two
 * first packets of one flow cannot clash (features CT-12).
 *
 * Drops: FlowsFull.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core, count } from '../memory';
import { Packet } from '../packet';
import { Flows } from '../table/flow';
import { isAffinityOver } from '../table/affinity';
import { FlowAddresses } from '../table/flow-address';
import {
  AFFINITY_SCOPE,
  FlowLine,
  LINE_DESTINATION_NAT,
  LINE_REPLY,
  LINE_SOURCE_NAT,
  LINE_TCP,
} from '../table/flow-line';
import { flowLeftMs } from '../table/flow-timers';
import { Iface } from '../table/iface';
import { countHairpin } from '../table/iface-config';
import { tellFlow } from '../table/journal';
import { holdMappings, releaseMappings } from '../table/mapping';
import { PortHints } from '../table/port-hints';
import { Zone } from '../table/zone';
import { note, say } from '../trace';
import { PROTOCOL_TCP } from '../wire/ipv4';
import { FlowStatus, FlowTimer, JournalKind, PROFILE_TIMERS, ZoneCounter } from '../zone-abi';
import { sumOf } from './addresses';
import { leaveBackend } from './balance-books';
import { firstTimer } from './follow';
import { Passage, hasPorts, turned } from './passage';
import { deltaOf } from './translate';

/** A whole table is swept in this time, if batches come often enough. */
const SWEEP_MS: u32 = 10000;
/** Most entries of one batch. */
const BATCH_ENTRIES: u32 = 512;
/** Most that a first packet looks at for a dead one, before it is refused or one is given up. */
const FIRST_ENTRIES: u32 = 64;
/** What a flow rests on beside its entry. */
const HELD: u32 = FlowStatus.MappedSource | FlowStatus.MappedDestination | FlowStatus.Permitted;
const ICMP_ID_MASK: u32 = 0xffff;

/** Finds the flow of the packet, if there is a live one. */
export function lookUpFlow(core: Core, t: Passage): void {
  const flows = Flows.at(core.flows);
  t.hash = flows.hash(t.source, t.destination, t.ports, t.scope);
  const line = flows.find(t.hash, t.source, t.destination, t.ports, t.scope);
  if (changetype<usize>(line) == 0) return;
  if (flowLeftMs(core, line) == 0) {
    count(t.zone.counters, ZoneCounter.Expired, 1);
    endFlow(core, line);
    return;
  }
  t.line = line;
  t.state = flows.stateOf(line);
  t.isReply = line.has(LINE_REPLY) ? 1 : 0;
}

/**
 * Tells what the packet has done to its flow, once for all of it, as netfilter does. One that
 * was refused or called off ends.
 */
export function tellNews(core: Core, t: Passage): void {
  const isNew = (t.news & (<u32>JournalKind.New)) != 0;
  t.news = 0;
  if (changetype<usize>(t.line) == 0) return;
  if (t.state.has(FlowStatus.Dying)) return endFlow(core, t.line);
  tellFlow(core, t.line, isNew ? JournalKind.New : JournalKind.Update);
}

/** Takes a flow out, and tells so. */
export function endFlow(core: Core, line: FlowLine): void {
  tellFlow(core, line, JournalKind.Destroy);
  takeOut(core, line);
}

function takeOut(core: Core, line: FlowLine): void {
  const zone = Zone.at(core.zones, line.zone);
  zone.flows--;
  count(zone.counters, ZoneCounter.Flows, -1);
  const flows = Flows.at(core.flows);
  const hairpin: u32 = flows.stateOf(line).hairpin;
  if (hairpin != 0) countHairpin(Iface.at(core.ifaces, hairpin - 1), -1);
  releaseMappings(flows, line);
  leaveBackend(core, line.original, flows.stateOf(line));
  hintPort(core, line.original, false);
  if (line.isIpv6) holdFor(core, line, -1);
  flows.remove(line);
}

/** The addresses of an IPv6 flow have a holder more, or less, for each time it names them. */
function holdFor(core: Core, line: FlowLine, by: i32): void {
  const table = FlowAddresses.at(core.flowAddresses);
  const original = line.original;
  table.change(original.source, by);
  table.change(original.destination, by);
  table.change(original.newSource, by);
  table.change(original.newDestination, by);
}

/** Says whether a flow has the source port that it was given. */
function hintPort(core: Core, line: FlowLine, isUsed: bool): void {
  if (!line.has(LINE_SOURCE_NAT)) return;
  const hints = PortHints.at(core.portHints);
  const start = hints.startOf(line.newSource, line.scope);
  const port = bswap<u16>(<u16>line.newPorts);
  if (isUsed) hints.mark(start, port);
  else hints.clear(start, port);
}

/**
 * Ends flows that an interface has masqueraded as one of its addresses (a word, as lines have
 * it), or that came to an endpoint there, which it loses; 0: as any of them (features NA-3).
 * Looks at the whole table.
 */
export function endMasqueraded(core: Core, iface: Iface, address: u32, isIpv6: bool): void {
  const flows = Flows.at(core.flows);
  for (let entry: u32 = 0; entry < flows.touched; entry++) {
    const line = flows.lineOf(entry);
    if (!line.isFlow || flows.stateOf(line).masquerade != <u16>(iface.index + 1)) continue;
    const isOf = line.newSource == address || line.destination == address;
    if (address == 0 || (isOf && line.isIpv6 == isIpv6)) endFlow(core, line);
  }
}

/** Makes the flow whose first packet this is, as it was judged and bound. */
export function beginFlow(core: Core, p: Packet, t: Passage): Drop {
  const flows = Flows.at(core.flows);
  const zone = t.zone;
  const line = isOverQuota(core, zone) ? changetype<FlowLine>(0) : takeEntry(core, flows, t);
  if (changetype<usize>(line) == 0) {
    count(zone.counters, ZoneCounter.FlowsFull, 1);
    return Drop.FlowsFull;
  }
  const reply = line.other;
  const fromPorts = turned(t.newPorts, t.protocol);
  describe(line, t.source, t.destination, t.ports, t.scope);
  describe(reply, t.newDestination, t.newSource, fromPorts, t.scope);
  rewriteTo(core, line, t.newSource, t.newDestination, t.newPorts);
  rewriteTo(core, reply, t.destination, t.source, turned(t.ports, t.protocol));
  if (!flows.enter(line)) {
    flows.giveBack(line);
    count(zone.counters, ZoneCounter.FlowsFull, 1);
    return Drop.FlowsFull;
  }
  if (line.isIpv6) holdFor(core, line, 1);
  markNat(line, reply);
  hintPort(core, line, true);
  const state = flows.stateOf(line);
  state.status = t.binding & ~HELD;
  state.beganMs = core.nowMs;
  state.masquerade = <u16>t.masquerade;
  if (isHairpin(t)) {
    state.hairpin = <u16>(t.out.index + 1);
    countHairpin(t.out, 1);
  }
  line.seenMs = reply.seenMs = core.nowMs;
  t.line = line;
  t.state = state;
  firstTimer(core, t);
  zone.flows++;
  count(zone.counters, ZoneCounter.NewFlows, 1);
  count(zone.counters, ZoneCounter.Flows, 1);
  if ((t.binding & HELD) != 0 && !holdMappings(flows, line, t.binding)) {
    takeOut(core, line);
    t.line = changetype<FlowLine>(0);
    count(zone.counters, ZoneCounter.FlowsFull, 1);
    return Drop.FlowsFull;
  }
  t.news = JournalKind.New;
  if (p.has(RxFlag.Trace))
    say(note(core, p, Node.Zone, Trace.FlowMade), state.id, state.phase, t.protocol);
  return Drop.None;
}

/** Whether answers may go by the segment alone, past the zone. */
function isHairpin(t: Passage): bool {
  if (t.out != t.iface || (t.binding & FlowStatus.DestinationNat) == 0) return false;
  return t.newSource == t.source;
}

/** Whether a zone has all the flows it may have, dead ones left out as far as they are found. */
function isOverQuota(core: Core, zone: Zone): bool {
  if (zone.mostFlows == 0 || zone.flows < zone.mostFlows) return false;
  sweep(core, Flows.at(core.flows), FIRST_ENTRIES);
  return zone.flows >= zone.mostFlows;
}

/** An entry for a new flow; of a full table a dead one's, or one whose flow is given up. */
function takeEntry(core: Core, flows: Flows, t: Passage): FlowLine {
  let line = flows.take();
  if (changetype<usize>(line) != 0) return line;
  sweep(core, flows, FIRST_ENTRIES);
  line = flows.take();
  if (changetype<usize>(line) != 0) return line;
  const least = flows.leastOf(t.hash, core.nowMs);
  if (changetype<usize>(least) == 0) return least;
  count(Zone.at(core.zones, least.zone).counters, ZoneCounter.EarlyDropped, 1);
  endFlow(core, least);
  return flows.take();
}

function describe(line: FlowLine, source: u32, destination: u32, ports: u32, scope: u32): void {
  line.source = source;
  line.destination = destination;
  line.ports = ports;
  line.scope = scope;
}

/** What is written into the packets of a line, and what that does to their checksums. */
function rewriteTo(core: Core, line: FlowLine, source: u32, destination: u32, ports: u32): void {
  line.newSource = source;
  line.newDestination = destination;
  line.newPorts = ports;
  const before = sumOf(core, line, line.source) + sumOf(core, line, line.destination);
  const after = sumOf(core, line, source) + sumOf(core, line, destination);
  line.addressDelta = <u16>deltaOf(before, after);
  if (line.isIcmp) {
    // Of IPv6 it goes over addresses, too: RFC 4443 §2.3.
    const oldId = <u64>(line.ports & ICMP_ID_MASK) + (line.isIpv6 ? before : 0);
    const newId = <u64>(ports & ICMP_ID_MASK) + (line.isIpv6 ? after : 0);
    line.layer4Delta = <u16>deltaOf(oldId, newId);
  } else line.layer4Delta = <u16>deltaOf(before + line.ports, after + ports);
}

function markNat(line: FlowLine, reply: FlowLine): void {
  const ported = hasPorts(line.protocol) || line.isIcmp;
  const sourcePorts: u32 = 0xffff;
  const isSource =
    line.newSource != line.source || (ported && ((line.newPorts ^ line.ports) & sourcePorts) != 0);
  const isDestination =
    line.newDestination != line.destination ||
    (hasPorts(line.protocol) && ((line.newPorts ^ line.ports) & ~sourcePorts) != 0);
  const tcp: u8 = line.protocol == PROTOCOL_TCP ? LINE_TCP : 0;
  line.flags = tcp | (isSource ? LINE_SOURCE_NAT : 0) | (isDestination ? LINE_DESTINATION_NAT : 0);
  reply.flags =
    tcp |
    LINE_REPLY |
    (isSource ? LINE_DESTINATION_NAT : 0) |
    (isDestination ? LINE_SOURCE_NAT : 0);
}

/** Gives back the entries of flows that died of age: of those due, `most` at the most. */
export function ageFlows(core: Core, most: u32 = BATCH_ENTRIES): void {
  const flows = Flows.at(core.flows);
  if (flows.touched == 0) return;
  const elapsedMs = min(core.nowMs - flows.sweptMs, SWEEP_MS);
  const due = <u32>((<u64>flows.touched * elapsedMs) / SWEEP_MS);
  if (due == 0) return;
  flows.sweptMs = core.nowMs;
  sweep(core, flows, min(due, most));
}

/** Looks at the next `entries` entries. */
function sweep(core: Core, flows: Flows, entries: u32): void {
  for (let i: u32 = 0; i < entries; i++) {
    if (flows.sweepNext >= flows.touched) flows.sweepNext = 0;
    const line = flows.lineOf(flows.sweepNext++);
    if (!line.isFlow) {
      if (line.scope == AFFINITY_SCOPE && isAffinityOver(core, line)) flows.remove(line);
      continue;
    }
    if (flowLeftMs(core, line) != 0) continue;
    count(Zone.at(core.zones, line.zone).counters, ZoneCounter.Expired, 1);
    endFlow(core, line);
  }
}

/** Sets the timer of a flow. */
export function setTimer(t: Passage, timer: FlowTimer): void {
  const id = <u8>(timer + t.zone.profile * PROFILE_TIMERS);
  t.line.timer = id;
  t.line.other.timer = id;
}
