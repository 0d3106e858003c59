/** Zones over the API: what they are, their flows, their rules. */
import type { Flow } from '../flow-record.js';
import type { Switch } from '../switch.js';
import { flowFilter } from './flow-filter.js';
import type { ApiRequest } from './request.js';
import { type FlowView, flowView, zoneViews } from './zone-views.js';

/** Flows ended by one request to the loop. */
const CHUNK_FLOWS = 1000;

export async function showZones(
  { target }: { target: Switch },
  request: ApiRequest,
): Promise<void> {
  request.allowQuery();
  request.json(zoneViews(target.plan, await target.ask({ kind: 'zones' })));
}

export async function listFlows(target: Switch, request: ApiRequest): Promise<void> {
  const views: FlowView[] = [];
  for await (const { view } of wantedFlows(target, request)) views.push(view);
  request.json(views);
}

export async function endFlows(target: Switch, request: ApiRequest): Promise<void> {
  const flows: Pick<Flow, 'entry' | 'id'>[] = [];
  for await (const { flow } of wantedFlows(target, request)) {
    flows.push({ entry: flow.entry, id: flow.id });
  }
  let removed = 0;
  for (let i = 0; i < flows.length; i += CHUNK_FLOWS) {
    removed += await target.ask({ kind: 'flowsEnd', flows: flows.slice(i, i + CHUNK_FLOWS) });
  }
  request.json({ removed });
}

async function* wantedFlows(
  target: Switch,
  request: ApiRequest,
): AsyncGenerator<{ flow: Flow; view: FlowView }> {
  const names = new Map(target.plan.zones.zones.map(({ index, name }) => [index, name]));
  const isWanted = flowFilter(target.plan, request);
  for await (const flow of target.flows()) {
    const view = flowView(flow, zone => names.get(zone) ?? '');
    if (isWanted(view)) yield { flow, view };
  }
}
