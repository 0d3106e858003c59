/**
 * Bind: chooses what a new flow's addresses and ports become (features NA-1 to NA-5, RFC 4787
 * §4, RFC 6056 §3.3).
 *
 * A source port stays what it is while the answer's addresses and ports are free; else, or
 * where a rule says so, other ones of the range are tried: all of a small range; of a large
 * one those of the sender's parity, from places that a secret hash of the flow and the try
 * says, first ports that nobody seems to have (table/port-hints.ts), then MOST_TRIES any. Or
 * the next ones in turn, where the zone says so. A port below 1024 stays below.
 *
 * An address of a range is chosen by a hash of the source: a host keeps its address (RFC 4787
 * REQ-2); a destination by source and destination, or with --persistent by the source alone.
 *
 * A zone that maps endpoints (table/mapping.ts) gives a source the external port it has at that
 * address already, whatever the destination; and what is sent to such a port goes to its
 * endpoint, as far as the zone's filtering admits (RFC 4787 REQ-1, REQ-8, REQ-9).
 *
 * Drops: PortsExhausted.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core, count } from '../memory';
import { Packet } from '../packet';
import { Hook, NatFlag, NatKind } from '../rules-abi';
import { Subject } from '../rules/subject';
import { mix } from '../table/buckets';
import { Flows } from '../table/flow';
import { flowLeftMs } from '../table/flow-timers';
import { endpointAt, mappedPort } from '../table/mapping';
import { IPV4_HEAD } from '../table/neighbour';
import { NO_PORT, PortHints } from '../table/port-hints';
import { note, say } from '../trace';
import { PROTOCOL_ICMP } from '../wire/ipv4';
import { Filtering, FlowStatus, PortSelect, ZoneCounter } from '../zone-abi';
import { bindEndpoint, mapsEndpoints, traceDestination } from './endpoint';
import { endFlow } from './flows';
import { Passage, hasPorts, turned } from './passage';
import { askNat, setDestination } from './rules';

const MOST_TRIES: u32 = 256;
/** Places that are looked at for a port that nobody seems to have; the first ones anywhere. */
const MOST_LOOKS: u32 = 8;
const FIRST_LOOKS: u32 = 4;
const PORT_BITS: u32 = 16;
const PORT_MASK: u32 = 0xffff;
const IDS: u32 = 65536;
/** Classes of privileged ports, features NA-1. */
const RESERVED_END: u32 = 512;
const PRIVILEGED_START: u32 = 600;
const PRIVILEGED_END: u32 = 1024;

/** Asks the nat table before routing. */
export function bindDestination(core: Core, p: Packet, t: Passage): Drop {
  if (!askNat(core, t, Hook.NatPrerouting)) {
    bindEndpoint(core, p, t);
    return Drop.None;
  }
  const s = Subject.at(core.subject);
  const isRedirect = s.natKind == NatKind.Redirect;
  if (isRedirect) t.newDestination = bswap<u32>(t.iface.ipv4);
  else if ((s.natFlags & NatFlag.Addresses) != 0) {
    const isPersistent = (s.natFlags & NatFlag.Persistent) != 0;
    t.newDestination = pick(core, s, t.source, isPersistent ? 0 : t.destination);
  }
  if (t.newDestination == 0) return exhausted(t);
  if (hasPorts(t.protocol) && (s.natFlags & NatFlag.Ports) != 0) {
    const old = hostOf(t.newPorts >>> PORT_BITS);
    const port = destinationPort(core, s, t, old);
    t.newPorts = (t.newPorts & PORT_MASK) | (wireOf(port) << PORT_BITS);
  }
  t.binding |= FlowStatus.DestinationNat;
  setDestination(core, t, t.newDestination, t.newPorts);
  if (p.has(RxFlag.Trace)) traceDestination(core, p, t);
  return Drop.None;
}

function destinationPort(core: Core, s: Subject, t: Passage, old: u32): u32 {
  const first = s.natPortFirst;
  const ports = s.natPortLast - first + 1;
  if ((s.natFlags & NatFlag.Base) != 0) return (first + old - s.natPortBase) & PORT_MASK;
  if (ports == 1) return first;
  if (old >= first && old <= s.natPortLast) return old;
  return first + <u32>(mix(t.hash ^ core.salt) % ports);
}

