/**
 * The backend with the least of something by its weight, the first of equals: what lc, wlc,
 * sed and nq have in common. Compared crosswise in whole numbers.
 */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';

/** What a backend has much of. */
export enum Load {
  Overhead = 0, // active * 256 + inactive
  Expected, // active + 1: how long a new connection waits
}

export function chooseLeast(core: Core, service: Service, load: Load, isWeighted: bool): Backend {
  let least = changetype<Backend>(0);
  let leastLoad: u64 = 0;
  let leastWeight: u64 = 1;
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (!backend.isAvailable) continue;
    const own = load == Load.Overhead ? backend.overhead : <u64>backend.active + 1;
    const weight: u64 = isWeighted ? backend.weight : 1;
    if (changetype<usize>(least) != 0 && own * leastWeight >= leastLoad * weight) continue;
    least = backend;
    leastLoad = own;
    leastWeight = weight;
  }
  return least;
}
