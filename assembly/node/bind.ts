/**
 * Bind: chooses what a new flow's addresses and ports become (features NA-1 to NA-5, RFC 4787
 * §4). How a source port is chosen is in port-choice.ts.
 *
 * An address of a range is chosen by a hash of the source: a host keeps its address (RFC 4787
 * REQ-2); a destination by source and destination, or with --persistent by the source alone.
 *
 * A zone that maps endpoints (table/mapping.ts) gives a source the external port it has at that
 * address already, whatever the destination; and what is sent to such a port goes to its
 * endpoint, as far as the zone's filtering admits (RFC 4787 REQ-1, REQ-8, REQ-9).
 *
 * Drops: PortsExhausted, FlowsFull.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core, count } from '../memory';
import { Packet } from '../packet';
import { Hook, NatFlag, NatKind } from '../rules-abi';
import { Subject } from '../rules/subject';
import { mix } from '../table/buckets';
import { Flows } from '../table/flow';
import { mappedPort } from '../table/mapping';
import { note } from '../trace';
import { Filtering, FlowStatus, ZoneCounter } from '../zone-abi';
import { sayBecomes, seedOf } from './addresses';
import { bindEndpoint, mapsEndpoints, traceDestination } from './endpoint';
import { Passage, hasPorts } from './passage';
import { pick, redirected, speakerOf } from './pick';
import { choosePort, hostOf, isAnswerFree, isFree, wireOf } from './port-choice';
import { askNat, setDestination, translates } from './rules';

const PORT_BITS: u32 = 16;
const PORT_MASK: u32 = 0xffff;

/** Asks the nat table before routing. */
export function bindDestination(core: Core, p: Packet, t: Passage): Drop {
  if (!askNat(core, t, Hook.NatPrerouting)) {
    bindEndpoint(core, p, t);
    return Drop.None;
  }
  const s = Subject.at(core.subject);
  const isRedirect = s.natKind == NatKind.Redirect;
  if (isRedirect) t.newDestination = redirected(core, t);
  else if ((s.natFlags & NatFlag.Addresses) != 0) {
    const isPersistent = (s.natFlags & NatFlag.Persistent) != 0;
    t.newDestination = pick(core, s, t, isPersistent ? 0 : seedOf(core, t, t.destination));
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
    return isFree(core, t, t.newSource, t.newPorts) ? Drop.None : bindApart(core, p, t);
  }
  const s = Subject.at(core.subject);
  if (s.natKind == NatKind.Masquerade) {
    t.newSource = speakerOf(core, t, t.out, t.newDestination);
    t.masquerade = t.out.index + 1;
  } else if ((s.natFlags & NatFlag.Addresses) != 0) t.newSource = pick(core, s, t, 0);
  if (t.newSource == 0) return exhausted(t);
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

/**
 * A flow that no rule translates and whose answers would be taken for another one's, as two
 * published ports lead to one: it gets a source port of its own, as in Linux.
 */
function bindApart(core: Core, p: Packet, t: Passage): Drop {
  if (!translates(core, t)) return exhausted(t);
  Subject.at(core.subject).natFlags = 0; // those of its destination
  return choosePort(core, t) ? bound(core, p, t) : exhausted(t);
}

/** The port that goes with `t.newSource`. */
function bindPort(core: Core, p: Packet, t: Passage): Drop {
  const isChosen = mapsEndpoints(t) ? mapPort(core, t) : choosePort(core, t);
  return isChosen ? bound(core, p, t) : exhausted(t);
}

function bound(core: Core, p: Packet, t: Passage): Drop {
  t.binding |= FlowStatus.SourceNat;
  if (p.has(RxFlag.Trace)) {
    const ports = (t.ports << PORT_BITS) | (t.newPorts & PORT_MASK);
    const at = note(core, p, Node.Zone, Trace.SourceTranslated);
    sayBecomes(core, t, at, t.source, t.newSource, ports);
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
  if (t.lacksAddress != 0) return Drop.FlowsFull;
  count(t.zone.counters, ZoneCounter.PortsExhausted, 1);
  return Drop.PortsExhausted;
}
