/**
 * Choice by a lookup table that the host made: what sh, dh and mh have in common. The hash has
 * no secret, so every node of a cluster that has the same table sends a client the same way;
 * what a stranger can do with it is to load one backend, as with any hash of IPVS.
 */
import { Core } from '../memory';
import { ServiceFlag } from '../service-abi';
import { Backend } from '../table/backend';
import { mix } from '../table/buckets';
import { Service } from '../table/service';

const PORT_SHIFT: u64 = 48;

/** `key`: of an address; `port` counts with HashPort. */
export function chooseByHash(core: Core, service: Service, key: u64, port: u32): Backend {
  const none = changetype<Backend>(0);
  if (service.lookupSize == 0) return none;
  const own = service.has(ServiceFlag.HashPort) ? key ^ ((<u64>port) << PORT_SHIFT) : key;
  const backend = service.lookedUp(core, placeOf(service, own, 0));
  if (isFit(backend)) return backend;
  if (!service.has(ServiceFlag.Fallback)) return none;
  for (let offset: u32 = 1; offset < service.lookupSize; offset++) {
    const other = service.lookedUp(core, placeOf(service, own, offset));
    if (isFit(other)) return other;
  }
  return none;
}

function isFit(backend: Backend): bool {
  return changetype<usize>(backend) != 0 && backend.isAvailable;
}

/** Place of a key in the table; with an offset another one, as likely each. */
function placeOf(service: Service, key: u64, offset: u32): u32 {
  return <u32>(((mix(key + offset) >> 32) * service.lookupSize) >> 32);
}
