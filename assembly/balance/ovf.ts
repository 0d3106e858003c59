/**
 * Overflow: the one of the highest weight, until it has as many active connections as it
 * weighs; then the next (features VS-4).
 */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';

export function chooseOverflow(core: Core, service: Service): Backend {
  let best = changetype<Backend>(0);
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (!backend.isAvailable || backend.active >= backend.weight) continue;
    if (changetype<usize>(best) == 0 || backend.weight > best.weight) best = backend;
  }
  return best;
}
