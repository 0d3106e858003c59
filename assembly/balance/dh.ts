/** Destination hashing: the address asked for chooses, as for caches (features VS-4). */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { chooseByHash } from './lookup';

export function chooseByDestination(core: Core, service: Service, target: u64): Backend {
  return chooseByHash(core, service, target, 0);
}
