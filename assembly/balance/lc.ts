/** Least connections, established ones weighing 256 times the others (features VS-4). */
import { Core } from '../memory';
import { Scheduler } from '../service-abi';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { chooseLeast } from './least';

export function chooseLeastConnection(core: Core, service: Service): Backend {
  return chooseLeast(core, service, Scheduler.LeastConnection);
}
