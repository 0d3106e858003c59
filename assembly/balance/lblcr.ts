/**
 * Locality with replication: a destination stays with a few backends, of which the least
 * loaded is taken. A busy set grows by one while somebody else is idle, up to MOST_REPLICAS;
 * one that has not grown for six minutes loses its most loaded (features VS-4).
 *
 * The set lies in the free bytes of the affinity's other line: references, the first REPLICAS.
 */
import { Core } from '../memory';
import { Purpose, affinityOf, ownerOf, remember } from '../table/affinity';
import { Backend } from '../table/backend';
import { FlowLine } from '../table/flow-line';
import { Service, backendOf } from '../table/service';
import { LOCALITY_MS, isOutdone } from './lblc';
import { chooseWeightedLeast } from './wlc';

const MOST_REPLICAS: u32 = 7;
const SHRINK_MS: u32 = 360000;
const SET_OFFSET: usize = offsetof<FlowLine>('newSource');

export function chooseReplicated(core: Core, service: Service, target: u32): Backend {
  const owner = ownerOf(service, Purpose.Locality);
  const line = affinityOf(core, owner, target);
  if (changetype<usize>(line) == 0) return beginSet(core, service, owner, target);
  const least = extreme(core, service, line, true);
  const isFit = changetype<usize>(least) != 0;
  if (isFit && !isOutdone(core, service, least)) {
    shrink(core, service, line);
    remember(core, owner, target, least, LOCALITY_MS);
    return least;
  }
  const added = chooseWeightedLeast(core, service);
  if (changetype<usize>(added) == 0) return added;
  add(core, service, line, added);
  remember(core, owner, target, added, LOCALITY_MS);
  return added;
}

function beginSet(core: Core, service: Service, owner: u32, target: u32): Backend {
  const first = chooseWeightedLeast(core, service);
  if (changetype<usize>(first) == 0) return first;
  const line = remember(core, owner, target, first, LOCALITY_MS);
  if (changetype<usize>(line) != 0) add(core, service, line, first);
  return first;
}

function placeAt(line: FlowLine, i: u32): usize {
  return changetype<usize>(line.other) + SET_OFFSET + ((<usize>i) << 2);
}

/** Member `i` of the set; null: none, or it is gone. */
function replica(core: Core, service: Service, line: FlowLine, i: u32): Backend {
  const backend = backendOf(core, load<u32>(placeAt(line, i)));
  if (changetype<usize>(backend) == 0 || backend.service == service.index + 1) return backend;
  return changetype<Backend>(0);
}

/** The least, or the most loaded of the set; of the least only those that can take more. */
function extreme(core: Core, service: Service, line: FlowLine, isLeast: bool): Backend {
  let best = changetype<Backend>(0);
  for (let i: u32 = 0; i < MOST_REPLICAS; i++) {
    const own = replica(core, service, line, i);
    if (changetype<usize>(own) == 0 || own.weight == 0) continue;
    if (isLeast && !own.isAvailable) continue;
    if (changetype<usize>(best) != 0) {
      const ours = own.overhead * best.weight;
      const theirs = best.overhead * own.weight;
      if (isLeast ? ours >= theirs : ours <= theirs) continue;
    }
    best = own;
  }
  return best;
}

/** Puts a backend into the set, in a free place or that of the most loaded. */
function add(core: Core, service: Service, line: FlowLine, backend: Backend): void {
  line.other.seenMs = core.nowMs; // when the set has grown
  let place: u32 = MOST_REPLICAS;
  for (let i: u32 = MOST_REPLICAS; i-- > 0;) {
    const own = replica(core, service, line, i);
    if (own == backend) return;
    if (changetype<usize>(own) == 0) place = i;
  }
  if (place == MOST_REPLICAS) place = placeOf(line, extreme(core, service, line, false));
  store<u32>(placeAt(line, place), backend.reference);
}

function placeOf(line: FlowLine, backend: Backend): u32 {
  if (changetype<usize>(backend) == 0) return 0;
  for (let i: u32 = 0; i < MOST_REPLICAS; i++) {
    if (load<u32>(placeAt(line, i)) == backend.reference) return i;
  }
  return 0;
}

function shrink(core: Core, service: Service, line: FlowLine): void {
  if (core.nowMs - line.other.seenMs < SHRINK_MS) return;
  let count: u32 = 0;
  for (let i: u32 = 0; i < MOST_REPLICAS; i++) {
    if (changetype<usize>(replica(core, service, line, i)) != 0) count++;
  }
  if (count < 2) return;
  store<u32>(placeAt(line, placeOf(line, extreme(core, service, line, false))), 0);
  line.other.seenMs = core.nowMs;
}
