/**
 * Related: ICMP errors about flows (features NA-9, RFC 5508 §4); what is of IPv6 alone:
 * related6.ts. The packet quoted is one that a flow sent, as it left; its flow is found by its
 * addresses turned round, and the error goes the way of the flow's other direction. Outer and
 * quoted addresses and ports are written as the receiver knows them; the quoted checksums follow
 * by the difference, so a truncated quote stays as right as it was; the ICMP checksum, which must
 * be right, is written anew.
 *
 * An error neither refreshes nor ends its flow. Drops: Invalid for one about no flow, or
 * damaged, or not to the sender of what it quotes; RuleDrop, RuleReject, NoRoute, TtlExceeded,
 * and those of leave.ts.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core, count } from '../memory';
import { Packet, own } from '../packet';
import { Hook, State } from '../rules-abi';
import { Backend } from '../table/backend';
import { Flows } from '../table/flow';
import { FlowLine, LINE_REPLY } from '../table/flow-line';
import { flowLeftMs } from '../table/flow-timers';
import { FIRST_SHARE, backendOfShare } from '../table/share';
import { note, say } from '../trace';
import { fold, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { ICMP_BYTES, Icmp } from '../wire/icmp';
import { IPV4_BYTES, Ipv4, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4';
import { ZoneCounter } from '../zone-abi';
import { leave } from './leave';
import { deliver } from './local';
import { CONSUMED } from './outer';
import { Passage, hasPorts, turned } from './passage';
import { quotedLine6, writeRelated6 } from './related6';
import { checkSource, route, routeTo } from './route';
import { ask, conclude, markBalanced, openSubject, setDestination, translates } from './rules';
import { deltaOf, grown } from './translate';

const SOURCE: usize = 12;
const DESTINATION: usize = 16;
const RIGHT_SUM: u32 = 0xffff;
const ZONE_SHIFT: u32 = 8;
const PORT_SHIFT: u32 = 16;
/** Bytes of layer 4 that every quote has: RFC 792. */
const LEAST_QUOTED: u32 = 8;
const UDP_CHECKSUM: u32 = 6;
const TCP_CHECKSUM: u32 = 16;
const ICMP_CHECKSUM: u32 = 2;
const ICMP_ID: usize = 4;

/** What becomes of an error, as judge.ts says it. */
export function related(core: Core, p: Packet, t: Passage): Drop {
  const line = t.isIpv6 != 0 ? quotedLine6(core, t) : quotedLine(core, t);
  if (changetype<usize>(line) == 0) {
    count(t.zone.counters, ZoneCounter.Invalid, 1);
    return about(core, p, t);
  }
  count(t.zone.counters, ZoneCounter.Related, 1);
  const state = Flows.at(core.flows).stateOf(line);
  if (p.has(RxFlag.Trace)) say(note(core, p, Node.Zone, Trace.FlowRelated), state.id, 0, 0);
  t.ctState = State.Related;
  t.isReply = line.has(LINE_REPLY) ? 1 : 0;
  t.newSource = line.newSource != line.source ? line.newSource : t.source;
  t.newDestination = t.destination == line.destination ? line.newDestination : t.destination;
  t.newPorts = t.ports;
  openSubject(core, p, t);
  let refused = ask(core, p, t, Hook.RawPrerouting);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.ManglePrerouting);
  if (refused == Drop.None) refused = checkSource(core, p, t);
  if (refused != Drop.None) return refused;
  // The line carries the error, so of a client's it is the original one.
  const backend = t.isReply != 0 ? changetype<Backend>(0) : backendOfShare(core, line.path);
  if (changetype<usize>(backend) != 0) refused = leadOn(core, p, t, backend);
  else {
    setDestination(core, t, t.newDestination, t.newPorts);
    refused = route(core, p, t);
    if (refused == CONSUMED) return deliver(core, p, t);
    if (refused == Drop.None) refused = ask(core, p, t, Hook.MangleForward);
    if (refused == Drop.None) refused = ask(core, p, t, Hook.FilterForward);
  }
  if (line.path >= FIRST_SHARE) markBalanced(core);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.ManglePostrouting);
  if (refused != Drop.None) return refused;
  conclude(core, t, true);
  if (!own(core, p)) return Drop.NoBuffer;
  if (t.isIpv6 != 0) writeRelated6(core, p, t, line);
  else write(p, t, line);
  return leave(core, p, t);
}

/** A client's error about a virtual IP goes to the backend that has its connection. */
function leadOn(core: Core, p: Packet, t: Passage, backend: Backend): Drop {
  let refused = ask(core, p, t, Hook.MangleInput);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.FilterInput);
  if (refused != Drop.None) return refused;
  setDestination(core, t, t.newDestination, t.newPorts);
  return routeTo(core, p, t, backend.head, backend.tail);
}

