/**
 * Locality: a destination stays with its backend, as of a cache, while that is not busy and
 * somebody else idle (features VS-4). Remembered for a day since it was last asked for.
 */
import { Core } from '../memory';
import { Purpose, ownerOf, remember, rememberedFor } from '../table/affinity';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { chooseWeightedLeast } from './wlc';

export const LOCALITY_MS: u32 = 86400000;

export function chooseLocality(core: Core, service: Service, target: u32): Backend {
  const owner = ownerOf(service, Purpose.Locality);
  let backend = rememberedFor(core, owner, target);
  const isRight = changetype<usize>(backend) != 0 && backend.service == service.index + 1;
  if (!isRight || !backend.isAvailable || isOutdone(core, service, backend)) {
    backend = chooseWeightedLeast(core, service);
  }
  if (changetype<usize>(backend) != 0) remember(core, owner, target, backend, LOCALITY_MS);
  return backend;
}

/** Whether a backend has more active connections than it weighs, and another less than half. */
export function isOutdone(core: Core, service: Service, backend: Backend): bool {
  if (backend.active <= backend.weight) return false;
  for (let place: u32 = 0; place < service.memberCount; place++) {
    const other = service.member(core, place);
    if (other.isAvailable && <u64>other.active * 2 < other.weight) return true;
  }
  return false;
}
