/**
 * Mappings: what an inside endpoint (address, port) is outside, to whomever it sends (RFC 4787
 * REQ-1, RFC 5382 REQ-1; features NA-5); and permits: to which addresses it has sent (RFC 4787
 * REQ-8). Of zones that map endpoints, for TCP and UDP.
 *
 * Both are entries of the flow table, under scopes that no packet has: found, moved and given
 * back like flows. A mapping's lines are inside endpoint → external address, and nobody →
 * external endpoint; a permit's inside endpoint → remote address, and back. They do not age:
 * each has a count of flows that hold it, and ends with the last. So it lasts until that is
 * found dead by a packet or the sweep. They are not given up for others, and not counted as
 * flows of their zone; a full table refuses them, and the flow with them.
 *
 * Addresses and ports as they are loaded from the wire; `scope` is a flow's.
 */
import { FlowStatus } from '../zone-abi';
import { Flows } from './flow';
import { FlowLine, FlowState, MAPPING_SCOPE, PERMIT_SCOPE } from './flow-line';

const PORT_SHIFT: u32 = 16;
const PORT_MASK: u32 = 0xffff;
const NONE: u32 = 0xffffffff;

/** Line of the mapping of an inside endpoint to an external address; null: it has none. */
function mappingOf(flows: Flows, inside: u32, port: u32, external: u32, scope: u32): FlowLine {
  const own = scope | MAPPING_SCOPE;
  return flows.find(flows.hash(inside, external, port, own), inside, external, port, own);
}

/** External port of an inside endpoint at an external address; 0xffffffff: it has none. */
export function mappedPort(flows: Flows, inside: u32, port: u32, external: u32, scope: u32): u32 {
  const line = mappingOf(flows, inside, port, external, scope);
  return changetype<usize>(line) == 0 ? NONE : line.newPorts;
}

/** Mapping of an external endpoint: `source` and `ports` are the inside's; null: there is none. */
export function endpointAt(flows: Flows, external: u32, port: u32, scope: u32): FlowLine {
  const own = scope | MAPPING_SCOPE;
  const ports = port << PORT_SHIFT;
  const line = flows.find(flows.hash(0, external, ports, own), 0, external, ports, own);
  return changetype<usize>(line) == 0 ? line : line.original;
}

/** Whether an inside endpoint has a flow to a remote address. */
export function isPermitted(flows: Flows, inside: u32, port: u32, remote: u32, scope: u32): bool {
  const own = scope | PERMIT_SCOPE;
  const hash = flows.hash(inside, remote, port, own);
  return changetype<usize>(flows.find(hash, inside, remote, port, own)) != 0;
}

/**
 * Holds what the flow of `line` rests on, of the FlowStatus bits in `wanted`: the mapping of
 * its source, of its destination, the permit of its destination. False: the table is full;
 * what is held then is let go with the flow.
 */
export function holdMappings(flows: Flows, line: FlowLine, wanted: u32): bool {
  const state = flows.stateOf(line);
  const held = FlowStatus.MappedSource | FlowStatus.MappedDestination | FlowStatus.Permitted;
  for (let bits = wanted & held; bits != 0; bits &= bits - 1) {
    const bit = bits & -bits;
    if (!hold(flows, line, bit)) return false;
    state.set(bit);
  }
  return true;
}

/** Lets go what a flow holds. */
export function releaseMappings(flows: Flows, line: FlowLine): void {
  const original = line.original;
  const state = flows.stateOf(original);
  if (state.has(FlowStatus.MappedSource))
    release(flows, heldBy(flows, original, FlowStatus.MappedSource));
  if (state.has(FlowStatus.MappedDestination)) {
    release(flows, heldBy(flows, original, FlowStatus.MappedDestination));
  }
  if (state.has(FlowStatus.Permitted))
    release(flows, heldBy(flows, original, FlowStatus.Permitted));
}

/** The entry that a flow, by its original line, holds or would hold; null: there is none. */
function heldBy(flows: Flows, line: FlowLine, bit: FlowStatus): FlowLine {
  if (bit == FlowStatus.MappedDestination) {
    const port = line.newPorts >>> PORT_SHIFT;
    return mappingOf(flows, line.newDestination, port, line.destination, line.scope);
  }
  const port = line.ports & PORT_MASK;
  if (bit == FlowStatus.MappedSource) {
    return mappingOf(flows, line.source, port, line.newSource, line.scope);
  }
  const own = line.scope | PERMIT_SCOPE;
  const hash = flows.hash(line.source, line.newDestination, port, own);
  return flows.find(hash, line.source, line.newDestination, port, own);
}

function hold(flows: Flows, line: FlowLine, bit: FlowStatus): bool {
  let entry = heldBy(flows, line, bit);
  if (changetype<usize>(entry) == 0) entry = begin(flows, line, bit);
  if (changetype<usize>(entry) == 0) return false;
  flows.stateOf(entry).holders++;
  return true;
}

/** Makes the entry that the flow wants; null: the table is full. */
function begin(flows: Flows, line: FlowLine, bit: FlowStatus): FlowLine {
  const none = changetype<FlowLine>(0);
  const entry = flows.take();
  if (changetype<usize>(entry) == 0) return none;
  const reply = entry.other;
  const isMapping = bit != FlowStatus.Permitted;
  const isInward = bit == FlowStatus.MappedDestination;
  entry.scope = reply.scope = line.scope | (isMapping ? MAPPING_SCOPE : PERMIT_SCOPE);
  entry.source = isInward ? line.newDestination : line.source;
  entry.ports = isInward ? line.newPorts >>> PORT_SHIFT : line.ports & PORT_MASK;
  if (isMapping) {
    entry.destination = isInward ? line.destination : line.newSource;
    entry.newPorts = isInward ? line.ports >>> PORT_SHIFT : line.newPorts & PORT_MASK;
    reply.source = 0;
    reply.destination = entry.destination;
    reply.ports = entry.newPorts << PORT_SHIFT;
  } else {
    entry.destination = reply.source = line.newDestination;
    reply.destination = entry.source;
    reply.ports = entry.ports << PORT_SHIFT;
  }
  const state: FlowState = flows.stateOf(entry);
  state.set(FlowStatus.Assured); // not given up for others
  state.masquerade = flows.stateOf(line).masquerade;
  if (flows.enter(entry)) return entry;
  flows.giveBack(entry);
  return none;
}

function release(flows: Flows, entry: FlowLine): void {
  if (changetype<usize>(entry) == 0) return;
  const state = flows.stateOf(entry);
  if (--state.holders == 0) flows.remove(entry);
}
