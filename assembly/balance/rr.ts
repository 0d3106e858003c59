/** Round robin: one after the other, those left out that can take nothing (features VS-4). */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';

export function chooseRoundRobin(core: Core, service: Service): Backend {
  const count = service.memberCount;
  let place = service.cursor;
  for (let i: u32 = 0; i < count; i++, place++) {
    if (place >= count) place = 0;
    const backend = service.member(core, place);
    if (!backend.isAvailable) continue;
    service.cursor = place + 1;
    return backend;
  }
  return changetype<Backend>(0);
}
