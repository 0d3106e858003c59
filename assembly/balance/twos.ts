/**
 * The better of two random ones, each as likely as it weighs (Mitzenmacher 2001; features
 * VS-4). Random by the seed of the core and the number of the choice.
 */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { mix } from '../table/buckets';
import { Service } from '../table/service';

export function chooseOfTwo(core: Core, service: Service): Backend {
  let total: u64 = 0;
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (backend.isAvailable) total += backend.weight;
  }
  if (total == 0) return changetype<Backend>(0);
  const random = mix(core.salt ^ mix(service.choices));
  const first = weighted(core, service, ((random >> 32) * total) >> 32);
  const second = weighted(core, service, ((random & 0xffffffff) * total) >> 32);
  const isBetter = second.overhead * first.weight < first.overhead * second.weight;
  return isBetter ? second : first;
}

/** The available one that `at`, below the sum of weights, falls on. */
function weighted(core: Core, service: Service, at: u64): Backend {
  let left = at;
  let backend = changetype<Backend>(0);
  for (let place: u32 = 0; place < service.memberCount; place++) {
    backend = service.member(core, place);
    if (!backend.isAvailable) continue;
    if (left < backend.weight) break;
    left -= backend.weight;
  }
  return backend;
}