/** An error about nothing that is known here: passed only where nothing is translated. */
function about(core: Core, p: Packet, t: Passage): Drop {
  if (translates(core, t)) return Drop.Invalid;
  t.ctState = State.Invalid;
  t.newSource = t.source;
  t.newDestination = t.destination;
  t.newPorts = t.ports;
  openSubject(core, p, t);
  let refused = ask(core, p, t, Hook.RawPrerouting);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.ManglePrerouting);
  if (refused == Drop.None) refused = checkSource(core, p, t);
  if (refused == Drop.None) refused = route(core, p, t);
  if (refused == CONSUMED) return deliver(core, p, t);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.MangleForward);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.FilterForward);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.ManglePostrouting);
  if (refused != Drop.None) return refused;
  conclude(core, t, true);
  return leave(core, p, t);
}

/** The line that carries the error: the direction opposite to the quoted packet's; or null. */
function quotedLine(core: Core, t: Passage): FlowLine {
  const none = changetype<FlowLine>(0);
  const bytes = t.l4Bytes;
  if (bytes < ICMP_BYTES + IPV4_BYTES + LEAST_QUOTED) return none;
  if (fold(sumBytes(t.l4, bytes)) != RIGHT_SUM) return none;
  const at = t.l4 + ICMP_BYTES;
  const ip = Ipv4.at(at);
  const header = ip.headerBytes;
  if (!ip.isVersion4 || header < IPV4_BYTES || !ip.isFirstPart) return none;
  if (ICMP_BYTES + header + LEAST_QUOTED > bytes || !ip.hasRightSum) return none;
  const protocol = ip.protocol;
  const l4 = at + header;
  const scope = protocol | (t.zone.index << ZONE_SHIFT);
  let ports: u32 = 0;
  if (hasPorts(protocol)) ports = load<u32>(l4);
  else if (protocol == PROTOCOL_ICMP) {
    if (Icmp.at(l4).isError) return none;
    ports = (<u32>load<u16>(l4, ICMP_ID)) | ((<u32>load<u16>(l4)) << PORT_SHIFT);
  }
  const flows = Flows.at(core.flows);
  const source = load<u32>(at, DESTINATION);
  const destination = load<u32>(at, SOURCE);
  // To anybody but the sender of what it quotes it would go untranslated.
  if (destination != t.destination) return none;
  const back = turned(ports, protocol);
  const hash = flows.hash(source, destination, back, scope);
  const line = flows.find(hash, source, destination, back, scope);
  return changetype<usize>(line) == 0 || flowLeftMs(core, line) == 0 ? none : line;
}

/** Writes outer and quoted headers as the receiver knows them. */
function write(p: Packet, t: Passage, line: FlowLine): void {
  const outer: usize = p.data + ETHERNET_BYTES;
  const ip = Ipv4.at(outer);
  const delta = deltaOf(<u64>t.source + t.destination, <u64>t.newSource + t.newDestination);
  store<u32>(outer, t.newSource, SOURCE);
  store<u32>(outer, t.newDestination, DESTINATION);
  ip.checksum = <u16>grown(ip.checksum, delta);
  const message = outer + ip.headerBytes;
  quote(message + ICMP_BYTES, t.l4Bytes - ICMP_BYTES, line);
  Icmp.at(message).seal(t.l4Bytes);
}

/** The quoted packet went the other way: its source is the line's destination. */
function quote(at: usize, bytes: u32, line: FlowLine): void {
  const ip = Ipv4.at(at);
  const l4 = at + ip.headerBytes;
  const l4Bytes = bytes - ip.headerBytes;
  const protocol = line.protocol;
  const before = <u64>line.source + line.destination;
  const after = <u64>line.newSource + line.newDestination;
  store<u32>(at, line.newDestination, SOURCE);
  store<u32>(at, line.newSource, DESTINATION);
  const delta = deltaOf(before, after);
  ip.checksum = <u16>grown(ip.checksum, delta);
  if (protocol == PROTOCOL_ICMP) {
    const id = <u16>line.newPorts;
    const changed = deltaOf(load<u16>(l4, ICMP_ID), id);
    store<u16>(l4, id, ICMP_ID);
    const checksum: u32 = load<u16>(l4, ICMP_CHECKSUM);
    store<u16>(l4, <u16>grown(checksum, changed), ICMP_CHECKSUM);
    return;
  }
  if (!hasPorts(protocol)) return;
  const old = load<u32>(l4);
  const ports = rotl(line.newPorts, PORT_SHIFT);
  store<u32>(l4, ports);
  const place = protocol == PROTOCOL_UDP ? UDP_CHECKSUM : TCP_CHECKSUM;
  if ((protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) || place + 2 > l4Bytes) return;
  const checksum: u32 = load<u16>(l4 + place);
  if (protocol == PROTOCOL_UDP && checksum == 0) return;
  const whole = deltaOf(before + old, after + ports);
  store<u16>(l4 + place, <u16>grown(checksum, whole));
}
