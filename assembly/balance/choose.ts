/** Asks the scheduler of a service who gets a new connection; null: nobody can. */
import { Core } from '../memory';
import { Scheduler } from '../service-abi';
import { Backend } from '../table/backend';
import { Service } from '../table/service';
import { chooseByDestination } from './dh';
import { chooseFailover } from './fo';
import { chooseLocality } from './lblc';
import { chooseReplicated } from './lblcr';
import { chooseLeastConnection } from './lc';
import { chooseMaglev } from './mh';
import { chooseNeverQueue } from './nq';
import { chooseOverflow } from './ovf';
import { chooseRoundRobin } from './rr';
import { chooseShortestDelay } from './sed';
import { chooseBySource } from './sh';
import { chooseOfTwo } from './twos';
import { chooseWeightedLeast } from './wlc';
import { chooseWeightedRoundRobin } from './wrr';

/** `client` and `target`: addresses; `port`: the client's. All as loaded from the wire. */
export function choose(core: Core, service: Service, client: u32, port: u32, target: u32): Backend {
  service.choices++;
  switch (service.scheduler) {
    case Scheduler.RoundRobin:
      return chooseRoundRobin(core, service);
    case Scheduler.WeightedRoundRobin:
      return chooseWeightedRoundRobin(core, service);
    case Scheduler.LeastConnection:
      return chooseLeastConnection(core, service);
    case Scheduler.ShortestExpectedDelay:
      return chooseShortestDelay(core, service);
    case Scheduler.NeverQueue:
      return chooseNeverQueue(core, service);
    case Scheduler.SourceHash:
      return chooseBySource(core, service, client, port);
    case Scheduler.DestinationHash:
      return chooseByDestination(core, service, target);
    case Scheduler.Maglev:
      return chooseMaglev(core, service, client, port);
    case Scheduler.Locality:
      return chooseLocality(core, service, target);
    case Scheduler.LocalityReplicated:
      return chooseReplicated(core, service, target);
    case Scheduler.Failover:
      return chooseFailover(core, service);
    case Scheduler.Overflow:
      return chooseOverflow(core, service);
    case Scheduler.TwoChoices:
      return chooseOfTwo(core, service);
    default:
      return chooseWeightedLeast(core, service);
  }
}

/** Whether a scheduler would choose the same again for a packet in the middle of a connection. */
export function isByHash(scheduler: u32): bool {
  return (
    scheduler == Scheduler.SourceHash ||
    scheduler == Scheduler.DestinationHash ||
    scheduler == Scheduler.Maglev
  );
}
