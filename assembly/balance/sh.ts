/** Source hashing: a client's address chooses (features VS-4). */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { chooseByHash } from './lookup';

export function chooseBySource(core: Core, service: Service, client: u64, port: u32): Backend {
  return chooseByHash(core, service, client, port);
}
