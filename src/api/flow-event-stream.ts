/** What happens to connections, as lines of JSON: the events of `conntrack -E`. */
import { JournalKind } from '../../assembly/zone-abi.js';
import type { FlowKind, FlowNews } from '../journal-record.js';
import type { Switch } from '../switch.js';
import { ApiError } from './api-error.js';
import { flowFilter } from './flow-filter.js';
import { LineStream } from './line-stream.js';
import type { ApiRequest } from './request.js';
import { type FlowView, flowView } from './zone-views.js';

export type FlowEventName = 'new' | 'update' | 'destroy';

/** A connection as it was when it began, changed or ended. */
export interface FlowEventView extends FlowView {
  event: FlowEventName;
  /** When that was, and when it began: seconds since 1970. */
  timeSec: number;
  beganSec: number;
  /** Of `destroy`; else null. */
  endedSec: number | null;
}

const MS_PER_SEC = 1000;
const NAMES: Record<FlowKind, FlowEventName> = {
  [JournalKind.New]: 'new',
  [JournalKind.Update]: 'update',
  [JournalKind.Destroy]: 'destroy',
};
/** Words of conntrack(8), -e. */
const KINDS: Record<string, number> = {
  NEW: JournalKind.New,
  UPDATES: JournalKind.Update,
  DESTROY: JournalKind.Destroy,
  ALL: JournalKind.New | JournalKind.Update | JournalKind.Destroy,
};

/** Begins to listen; it ends when the reader goes. */
export async function streamFlowEvents(target: Switch, request: ApiRequest): Promise<void> {
  const isWanted = flowFilter(target.plan, request, 'events');
  const kinds = kindsOf(request.query.get('events') ?? 'ALL');
  const lines = new LineStream(request.response);
  const stop = await target.listenToFlows(kinds, (news, lost) => {
    const views = news
      .filter(({ kind }) => (kind & kinds) !== 0)
      .map(one => flowEventView(one, zone => zoneName(target, zone)))
      .filter(isWanted);
    lines.send(views, { behind: lost });
  });
  lines.open(stop);
}

/** JournalKind bits of `NEW,DESTROY`. */
function kindsOf(text: string): number {
  return text.split(',').reduce((bits, word) => {
    const kind = KINDS[word.toUpperCase()];
    if (kind !== undefined) return bits | kind;
    const expected = Object.keys(KINDS).join(', ');
    throw new ApiError(400, `events: expected some of ${expected}, got ${word || 'nothing'}`);
  }, 0);
}

/** A zone that a reload takes away is still in the plan when its connections end. */
function zoneName({ plan }: Switch, zone: number): string {
  return plan.zones.zones.find(({ index }) => index === zone)?.name ?? '';
}

export function flowEventView(
  { kind, flow, atMs, beganMs }: FlowNews,
  zoneName: (zone: number) => string,
): FlowEventView {
  const timeSec = atMs / MS_PER_SEC;
  return {
    event: NAMES[kind],
    timeSec,
    beganSec: beganMs / MS_PER_SEC,
    endedSec: kind === JournalKind.Destroy ? timeSec : null,
    ...flowView(flow, zoneName),
  };
}
