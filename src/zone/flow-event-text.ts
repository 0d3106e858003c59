/** What happens to connections, in the form of `conntrack -E`. */
import type { FlowEventName, FlowEventView } from '../api/flow-event-stream.js';
import { flowText } from './flow-text.js';

/** What `conntrack -o` adds to a line. */
export const FLOW_OUTPUTS = ['timestamp', 'extended', 'id'] as const;
export type FlowOutput = (typeof FLOW_OUTPUTS)[number];

const LABELS: Record<FlowEventName, string> = {
  new: '    [NEW]',
  update: ' [UPDATE]',
  destroy: '[DESTROY]',
};
const MICRO_DIGITS = 6;
/** Layer 3 and its number: the address family. Flows are of IPv4. */
const IPV4 = 'ipv4     2';

export function flowEventLine(
  view: FlowEventView,
  outputs: ReadonlySet<FlowOutput> = new Set(),
): string {
  const { event, timeSec, beganSec, endedSec, mark, id } = view;
  const parts = [LABELS[event]];
  if (outputs.has('extended')) parts.push(IPV4);
  const isEnd = event === 'destroy';
  parts.push(flowText(view, { isCounted: isEnd, isOver: isEnd && view.leftSec === 0 }));
  if (mark !== 0) parts.push(`mark=${mark}`);
  if (endedSec !== null) parts.push(`delta-time=${Math.floor(endedSec) - Math.floor(beganSec)}`);
  if (outputs.has('id')) parts.push(`id=${id}`);
  const stamp = outputs.has('timestamp') ? `[${timeSec.toFixed(MICRO_DIGITS)}]\t` : '';
  return stamp + parts.join(' ');
}
