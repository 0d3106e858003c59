/** Least connections, established ones weighing 256 times the others (features VS-4). */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { Load, chooseLeast } from './least';

export function chooseLeastConnection(core: Core, service: Service): Backend {
  return chooseLeast(core, service, Load.Overhead, false);
}
