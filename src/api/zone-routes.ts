/** Zones over the API: what they are, their flows, their rules. */
import type { Flow } from '../flow-record.js';
import type { Switch } from '../switch.js';
import { protocolNumber } from '../zone/flow-text.js';
import { ApiError } from './api-error.js';
import type { ApiRequest } from './request.js';
import { type FlowView, flowView, zoneViews } from './zone-views.js';

const FILTERS = ['zone', 'protocol', 'src', 'dst', 'sport', 'dport', 'state', 'nat'] as const;
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
  request.allowQuery(...FILTERS);
  const views: FlowView[] = [];
  for await (const { view } of wantedFlows(target, request)) views.push(view);
  request.json(views);
}

export async function endFlows(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery(...FILTERS);
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
  const isWanted = filterOf(request);
  for await (const flow of target.flows()) {
    const view = flowView(flow, zone => names.get(zone) ?? '');
    if (isWanted(view)) yield { flow, view };
  }
}

/** Filters are those of conntrack(8): they speak of the original direction. */
function filterOf(request: ApiRequest): (view: FlowView) => boolean {
  const text = (name: (typeof FILTERS)[number]): string | undefined => request.text(name);
  const [zone, src, dst, state, nat] = [
    text('zone'),
    text('src'),
    text('dst'),
    text('state'),
    text('nat'),
  ];
  const named = text('protocol');
  const protocol = named === undefined ? undefined : protocolNumber(named);
  if (named !== undefined && protocol === undefined) {
    throw new ApiError(400, `protocol: expected a name or 0..255, got ${named}`);
  }
  if (nat !== undefined && nat !== 'src' && nat !== 'dst') {
    throw new ApiError(400, `nat: expected src or dst, got ${nat}`);
  }
  const sport = portOf('sport', text('sport'));
  const dport = portOf('dport', text('dport'));
  return ({ original, ...view }) =>
    (zone === undefined || view.zone === zone) &&
    (protocol === undefined || view.protocol === protocol) &&
    (src === undefined || original.src === src) &&
    (dst === undefined || original.dst === dst) &&
    (sport === undefined || original.sport === sport) &&
    (dport === undefined || original.dport === dport) &&
    (state === undefined || view.state === state.toUpperCase()) &&
    (nat === undefined || (nat === 'src' ? view.srcNat : view.dstNat));
}

function portOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new ApiError(400, `${name}: expected 0..65535, got ${text}`);
  }
  return port;
}
