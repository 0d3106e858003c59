/**
 * Weighted round robin, interleaved: rounds by falling weight, from the most to the common
 * divisor and again; each round visits those that weigh at least that much (features VS-4). A
 * backend of weight w is visited w times in a cycle, spread over it.
 */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';

export function chooseWeightedRoundRobin(core: Core, service: Service): Backend {
  // The rest of this round, and a whole one of the next weight that anybody has.
  const found = goRound(core, service, service.cursor);
  if (changetype<usize>(found) != 0) return found;
  service.cursorWeight = nextWeight(core, service);
  return service.cursorWeight == 0 ? found : goRound(core, service, 0);
}

function goRound(core: Core, service: Service, first: u32): Backend {
  const weight = service.cursorWeight;
  if (weight == 0) return changetype<Backend>(0);
  for (let place = first; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (backend.weight < weight || !backend.isAvailable) continue;
    service.cursor = place + 1;
    return backend;
  }
  return changetype<Backend>(0);
}

/** Weight of the next round that visits anybody; 0: nobody can take anything. */
function nextWeight(core: Core, service: Service): u32 {
  const divisor = service.weightDivisor;
  const below = service.cursorWeight > divisor ? service.cursorWeight - divisor : 0;
  let least: u32 = 0;
  let most: u32 = 0;
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (!backend.isAvailable) continue;
    most = max(most, backend.weight);
    least = max(least, min(backend.weight, below));
  }
  return least != 0 ? least : most;
}
