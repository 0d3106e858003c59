/**
 * Ranking: which backend of a service is least loaded by its weight, kept as connections come
 * and go: a tournament in a block (blocks.ts). Node 1 has the winner, node i the better of
 * nodes 2i and 2i + 1; behind the nodes come the places of the list, in order. A change plays
 * again on the way from its place to the top, so a choice costs the same for a thousand
 * backends; of equals the one that comes first wins, as in a look at all of them.
 *
 * Services whose scheduler asks for no such thing have none, nor those that found no room:
 * balance/least.ts looks at all backends then.
 */
import { Core } from '../memory';
import { Scheduler } from '../service-abi';
import { Backend } from './backend';
import { Blocks } from './blocks';
import { Service } from './service';

const WORD: u32 = 4;
const NOBODY: u32 = 0xffffffff;
/** Fewer are looked at all at once. */
const LEAST_MEMBERS: u32 = 8;

/** Whether `one` gets a connection rather than `other`, which comes behind it; both may. */
export function isBetter(scheduler: u32, one: Backend, other: Backend): bool {
  switch (scheduler) {
    case Scheduler.LeastConnection:
      return one.overhead <= other.overhead;
    case Scheduler.ShortestExpectedDelay:
      return (<u64>one.active + 1) * other.weight <= (<u64>other.active + 1) * one.weight;
    default:
      return one.overhead * other.weight <= other.overhead * one.weight;
  }
}

function isRanked(scheduler: u32): bool {
  return (
    scheduler == Scheduler.LeastConnection ||
    scheduler == Scheduler.WeightedLeastConnection ||
    scheduler == Scheduler.ShortestExpectedDelay ||
    scheduler == Scheduler.Locality ||
    scheduler == Scheduler.LocalityReplicated
  );
}

/** Makes the ranking of a service anew: its list or scheduler is another one. */
export function rank(core: Core, service: Service): void {
  const blocks = Blocks.at(core.balanceBlocks);
  blocks.giveBack(service.ranking);
  service.ranking = 0;
  const count = service.memberCount;
  for (let place: u32 = 0; place < count; place++) service.member(core, place).place = place;
  if (count < LEAST_MEMBERS || !isRanked(service.scheduler)) return;
  const leaves = leavesOf(count);
  service.ranking = blocks.take(leaves * WORD);
  if (service.ranking == 0) return;
  for (let node = leaves; --node > 0;) play(core, service, node, leaves);
}

/** A backend's load, weight or limit is another one. */
export function rerank(core: Core, backend: Backend): void {
  const service = Service.at(core.services, backend.service - 1);
  if (service.ranking == 0) return;
  if (backend.place >= service.memberCount || service.member(core, backend.place) != backend)
    return;
  const leaves = leavesOf(service.memberCount);
  for (let node = (leaves + backend.place) >> 1; node > 0; node >>= 1) {
    play(core, service, node, leaves);
  }
}

/** The best of all; null: nobody can take anything. The service has a ranking. */
export function bestOf(core: Core, service: Service): Backend {
  const place = load<u32>(service.ranking, WORD);
  return place == NOBODY ? changetype<Backend>(0) : service.member(core, place);
}

function leavesOf(count: u32): u32 {
  return 1 << (32 - clz(count - 1));
}

function play(core: Core, service: Service, node: u32, leaves: u32): void {
  const left = placeIn(core, service, 2 * node, leaves);
  const right = placeIn(core, service, 2 * node + 1, leaves);
  let winner = left;
  if (left == NOBODY) winner = right;
  else if (right != NOBODY) {
    const one = service.member(core, left);
    const other = service.member(core, right);
    if (!isBetter(service.scheduler, one, other)) winner = right;
  }
  store<u32>(service.ranking + ((<usize>node) << 2), winner);
}

function placeIn(core: Core, service: Service, node: u32, leaves: u32): u32 {
  if (node < leaves) return load<u32>(service.ranking + ((<usize>node) << 2));
  const place = node - leaves;
  if (place >= service.memberCount) return NOBODY;
  return service.member(core, place).isAvailable ? place : NOBODY;
}
