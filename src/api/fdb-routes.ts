/** The forwarding database over the API. */
import { FdbKind } from '../../assembly/abi.js';
import type { PlannedSegment } from '../config/plan.js';
import { eachDomain } from '../config/plan-domains.js';
import type { FdbFilter } from '../loop-messages.js';
import type { Switch } from '../switch.js';
import { ApiError } from './api-error.js';
import {
  domainNamed,
  kindOf,
  macOf,
  portNamed,
  segmentNamed,
  stationMacOf,
  vidOf,
} from './names.js';
import type { ApiRequest } from './request.js';
import { FdbNames, type FdbView } from './views.js';

/** Lines written at a time. */
const CHUNK_ENTRIES = 1000;

export async function list(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('port', 'segment', 'vid', 'mac', 'kind');
  const isWanted = wanted(target, request);
  const names = new FdbNames(target.plan);
  const { response } = request;
  response.writeHead(200, { 'content-type': 'application/json' });
  let separator = '[';
  let chunk: string[] = [];
  for await (const entry of target.fdb()) {
    const view = names.view(entry);
    if (view === undefined || !isWanted(view)) continue;
    chunk.push(`${separator}${JSON.stringify(view)}`);
    separator = ',\n';
    if (chunk.length < CHUNK_ENTRIES) continue;
    if (!response.write(chunk.join(''))) await drained(response);
    if (response.destroyed) return;
    chunk = [];
  }
  response.end(`${chunk.join('')}${separator === '[' ? '[' : ''}]\n`);
}

function drained(response: ApiRequest['response']): Promise<void> {
  return new Promise(resolve => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
}

function wanted(target: Switch, request: ApiRequest): (view: FdbView) => boolean {
  const { plan } = target;
  const port = request.text('port');
  const segment = request.text('segment');
  const mac = request.text('mac');
  const kind = request.text('kind');
  const vid = vidOf(request.text('vid'));
  if (port !== undefined) portNamed(plan, port);
  if (segment !== undefined) segmentNamed(plan, segment);
  if (mac !== undefined) macOf(mac);
  if (kind !== undefined) kindOf(kind);
  return view =>
    (port === undefined || view.port === port) &&
    (segment === undefined || view.segment === segment) &&
    (vid === undefined || view.vid === vid) &&
    (kind === undefined || view.kind === kind) &&
    (mac === undefined || macOf(view.mac) === macOf(mac));
}

export async function add(target: Switch, request: ApiRequest): Promise<void> {
  const body = await request.body('mac', 'port', 'segment', 'vid', 'kind');
  const { plan } = target;
  const mac = stationMacOf(body['mac']);
  const kind = kindOf(body['kind']);
  const name = textOf(body, 'port');
  if (name === undefined && kind !== FdbKind.Permanent) {
    throw new ApiError(400, 'port: expected a name, got nothing');
  }
  const port = name === undefined ? undefined : portNamed(plan, name);
  const segment = textOf(body, 'segment');
  const domain = domainNamed(plan, segment, vidOf(body['vid']), port);
  if (port !== undefined && segment !== undefined && port.config.segment !== segment) {
    throw new ApiError(400, `port: expected one of segment ${segment}, got ${name}`);
  }
  const index = port?.index ?? plan.capacities.Ports;
  const isAdded = await target.addFdb(mac, domain, index, kind);
  if (!isAdded) throw new ApiError(409, 'fdb: the table is full (capacities.fdbEntries)');
  request.json({ added: 1 }, 201);
}

function textOf(body: Record<string, unknown>, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || typeof value === 'string') return value;
  throw new ApiError(400, `${key}: expected a name, got ${JSON.stringify(value)}`);
}

export async function remove(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('mac', 'segment', 'vid');
  const mac = macOf(request.text('mac'));
  const vid = vidOf(request.text('vid'));
  const domain = domainNamed(target.plan, request.text('segment'), vid);
  const isRemoved = await target.removeFdb(mac, domain);
  if (!isRemoved) throw new ApiError(404, `fdb: no entry for ${request.text('mac')} there`);
  request.json({ removed: 1 });
}

export async function flush(target: Switch, request: ApiRequest): Promise<void> {
  const body = await request.body('port', 'segment', 'vid', 'all');
  const { plan } = target;
  const name = textOf(body, 'port');
  const segment = textOf(body, 'segment');
  const vid = vidOf(body['vid']);
  const all = body['all'] ?? false;
  if (typeof all !== 'boolean') throw new ApiError(400, `all: expected true or false, got ${all}`);
  const port = name === undefined ? undefined : portNamed(plan, name).index;
  const filter = { all, ...(port !== undefined && { port }) };
  if (segment === undefined && vid === undefined) {
    return request.json({ flushed: await target.flushFdb(filter) });
  }
  const planned = segment === undefined ? undefined : segmentNamed(plan, segment);
  const isOneDomain = vid !== undefined || planned?.config.vlanAware === false;
  if (!isOneDomain) return request.json({ flushed: await flushSegment(target, planned!, filter) });
  const domain = domainNamed(plan, segment, vid);
  request.json({ flushed: await target.flushFdb({ ...filter, domain }) });
}

/** Every VLAN of a segment: one walk over the table rather than a flush for each. */
async function flushSegment(
  target: Switch,
  segment: PlannedSegment,
  { all, port }: FdbFilter,
): Promise<number> {
  const domains = new Set(Array.from(eachDomain(segment.domains), ([, domain]) => domain));
  let flushed = 0;
  for await (const entry of target.fdb()) {
    const isWanted = domains.has(entry.domain) && (port === undefined || port === entry.port);
    if (!isWanted || (entry.kind !== FdbKind.Dynamic && all !== true)) continue;
    if (await target.removeFdb(entry.mac, entry.domain)) flushed++;
  }
  return flushed;
}