/** Asks the nat table after routing. */
export function bindSource(core: Core, p: Packet, t: Passage): Drop {
  if (!askNat(core, t, Hook.NatPostrouting)) {
    if (isTurnedBack(t)) return bindTurnedBack(core, p, t);
    return isFree(core, t, t.newSource, t.newPorts) ? Drop.None : exhausted(t);
  }
  const s = Subject.at(core.subject);
  if (s.natKind == NatKind.Masquerade) {
    const i = t.out.speakerTo(IPV4_HEAD, bswap<u32>(t.newDestination));
    if (i == t.out.addressCount) return exhausted(t);
    t.newSource = bswap<u32>(<u32>t.out.addressTail(i));
    t.masquerade = t.out.index + 1;
  } else if ((s.natFlags & NatFlag.Addresses) != 0) t.newSource = pick(core, s, t.source, 0);
  return bindPort(core, p, t);
}

/** Whether the packet comes from a neighbour of the mapped endpoint that it is sent to. */
function isTurnedBack(t: Passage): bool {
  return (t.binding & FlowStatus.MappedDestination) != 0 && t.out == t.iface;
}

/** RFC 4787 REQ-9: to its neighbour the source is what it is to everybody outside. */
function bindTurnedBack(core: Core, p: Packet, t: Passage): Drop {
  t.newSource = t.destination;
  return bindPort(core, p, t);
}

/** The port that goes with `t.newSource`. */
function bindPort(core: Core, p: Packet, t: Passage): Drop {
  const isChosen = mapsEndpoints(t) ? mapPort(core, t) : choosePort(core, t);
  if (!isChosen) return exhausted(t);
  t.binding |= FlowStatus.SourceNat;
  if (p.has(RxFlag.Trace)) {
    const ports = (t.ports << PORT_BITS) | (t.newPorts & PORT_MASK);
    say(note(core, p, Node.Zone, Trace.SourceTranslated), t.source, t.newSource, ports);
  }
  return Drop.None;
}

/** The port of the source's mapping, or one for a new mapping. */
function mapPort(core: Core, t: Passage): bool {
  const flows = Flows.at(core.flows);
  t.binding |= FlowStatus.MappedSource;
  if (t.zone.filtering == <u32>Filtering.Address) t.binding |= FlowStatus.Permitted;
  const port = mappedPort(flows, t.source, t.ports & PORT_MASK, t.newSource, t.scope);
  if (port > PORT_MASK) return choosePort(core, t);
  t.newPorts = (t.newPorts & ~PORT_MASK) | port;
  return isAnswerFree(core, t, t.newSource, t.newPorts);
}

function exhausted(t: Passage): Drop {
  count(t.zone.counters, ZoneCounter.PortsExhausted, 1);
  return Drop.PortsExhausted;
}

/** An address of the range that the rule names, as on the wire. */
function pick(core: Core, s: Subject, source: u32, destination: u32): u32 {
  const first = <u32>s.natFirstTail;
  const addresses = <u32>s.natLastTail - first + 1;
  if (addresses <= 1) return bswap<u32>(first);
  const hash = mix(((<u64>source) | ((<u64>destination) << 32)) ^ core.salt);
  return bswap<u32>(first + <u32>(hash % addresses));
}

/** Whether a source is no one else's: neither answers to it nor what is sent to its endpoint. */
function isFree(core: Core, t: Passage, source: u32, ports: u32): bool {
  if (mapsEndpoints(t)) {
    const other = endpointAt(Flows.at(core.flows), source, ports & PORT_MASK, t.scope);
    if (changetype<usize>(other) != 0) return false;
  }
  return isAnswerFree(core, t, source, ports);
}

/** Whether the answers to a source can be told from those of all other flows. */
function isAnswerFree(core: Core, t: Passage, source: u32, ports: u32): bool {
  const flows = Flows.at(core.flows);
  const back = turned(ports, t.protocol);
  const hash = flows.hash(t.newDestination, source, back, t.scope);
  const line = flows.find(hash, t.newDestination, source, back, t.scope);
  if (changetype<usize>(line) == 0) return true;
  if (flowLeftMs(core, line) != 0) return false;
  endFlow(core, line);
  return true;
}

/** Finds a source port, or ICMP identifier, for `t.newSource`. */
function choosePort(core: Core, t: Passage): bool {
  const s = Subject.at(core.subject);
  const isIcmp = t.protocol == PROTOCOL_ICMP;
  if (!hasPorts(t.protocol) && !isIcmp) return isFree(core, t, t.newSource, t.newPorts);
  const old = hostOf(t.newPorts);
  let first: u32 = 0;
  let last: u32 = IDS - 1;
  const isGiven = !isIcmp && (s.natFlags & NatFlag.Ports) != 0;
  if (isGiven) {
    first = s.natPortFirst;
    last = s.natPortLast;
  }
  const isRandom = (s.natFlags & (NatFlag.Random | NatFlag.RandomFully)) != 0;
  const select: u32 = isRandom ? PortSelect.Random : t.zone.portSelect;
  const isPreserved = select == PortSelect.Preserve && old >= first && old <= last;
  if (isPreserved && (isIcmp || old != 0) && isFree(core, t, t.newSource, t.newPorts)) return true;
  if (!isGiven && !isIcmp) {
    first = firstPortFor(t, old);
    last = lastPortFor(t, old);
  }
  return searchPort(core, t, first, last - first + 1, select, old);
}

