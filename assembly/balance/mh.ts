/**
 * Maglev hashing (NSDI 2016 §3.4; features VS-4): a client's address chooses, by a table in
 * which hardly anything moves when a backend comes or goes.
 */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { chooseByHash } from './lookup';

export function chooseMaglev(core: Core, service: Service, client: u64, port: u32): Backend {
  return chooseByHash(core, service, client, port);
}
