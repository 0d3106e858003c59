/**
 * Books of balanced flows: how many connections a backend has, established or not (features
 * VS-4, VS-8), which clients are held to it, and what its packets are counted on.
 */
import { Core } from '../memory';
import { Purpose, holdAffinity, ownerOf, releaseAffinity } from '../table/affinity';
import { Backend } from '../table/backend';
import { FlowLine, FlowState } from '../table/flow-line';
import { rerank } from '../table/ranking';
import { Service, backendOf } from '../table/service';
import { countOnBackend, holdShare, releaseShare } from '../table/share';
import { FlowStatus, TcpState } from '../zone-abi';
import { Passage } from './passage';

const ADDRESS_BITS: u32 = 32;

/** What persistence knows a client by; addresses as loaded from the wire. */
export function clientKey(service: Service, source: u32): u32 {
  const bits = service.maskBits;
  return bits == 0 ? 0 : source & bswap<u32>(0xffffffff << (ADDRESS_BITS - bits));
}

/** The flow that has just begun is a connection of a backend. */
export function joinBackend(core: Core, t: Passage, backend: Backend): void {
  const state = t.state;
  const service = Service.at(core.services, backend.service - 1);
  const isActive = !t.isTcp || state.tcpState == TcpState.Established;
  state.backend = backend.reference;
  if (backend.isDirect) state.set(FlowStatus.OneWay);
  if (isActive) state.set(FlowStatus.Active);
  backend.connections++;
  backend.addConnection(isActive);
  rerank(core, backend);
  if (service.persistenceMs == 0) return;
  const owner = ownerOf(service, Purpose.Persistence);
  if (holdAffinity(core, owner, clientKey(service, t.source), backend.reference)) {
    state.set(FlowStatus.Affine);
  }
}

/** A flow of a backend, by its original line, ends. */
export function leaveBackend(core: Core, line: FlowLine, state: FlowState): void {
  releaseShare(core, line.path);
  releaseShare(core, line.other.path);
  const backend = backendOf(core, state.backend);
  if (changetype<usize>(backend) == 0) return;
  backend.removeConnection(state.has(FlowStatus.Active));
  rerank(core, backend);
  if (!state.has(FlowStatus.Affine)) return;
  const service = Service.at(core.services, backend.service - 1);
  const owner = ownerOf(service, Purpose.Persistence);
  releaseAffinity(core, owner, clientKey(service, line.source), backend.reference);
}

/** A TCP connection has come to be established, or no longer is. */
export function bookState(core: Core, state: FlowState): void {
  const isActive = state.tcpState == TcpState.Established;
  if (isActive == state.has(FlowStatus.Active)) return;
  state.status ^= <u16>FlowStatus.Active;
  const backend = backendOf(core, state.backend);
  if (changetype<usize>(backend) == 0) return;
  backend.removeConnection(!isActive);
  backend.addConnection(isActive);
  rerank(core, backend);
}

/**
 * What the line's next packets count on, which this one's path of rules is known of: a share,
 * or 0 where there is none; then the packet is counted here. `isKept`: it holds for the next.
 */
export function shareFor(core: Core, t: Passage, isKept: bool, path: u32): u32 {
  const backend = backendOf(core, t.state.backend);
  if (changetype<usize>(backend) == 0) return isKept ? path : 0;
  const share = isKept ? holdShare(core, backend, t.isReply != 0, path) : 0;
  if (share == 0) countOnBackend(backend, t.isReply != 0, 1, t.total);
  return share;
}
