/** Failover: the one of the highest weight that is up, the first of equals (features VS-4). */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';

export function chooseFailover(core: Core, service: Service): Backend {
  let best = changetype<Backend>(0);
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (!backend.isAvailable) continue;
    if (changetype<usize>(best) == 0 || backend.weight > best.weight) best = backend;
  }
  return best;
}
