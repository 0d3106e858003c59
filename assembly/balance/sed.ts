/** Shortest expected delay: (active + 1) / weight (features VS-4). */
import { Core } from '../memory';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { Load, chooseLeast } from './least';

export function chooseShortestDelay(core: Core, service: Service): Backend {
  return chooseLeast(core, service, Load.Expected, true);
}
