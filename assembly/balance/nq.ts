/** Never queue: the first that is idle, else by the shortest expected delay (features VS-4). */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { chooseShortestDelay } from './sed';

export function chooseNeverQueue(core: Core, service: Service): Backend {
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const backend = service.member(core, place);
    if (backend.isAvailable && backend.active == 0) return backend;
  }
  return chooseShortestDelay(core, service);
}
