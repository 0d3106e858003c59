/** What the kernel and our zone know of the same flow, as both list it. */
import { flowView } from '../../src/api/zone-views.js';
import type { KernelFlow } from './netfilter.js';
import type { Pair } from './netfilter-pair.js';

/** The kernel's time is real, ours passes by packets. */
const MOST_APART_SEC = 3;

/** Our flow whose first packet had this source port; undefined: there is none. */
export function ownFlow(pair: Pair, sourcePort: number): KernelFlow | undefined {
  for (const flow of pair.rig.core.zones.flows()) {
    if (flow.original.sourcePort !== sourcePort) continue;
    const { state, leftSec, assured } = flowView(flow, String);
    return { state: state ?? '', leftSec, isAssured: assured };
  }
  return undefined;
}

/** Throws where the two know other things. `what` is for the report; `times`: timers too. */
export function expectSameFlow(pair: Pair, sourcePort: number, what: string, times = true): void {
  const kernel = pair.kernel.flow(sourcePort);
  const ours = ownFlow(pair, sourcePort);
  const isSame =
    kernel?.state === ours?.state &&
    kernel?.isAssured === ours?.isAssured &&
    (!times || Math.abs((kernel?.leftSec ?? 0) - (ours?.leftSec ?? 0)) <= MOST_APART_SEC);
  if (isSame) return;
  const [theirs, own] = [kernel, ours].map(flow => JSON.stringify(flow));
  throw new Error(`kernel knows ${theirs}, sluice ${own}\n${what}`);
}
