/**
 * Affinities: which backend of a service a client, or a destination, has been given (features
 * VS-9; lblc). Entries of the flow table under a scope that no packet has, found, moved and
 * given back like flows; not given up for others, and not counted as flows of a zone.
 *
 * One lasts as long as flows hold it, and then for the service's time; the sweep of flows takes
 * it out. One whose backend is gone is over.
 *
 * Key: an address, masked, and whose it is: `ownerOf` a service and a purpose. Of the state
 * `holders` is the backend's reference and `mark` counts the flows that hold it; of the line `newPorts` is how long it lasts, in
 * milliseconds. Of the other line 32 bytes are free for the owner.
 */
import { Core } from '../memory';
import { Backend } from './backend';
import { Flows } from './flow';
import { AFFINITY_SCOPE, FlowLine } from './flow-line';
import { Service, backendOf } from './service';
import { FlowStatus } from '../zone-abi';

/** Tells the two lines of an entry apart. */
const BACK: u32 = 1;

/** What is remembered. */
export enum Purpose {
  Persistence = 0, // of clients
  Locality, // of destinations: lblc, lblcr
}

export function ownerOf(service: Service, purpose: Purpose): u32 {
  return (service.index << 1) | (<u32>purpose);
}

/** The entry of a key; null: there is none, or it is over. */
export function affinityOf(core: Core, owner: u32, key: u32): FlowLine {
  const line = entryOf(core, owner, key);
  if (changetype<usize>(line) == 0 || leftMs(core, line) != 0) return line;
  Flows.at(core.flows).remove(line);
  return changetype<FlowLine>(0);
}

function entryOf(core: Core, owner: u32, key: u32): FlowLine {
  const flows = Flows.at(core.flows);
  return flows.find(flows.hash(key, owner, 0, AFFINITY_SCOPE), key, owner, 0, AFFINITY_SCOPE);
}

/** The backend that a key has been given; null: none, or it is gone. */
export function rememberedFor(core: Core, owner: u32, key: u32): Backend {
  const line = affinityOf(core, owner, key);
  if (changetype<usize>(line) == 0) return changetype<Backend>(0);
  return backendOf(core, Flows.at(core.flows).stateOf(line).holders);
}

/** Gives a key a backend for some time from now on. Its entry; null: the table is full. */
export function remember(
  core: Core,
  owner: u32,
  key: u32,
  backend: Backend,
  lifeMs: u32,
): FlowLine {
  let line = affinityOf(core, owner, key);
  if (changetype<usize>(line) == 0) line = begin(core, owner, key);
  if (changetype<usize>(line) == 0) return line;
  const state = Flows.at(core.flows).stateOf(line);
  if (state.holders != backend.reference) state.mark = 0; // nobody holds the new one yet
  state.holders = backend.reference;
  line.newPorts = lifeMs;
  line.seenMs = core.nowMs;
  return line;
}

function begin(core: Core, owner: u32, key: u32): FlowLine {
  const flows = Flows.at(core.flows);
  const line = flows.take();
  if (changetype<usize>(line) == 0) return line;
  const back = line.other;
  line.source = back.destination = key;
  line.destination = back.source = owner;
  back.ports = BACK;
  line.scope = back.scope = AFFINITY_SCOPE;
  flows.stateOf(line).set(FlowStatus.Assured); // not given up for others
  Service.at(core.services, owner >>> 1).hasAffinities = 1;
  if (flows.enter(line)) return line;
  flows.giveBack(line);
  return changetype<FlowLine>(0);
}

/** A flow goes by it from now on. False: there is no such entry. */
export function holdAffinity(core: Core, owner: u32, key: u32, reference: u32): bool {
  const line = entryOf(core, owner, key);
  if (changetype<usize>(line) == 0) return false;
  const state = Flows.at(core.flows).stateOf(line);
  if (state.holders != reference) return false;
  state.mark++;
  return true;
}

/** Such a flow has ended. Its time begins with the end of the last. */
export function releaseAffinity(core: Core, owner: u32, key: u32, reference: u32): void {
  const line = entryOf(core, owner, key);
  if (changetype<usize>(line) == 0) return;
  const state = Flows.at(core.flows).stateOf(line);
  if (state.holders != reference || state.mark == 0) return;
  state.mark--;
  line.seenMs = core.nowMs;
}

/** Whether the sweep may take the entry of a line out. */
export function isAffinityOver(core: Core, line: FlowLine): bool {
  const own = line.original;
  const backend = backendOf(core, Flows.at(core.flows).stateOf(own).holders);
  return changetype<usize>(backend) == 0 || leftMs(core, own) == 0;
}

/** Milliseconds until an entry is over; `line` is its original. */
export function leftMs(core: Core, line: FlowLine): u32 {
  const lifeMs = line.newPorts;
  if (Flows.at(core.flows).stateOf(line).mark != 0) return lifeMs;
  const silentMs = core.nowMs - line.seenMs;
  return silentMs < lifeMs ? lifeMs - silentMs : 0;
}

/** Takes out all entries of an owner: a look at the whole table, if there ever was one. */
export function forgetAffinities(core: Core, owner: u32): void {
  if (Service.at(core.services, owner >>> 1).hasAffinities == 0) return;
  const flows = Flows.at(core.flows);
  for (let entry: u32 = 0; entry < flows.touched; entry++) {
    const line = flows.lineOf(entry);
    if (line.scope == AFFINITY_SCOPE && line.destination == owner) flows.remove(line);
  }
}
