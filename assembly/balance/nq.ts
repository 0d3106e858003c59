/** Never queue: the first that is idle, else by the shortest expected delay (features VS-4). */
import { Core } from '../memory';
import { Scheduler } from '../service-abi';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { chooseLeast } from './least';

export function chooseNeverQueue(core: Core, service: Service): Backend {
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (backend.isAvailable && backend.active == 0) return backend;
  }
  return chooseLeast(core, service, Scheduler.ShortestExpectedDelay);
}
