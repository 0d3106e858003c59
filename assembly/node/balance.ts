/**
 * Balance: leads a connection to a virtual IP to one of the backends behind it (features VS-2,
 * VS-3). It stands where IPVS does: what is for the zone itself and passed INPUT goes to a
 * service's backend, by POSTROUTING. The answers, of translated connections, pass FORWARD as
 * those of any flow. A connection is one entry of the flow table, so an established one takes
 * the short way of track.ts.
 *
 * A first packet looks for a service by its mark, by address and port, by address alone. In the
 * middle of a connection only schedulers that hash go on where a lost table left off.
 *
 * Drops: NoBackend, and those of route.ts, bind.ts, flows.ts and leave.ts.
 */
import { Drop, Family, Node, RxFlag, Trace } from '../abi';
import { choose, isByHash } from '../balance/choose';
import { Core, count } from '../memory';
import { Packet } from '../packet';
import { Hook, State } from '../rules-abi';
import { Subject } from '../rules/subject';
import { ChoiceReason, NoBackendPolicy, ServiceFlag } from '../service-abi';
import { Purpose, ownerOf, remember, rememberedFor } from '../table/affinity';
import { Backend } from '../table/backend';
import { FlowLine, FlowState } from '../table/flow-line';
import { IPV4_HEAD } from '../table/neighbour';
import { Service, serviceAt, serviceOfMark } from '../table/service';
import { FIRST_SHARE, backendOfShare } from '../table/share';
import { note, say, sayFourth } from '../trace';
import { TCP_ACK, TCP_SYN } from '../wire/tcp';
import { FlowStatus, ZoneCounter } from '../zone-abi';
import { clientKey, joinBackend } from './balance-books';
import { bindSource } from './bind';
import { UNREACHABLE_PORT, tellReset, tellUnreachable } from './errors';
import { begins } from './follow';
import { beginFlow, endFlow } from './flows';
import { leave } from './leave';
import { Passage, hasPorts } from './passage';
import { routeTo } from './route';
import { ask, conclude, markBalanced, setDestination } from './rules';

/** No service has it: it is for the zone itself. */
export const NOT_BALANCED: Drop = <Drop>0xfffe;
const PORT_BITS: u32 = 16;
const PORT_MASK: u32 = 0xffff;
const SCHEDULER_SHIFT: u32 = 8;
const MEMBERS_SHIFT: u32 = 16;

