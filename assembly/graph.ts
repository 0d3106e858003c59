/**
 * The map of the core: the stages in the order a batch meets them. Read from top to
 * bottom it is a packet's way.
 *
 *   rx ─► ingress ──► touch ──► bridge ──┬────────► output ─► tx
 *         parse       (loads)   learn    │             ▲
 *         admit                 look up  ├─► flood ────┤ a copy for each member
 *         decap                 decide   ├─► encap ────┘ outer headers, to a VTEP
 *         hash                           ├─► dropped, with a name
 *                                        └─► enter ─► track ─► tx, or judge
 *                                            (zones)
 *
 *   judge   connection, rules, NAT, route; what it finds out is the flow's, and its next
 *           packets go straight through track
 *   leave   into the segment of the way out: to a port, a VTEP, or the next zone
 *
 * An underlay's frames lose their outer headers in ingress, and are frames of the overlay's
 * tunnel port from then on. What an underlay's own address is asked is answered there.
 */
import { CoreCounter } from './abi';
import { Core, count } from './memory';
import { openAdjacent } from './node/adjacent';
import { attendAll } from './node/adjacent-send';
import { age } from './node/age';
import { bridge } from './node/bridge';
import { ageFlows } from './node/flows';
import { ingress } from './node/ingress';
import { resolve } from './node/resolve';
import { touch } from './node/touch';
import { track } from './node/track';

/** Decides over the first `received` receive descriptors at time `nowMs`. */
export function run(core: Core, received: u32, nowMs: u32): void {
  core.open(nowMs);
  openAdjacent(core);
  do {
    const admitted = ingress(core, received);
    touch(core, admitted);
    bridge(core, admitted);
    track(core);
  } while (core.rxNext < received);
  count(core.coreCounters, CoreCounter.Received, received);
  age(core);
  ageFlows(core);
  resolve(core);
  attendAll(core);
  track(core);
}
