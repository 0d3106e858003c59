/**
 * The map of the core: the stages in the order a batch meets them. Read from top to
 * bottom it is a packet's way.
 *
 *   rx ─► ingress ──► touch ──► bridge ──┬────────► output ─► tx
 *         parse       (loads)   learn    │             ▲
 *         admit                 look up  ├─► flood ────┘ a copy for each member
 *         hash                  decide   └─► dropped, with a name
 */
import { Core } from './memory';
import { BATCH_SEGMENTS } from './abi';
import { age } from './node/age';
import { bridge } from './node/bridge';
import { ingress } from './node/ingress';
import { touch } from './node/touch';

/** Decides over the first `received` receive descriptors at time `nowMs`. */
export function run(core: Core, received: u32, nowMs: u32): void {
  core.nowMs = nowMs;
  core.txEnd = core.tx;
  core.droppedEnd = core.dropped;
  core.copyNext = core.copies;
  core.segmentsLeft = BATCH_SEGMENTS;

  const admitted = ingress(core, received);
  touch(core, admitted);
  bridge(core, admitted);
  age(core);
}