/** What becomes of a packet that passed INPUT, or NOT_BALANCED. */
export function balance(core: Core, p: Packet, t: Passage): Drop {
  if (isBalanced(t)) {
    const kept = backendOfShare(core, t.line.path);
    if (p.has(RxFlag.Trace)) traceChoice(core, p, kept, ChoiceReason.Kept);
    return leadTo(core, p, t, kept);
  }
  if (t.isIpv6 != 0) return NOT_BALANCED; // services are of IPv4
  const isFirst = t.ctState == State.New && changetype<usize>(t.line) == 0;
  if (!isFirst || t.zone.serviceKeys == 0 || !hasPorts(t.protocol)) return NOT_BALANCED;
  const service = serviceFor(core, t);
  if (changetype<usize>(service) == 0) return NOT_BALANCED;
  const isSyn = (t.tcpFlags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  if (t.isTcp && !isSyn && !isByHash(service.scheduler)) return NOT_BALANCED;
  const backend = pick(core, p, t, service);
  if (changetype<usize>(backend) == 0) {
    service.refused++;
    tellUnreachable(core, p, t, UNREACHABLE_PORT, 0);
    return Drop.NoBackend;
  }
  if (!backend.isDirect) rewriteFor(t, backend);
  return leadTo(core, p, t, backend);
}

/** Whether the packet is a client's, of a connection that a service has led somewhere. */
export function isBalanced(t: Passage): bool {
  return changetype<usize>(t.line) != 0 && t.isReply == 0 && t.line.path >= FIRST_SHARE;
}

function serviceFor(core: Core, t: Passage): Service {
  const zone = t.zone.index;
  const mark = Subject.at(core.subject).mark;
  if (mark != 0) {
    const marked = serviceOfMark(core, zone, Family.Ipv4, mark);
    if (changetype<usize>(marked) != 0) return marked;
  }
  const address = bswap<u32>(t.newDestination);
  const port = bswap<u16>(<u16>(t.newPorts >>> PORT_BITS));
  const exact = serviceAt(core, zone, IPV4_HEAD, address, t.protocol, port);
  if (changetype<usize>(exact) != 0) return exact;
  return serviceAt(core, zone, IPV4_HEAD, address, t.protocol, 0);
}

/** The backend for a new connection: the client's own, or the scheduler's choice. */
function pick(core: Core, p: Packet, t: Passage, service: Service): Backend {
  const owner = ownerOf(service, Purpose.Persistence);
  const client = clientKey(service, t.source);
  const isPersistent = service.persistenceMs != 0;
  let backend = changetype<Backend>(0);
  if (isPersistent) backend = rememberedFor(core, owner, client);
  // One that takes nothing more keeps its connections, and not its clients: features VS-12.
  const isKept = changetype<usize>(backend) != 0 && backend.weight != 0;
  if (!isKept) {
    const port = bswap<u16>(<u16>t.ports);
    backend = choose(core, service, t.source, port, t.newDestination);
  }
  if (changetype<usize>(backend) == 0) return backend;
  if (isPersistent) remember(core, owner, client, backend, service.persistenceMs);
  const reason = isKept ? ChoiceReason.Persistent : ChoiceReason.Scheduled;
  if (p.has(RxFlag.Trace)) traceChoice(core, p, backend, reason);
  return backend;
}

function rewriteFor(t: Passage, backend: Backend): void {
  t.newDestination = bswap<u32>(<u32>backend.tail);
  if (backend.port != 0 && hasPorts(t.protocol)) {
    const port: u32 = bswap<u16>(<u16>backend.port);
    t.newPorts = (t.newPorts & PORT_MASK) | (port << PORT_BITS);
  }
  t.binding |= FlowStatus.DestinationNat;
}

/** Sends the packet on its way to a backend. */
function leadTo(core: Core, p: Packet, t: Passage, backend: Backend): Drop {
  const isNew = changetype<usize>(t.line) == 0;
  if (!isNew) {
    t.newDestination = t.line.newDestination;
    t.newPorts = t.line.newPorts;
  }
  setDestination(core, t, t.newDestination, t.newPorts);
  let refused = routeTo(core, p, t, backend.head, backend.tail);
  markBalanced(core);
  if (refused == Drop.None) refused = ask(core, p, t, Hook.ManglePostrouting);
  if (refused == Drop.None && isNew && !backend.isDirect) refused = bindSource(core, p, t);
  if (refused == Drop.None && isNew) refused = beginFlow(core, p, t);
  if (refused != Drop.None) return refused;
  if (isNew && !joinBackend(core, t, backend)) return giveUp(core, t);
  conclude(core, t, isNew);
  const line = t.line;
  const isOnly = Service.at(core.services, backend.service - 1).has(ServiceFlag.OnePacket);
  refused = leave(core, p, t);
  if (isOnly && isNew) endFlow(core, line);
  return refused;
}

/** There is no share for the flow: without it nobody would know whose it is. */
function giveUp(core: Core, t: Passage): Drop {
  endFlow(core, t.line);
  t.line = changetype<FlowLine>(0);
  count(t.zone.counters, ZoneCounter.FlowsFull, 1);
  return Drop.FlowsFull;
}

/**
 * What becomes of a client's packet whose backend was taken away (features VS-11). Drop.None:
 * it has no flow now, and begins another.
 */
export function lose(core: Core, p: Packet, t: Passage): Drop {
  const policy = t.zone.noBackend;
  if (policy == NoBackendPolicy.Drop) return Drop.NoBackend;
  endFlow(core, t.line);
  t.line = changetype<FlowLine>(0);
  t.state = changetype<FlowState>(0);
  if (policy == NoBackendPolicy.Expire) return Drop.NoBackend;
  const isFirst = !t.isTcp || (t.tcpFlags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  if (policy == NoBackendPolicy.Reschedule && isFirst && begins(t)) return Drop.None;
  if (t.isTcp) tellReset(core, p, t);
  else tellUnreachable(core, p, t, UNREACHABLE_PORT, 0);
  return Drop.NoBackend;
}

function traceChoice(core: Core, p: Packet, backend: Backend, reason: ChoiceReason): void {
  const service = Service.at(core.services, backend.service - 1);
  let available: u32 = 0;
  for (let place: u32 = 0; place < service.memberCount; place++) {
    if (service.member(core, place).isAvailable) available++;
  }
  const at = note(core, p, Node.Service, Trace.Balanced);
  say(at, service.index, backend.index, reason | (service.scheduler << SCHEDULER_SHIFT));
  sayFourth(at, available | (service.memberCount << MEMBERS_SHIFT));
}
