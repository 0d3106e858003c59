/** The forwarding database over the API. */
import { FdbKind } from '../../assembly/abi.js';
import type { PlannedSegment } from '../config/plan.js';
import { eachDomain } from '../config/plan-domains.js';
import type { FdbFilter } from '../loop-messages.js';
import type { Switch } from '../switch.js';
import type { Place } from '../overlay/endpoints.js';
import { ApiError } from './api-error.js';
import { addRecord, placeOf, removeRecords, textOf } from './endpoint-routes.js';
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
  request.allowQuery('port', 'dst', 'segment', 'vid', 'mac', 'kind');
  const isWanted = wanted(target, request);
  const names = new FdbNames(target.plan, await target.ask({ kind: 'vteps' }));
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
  const dst = request.text('dst');
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
    (dst === undefined || view.dst === dst) &&
    (segment === undefined || view.segment === segment) &&
    (vid === undefined || view.vid === vid) &&
    (kind === undefined || view.kind === kind) &&
    (mac === undefined || macOf(view.mac) === macOf(mac));
}

export async function add(target: Switch, request: ApiRequest): Promise<void> {
  const body = await request.body('mac', 'port', 'dst', 'segment', 'vid', 'kind');
  const { plan } = target;
  const mac = stationMacOf(body['mac']);
  const kind = kindOf(body['kind']);
  const name = textOf(body, 'port');
  const dst = textOf(body, 'dst');
  if (name === undefined && dst === undefined && kind !== FdbKind.Permanent) {
    throw new ApiError(400, 'port: expected a name, got nothing');
  }
  const port = name === undefined ? undefined : portNamed(plan, name);
  const domain = domainNamed(plan, textOf(body, 'segment'), vidOf(body['vid']), port);
  const place = placeOf(plan, domain, { port: name, dst }) ?? 'self';
  if (kind === FdbKind.Dynamic) await addDynamic(target, { mac, domain, port: port?.index });
  else if (kind === FdbKind.Permanent && dst !== undefined) {
    throw new ApiError(400, 'kind: expected static, as it is behind a tunnel end, got permanent');
  } else {
    const where = kind === FdbKind.Permanent ? 'self' : place;
    await addRecord(target, { id: entryId(mac, where), domain, mac, place: where });
  }
  request.json({ added: 1 }, 201);
}

function entryId(mac: bigint, place: Place): string {
  return `fdb ${mac.toString(16)} ${place}`;
}

/** As if it had been learned: nothing that was said of the address may stand against it. */
async function addDynamic(
  target: Switch,
  { mac, domain, port }: { mac: bigint; domain: number; port: number | undefined },
): Promise<void> {
  if (port === undefined) throw new ApiError(400, 'kind: expected static with a dst, got dynamic');
  const isAdded = await target.addFdb(mac, domain, port, FdbKind.Dynamic);
  if (!isAdded)
    throw new ApiError(409, 'fdb: no room (capacities.fdbEntries), or it is configured');
}

export async function remove(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('mac', 'segment', 'vid', 'port', 'dst');
  const { plan } = target;
  const mac = macOf(request.text('mac'));
  const [port, dst] = [request.text('port'), request.text('dst')];
  const planned = port === undefined ? undefined : portNamed(plan, port);
  const domain = domainNamed(plan, request.text('segment'), vidOf(request.text('vid')), planned);
  const missing = `fdb: no entry for ${request.text('mac')} there`;
  const place = placeOf(plan, domain, { port, dst });
  if (place !== undefined) return removeRecords(target, request, { mac, domain, place }, missing);
  if (await target.removeFdb(mac, domain)) return request.json({ removed: 1 });
  // Nothing went: there is nothing, or endpoints say where it is.
  await removeRecords(target, request, { mac, domain }, missing);
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
