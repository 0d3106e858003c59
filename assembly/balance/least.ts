/**
 * The least loaded backend by its weight, the first of equals: what lc, wlc and sed have in
 * common. From the service's ranking, or of few backends by a look at all of them.
 */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { bestOf, isBetter } from '../table/ranking';
import { Service } from '../table/service';

/** `scheduler`: what counts as load. */
export function chooseLeast(core: Core, service: Service, scheduler: u32): Backend {
  if (service.ranking != 0) return bestOf(core, service);
  let least = changetype<Backend>(0);
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (!backend.isAvailable) continue;
    const isFirst = changetype<usize>(least) == 0;
    if (isFirst || !isBetter(scheduler, least, backend)) least = backend;
  }
  return least;
}
