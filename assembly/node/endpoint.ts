/**
 * Endpoint: leads what is sent to a mapped external endpoint to the inside endpoint behind it,
 * in zones that map endpoints (table/mapping.ts), where no rule says anything else. A TCP
 * connection from outside begins with a SYN only.
 */
import { Node, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { Flows } from '../table/flow';
import { FlowLine } from '../table/flow-line';
import { endpointAt, isPermitted } from '../table/mapping';
import { ZONE_MAPS_ENDPOINTS } from '../table/zone';
import { note } from '../trace';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4';
import { TCP_SYN } from '../wire/tcp';
import { Filtering, FlowStatus } from '../zone-abi';
import { keepWord, sayBecomes } from './addresses';
import { Passage } from './passage';
import { nextHopTo } from './route';
import { setDestination } from './rules';

const PORT_BITS: u32 = 16;
const PORT_MASK: u32 = 0xffff;

/** Notes what a destination has become. */
export function traceDestination(core: Core, p: Packet, t: Passage): void {
  const ports = (t.ports & ~PORT_MASK) | (t.newPorts >>> PORT_BITS);
  const at = note(core, p, Node.Zone, Trace.DestinationTranslated);
  sayBecomes(core, t, at, t.destination, t.newDestination, ports);
}

/** Leads the packet to the inside endpoint that is mapped to where it is sent, if it may. */
export function bindEndpoint(core: Core, p: Packet, t: Passage): void {
  const isBeginning = !t.isTcp || (t.tcpFlags & TCP_SYN) != 0;
  if (!isBeginning || !mapsEndpoints(t)) return;
  const mapping = endpointAt(Flows.at(core.flows), t.destination, t.ports >>> PORT_BITS, t.scope);
  if (changetype<usize>(mapping) == 0 || !isAdmitted(core, t, mapping)) return;
  t.newDestination = keepWord(core, t, mapping.source);
  t.newPorts = (t.newPorts & PORT_MASK) | (mapping.ports << PORT_BITS);
  t.masquerade = Flows.at(core.flows).stateOf(mapping).masquerade;
  t.binding |= FlowStatus.DestinationNat | FlowStatus.MappedDestination;
  setDestination(core, t, t.newDestination, t.newPorts);
  if (p.has(RxFlag.Trace)) traceDestination(core, p, t);
}

/** RFC 4787 REQ-8; its neighbours, who could send to it at home, may always (REQ-9). */
function isAdmitted(core: Core, t: Passage, mapping: FlowLine): bool {
  const home = nextHopTo(core, t, mapping.source);
  if (changetype<usize>(home) != 0 && home.iface == t.iface.index) return true;
  if (t.zone.filtering == <u32>Filtering.Endpoint) return true;
  if (t.zone.filtering == <u32>Filtering.AddressAndPort) return false;
  return isPermitted(Flows.at(core.flows), mapping.source, mapping.ports, t.source, t.scope);
}

/** Whether the zone gives the packet's source one external endpoint for all destinations. */
export function mapsEndpoints(t: Passage): bool {
  if (!t.zone.has(ZONE_MAPS_ENDPOINTS)) return false;
  return t.protocol == PROTOCOL_TCP || t.protocol == PROTOCOL_UDP;
}
