/** Least connections by weight (features VS-4). */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { Load, chooseLeast } from './least';

export function chooseWeightedLeast(core: Core, service: Service): Backend {
  return chooseLeast(core, service, Load.Overhead, true);
}