function firstPortFor(t: Passage, old: u32): u32 {
  if (old >= PRIVILEGED_END || old == 0) return t.zone.firstPort;
  return old < RESERVED_END ? 1 : PRIVILEGED_START;
}

function lastPortFor(t: Passage, old: u32): u32 {
  if (old >= PRIVILEGED_END || old == 0) return t.zone.lastPort;
  return old < RESERVED_END ? RESERVED_END - 1 : PRIVILEGED_END - 1;
}

/** Tries ports of a range; of a large one those of the old one's parity. */
function searchPort(core: Core, t: Passage, first: u32, size: u32, select: u32, old: u32): bool {
  const zone = t.zone;
  if (select == PortSelect.Sequential) {
    const start =
      zone.nextPort >= first && zone.nextPort - first < size ? zone.nextPort - first : 0;
    for (let i: u32 = 0; i < min(size, MOST_TRIES); i++) {
      const port = first + ((start + i) % size);
      if (!take(core, t, port)) continue;
      zone.nextPort = port + 1;
      return true;
    }
    return false;
  }
  zone.nextPort++;
  const random = mix(t.hash ^ core.salt ^ (<u64>zone.nextPort));
  if (size < MOST_TRIES) {
    for (let i: u32 = 0; i < size; i++) {
      if (take(core, t, first + ((<u32>random + i) % size))) return true;
    }
    return false;
  }
  if (tryHinted(core, t, first, size, random, old)) return true;
  const base = first + ((first ^ old) & 1);
  const half = (first + size - base + 1) >> 1;
  return (
    tryPorts(core, t, base, half, random, false) || tryPorts(core, t, base, half, random, true)
  );
}

/** Tries ports of the old one's parity that no flow seems to have, towards any destination. */
function tryHinted(core: Core, t: Passage, first: u32, size: u32, random: u64, old: u32): bool {
  const hints = PortHints.at(core.portHints);
  const start = hints.startOf(t.newSource, t.scope);
  const last = first + size - 1;
  for (let i: u32 = 0; i < MOST_LOOKS; i++) {
    const at = first + <u32>(((mix(random + i) >> 32) * size) >> 32);
    let near = (at & ~1) | (old & 1);
    if (i >= FIRST_LOOKS) near = hints.skipFull(start, near, last);
    if (near == NO_PORT) near = hints.skipFull(start, (first & ~1) | (old & 1), last);
    if (near == NO_PORT) return false;
    const port = hints.pick(start, near, first, last);
    if (port == NO_PORT) continue;
    if (take(core, t, port)) return true;
    hints.mark(start, port); // a flow has it that was not translated
  }
  return false;
}

/**
 * Tries ports `base` + 2 * n, n below `half`. The first time round those of which the index
 * says that they are free; else also those of flows that have died and were not swept yet.
 */
function tryPorts(
  core: Core,
  t: Passage,
  base: u32,
  half: u32,
  random: u64,
  looksCloser: bool,
): bool {
  const flows = Flows.at(core.flows);
  for (let i: u32 = 0; i < MOST_TRIES; i++) {
    const at = <u32>(((mix(random + i) >> 32) * half) >> 32);
    const ports = (t.newPorts & ~PORT_MASK) | wireOf(base + 2 * at);
    const back = turned(ports, t.protocol);
    const hash = flows.hash(t.newDestination, t.newSource, back, t.scope);
    if (!looksCloser && flows.mayHave(hash)) continue;
    if (!isFree(core, t, t.newSource, ports)) continue;
    t.newPorts = ports;
    return true;
  }
  return false;
}

/** Takes a port if it is free. */
function take(core: Core, t: Passage, port: u32): bool {
  const ports = (t.newPorts & ~PORT_MASK) | wireOf(port);
  if (!isFree(core, t, t.newSource, ports)) return false;
  t.newPorts = ports;
  return true;
}

function hostOf(port: u32): u32 {
  return bswap<u16>(<u16>(port & PORT_MASK));
}

function wireOf(port: u32): u32 {
  return bswap<u16>(<u16>port);
}
