/**
 * Books of balanced flows: how many connections a backend has, established or not (features
 * VS-4, VS-8), which clients are held to it, and what its packets are counted on. A flow knows
 * its backend by the shares that its lines hold (table/share.ts), from the first packet on.
 */
import { Core } from '../memory';
import { Purpose, holdAffinity, ownerOf, releaseAffinity } from '../table/affinity';
import { Backend } from '../table/backend';
import { FlowLine, FlowState } from '../table/flow-line';
import { rerank } from '../table/ranking';
import { Service } from '../table/service';
import { FIRST_SHARE, backendOfShare, countOn, holdShare, releaseShare } from '../table/share';
import { PROTOCOL_TCP } from '../wire/ipv4';
import { TcpState } from '../zone-abi';
import { Passage } from './passage';

const ADDRESS_BITS: u32 = 32;

/** What persistence knows a client by; addresses as loaded from the wire. */
export function clientKey(service: Service, source: u32): u32 {
  const bits = service.maskBits;
  return bits == 0 ? 0 : source & bswap<u32>(0xffffffff << (ADDRESS_BITS - bits));
}

/** The flow that has just begun is a connection of a backend. False: there is no share for it. */
export function joinBackend(core: Core, t: Passage, backend: Backend): bool {
  const line = t.line;
  line.path = holdShare(core, backend, false, 0);
  line.other.path = holdShare(core, backend, true, 0);
  if (line.path == 0 || line.other.path == 0) {
    releaseShare(core, line.path);
    releaseShare(core, line.other.path);
    line.path = line.other.path = 0;
    return false;
  }
  const service = Service.at(core.services, backend.service - 1);
  backend.connections++;
  backend.addConnection(isActive(line, t.state));
  rerank(core, backend);
  if (service.persistenceMs == 0) return true;
  const owner = ownerOf(service, Purpose.Persistence);
  holdAffinity(core, owner, clientKey(service, t.source), backend.reference);
  return true;
}

/** Established, or of a protocol that has no such thing. */
function isActive(line: FlowLine, state: FlowState): bool {
  return line.protocol != PROTOCOL_TCP || state.phase == TcpState.Established;
}

/** A flow ends, by its original line; if it is a backend's, that has one less. */
export function leaveBackend(core: Core, line: FlowLine, state: FlowState): void {
  if (line.path < FIRST_SHARE) return;
  const backend = backendOfShare(core, line.path);
  releaseShare(core, line.path);
  releaseShare(core, line.other.path);
  if (changetype<usize>(backend) == 0) return;
  backend.removeConnection(isActive(line, state));
  rerank(core, backend);
  const service = Service.at(core.services, backend.service - 1);
  if (service.persistenceMs == 0) return;
  const owner = ownerOf(service, Purpose.Persistence);
  releaseAffinity(core, owner, clientKey(service, line.source), backend.reference);
}

/** A TCP connection of a backend, in phase `before` until now, may have come to another. */
export function bookPhase(core: Core, t: Passage, before: u32): void {
  const is = t.state.phase == TcpState.Established;
  if (is == (before == TcpState.Established)) return;
  const backend = backendOfShare(core, t.line.original.path);
  if (changetype<usize>(backend) == 0) return;
  backend.removeConnection(!is);
  backend.addConnection(is);
  rerank(core, backend);
}

/**
 * What the line counts on from this packet on: the share of its backend and a path of rules, if
 * `isKept` says that path holds for the next one; else that of no path. Returns whether the
 * next packets may take the short way.
 */
export function changeShare(core: Core, t: Passage, isKept: bool, path: u32): bool {
  const line = t.line;
  const backend = backendOfShare(core, line.path);
  if (changetype<usize>(backend) == 0) {
    // Answers of a backend that is gone: counted on nobody.
    if (isKept && path != 0) countOn(core, path, 1, t.total);
    return false;
  }
  const share = holdShare(core, backend, t.isReply != 0, isKept ? path : 0);
  if (share != 0) {
    releaseShare(core, line.path);
    line.path = share;
    return isKept;
  }
  if (path != 0 && isKept) countOn(core, path, 1, t.total);
  return false;
}
