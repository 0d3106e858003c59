/** Neighbours, endpoints and tunnel ends over the API. */
import { ConfigError } from '../config/config-error.js';
import type { Plan } from '../config/plan.js';
import { vtepKey } from '../config/plan-overlay.js';
import { isStationIp } from '../config/ip.js';
import { remoteFault } from '../config/underlays.js';
import { formatIp, parseIp } from '../frame/address.js';
import type { EndpointSelector } from '../overlay/endpoint-control.js';
import type { EndpointRecord, Place } from '../overlay/endpoints.js';
import { portPlace, vtepPlace } from '../overlay/plan-endpoints.js';
import type { Switch } from '../switch.js';
import { ApiError } from './api-error.js';
import { domainNamed, macOf, portNamed, segmentNamed, stationMacOf, vidOf } from './names.js';
import { domainOwner } from '../config/plan.js';
import { endpointViews, neighbourViews, vtepViews } from './overlay-views.js';
import type { ApiRequest, Body } from './request.js';

const MAX_ID_CHARACTERS = 256;

export async function listVteps(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery();
  const vteps = await target.ask({ kind: 'vteps' });
  const shown = await target.ask({ kind: 'endpoints' });
  request.json(vtepViews(target.plan, vteps, shown));
}

export async function listNeighbours(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('segment', 'vid', 'ip', 'mac');
  const { plan } = target;
  const segment = request.text('segment');
  const vid = vidOf(request.text('vid'));
  const ip = request.text('ip');
  const mac = request.text('mac');
  if (segment !== undefined) segmentNamed(plan, segment);
  const [wantedIp, wantedMac] = [ip && ipTextOf(ip), mac === undefined ? undefined : macOf(mac)];
  const views = neighbourViews(plan, await target.ask({ kind: 'neighbours' }));
  const found = views.filter(
    view =>
      (segment === undefined || view.segment === segment) &&
      (vid === undefined || view.vid === vid) &&
      (wantedIp === undefined || view.ip === wantedIp) &&
      (wantedMac === undefined || macOf(view.mac) === wantedMac),
  );
  request.json(found);
}

export async function addNeighbour(target: Switch, request: ApiRequest): Promise<void> {
  const body = await request.body('ip', 'mac', 'segment', 'vid', 'router');
  const ip = ipTextOf(body['ip']);
  const mac = stationMacOf(body['mac']);
  const domain = domainNamed(target.plan, textOf(body, 'segment'), vidOf(body['vid']));
  const isRouter = body['router'] ?? false;
  if (typeof isRouter !== 'boolean') {
    throw new ApiError(400, `router: expected true or false, got ${String(isRouter)}`);
  }
  const id = `neighbour ${ip} ${mac.toString(16)}`;
  await addRecord(target, { id, domain, mac, ip, isRouter });
  request.json({ added: 1 }, 201);
}

export async function removeNeighbour(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('ip', 'mac', 'segment', 'vid');
  const ip = ipTextOf(request.text('ip'));
  const mac = request.text('mac');
  const domain = domainNamed(target.plan, request.text('segment'), vidOf(request.text('vid')));
  const selector = { domain, ip, ...(mac !== undefined && { mac: macOf(mac) }) };
  await removeRecords(target, request, selector, `neighbours: no entry for ${ip} there`);
}

export async function listEndpoints(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('segment');
  const segment = request.text('segment');
  if (segment !== undefined) segmentNamed(target.plan, segment);
  const views = endpointViews(target.plan, await target.ask({ kind: 'endpoints' }));
  request.json(views.filter(view => segment === undefined || view.segment === segment));
}

/** One record for all that is known of an endpoint. */
export async function addEndpoint(target: Switch, request: ApiRequest): Promise<void> {
  const body = await request.body('id', 'segment', 'vid', 'ip', 'mac', 'port', 'dst');
  const { plan } = target;
  const mac = stationMacOf(body['mac']);
  const port = textOf(body, 'port');
  const segment = textOf(body, 'segment') ?? (port && portNamed(plan, port).config.segment);
  const domain = domainNamed(plan, segment, vidOf(body['vid']));
  const place = placeOf(plan, domain, { port, dst: textOf(body, 'dst') });
  const ip = body['ip'] === undefined ? undefined : ipTextOf(body['ip']);
  if (place === undefined && ip === undefined) {
    throw new ApiError(400, 'body: expected an ip, a port or a dst, got none');
  }
  const id = idOf(body['id'] ?? `${mac.toString(16)} ${ip ?? ''}`);
  const record: EndpointRecord = {
    id: `endpoint ${id}`,
    domain,
    mac,
    ...(ip !== undefined && { ip }),
    ...(place !== undefined && { place }),
  };
  await addRecord(target, record);
  request.json({ added: 1 }, 201);
}

export async function removeEndpoint(target: Switch, request: ApiRequest): Promise<void> {
  request.allowQuery('id', 'segment', 'vid');
  const id = idOf(request.text('id'));
  const domain = domainNamed(target.plan, request.text('segment'), vidOf(request.text('vid')));
  const selector = { domain, id: `endpoint ${id}` };
  await removeRecords(target, request, selector, `endpoints: no ${id} there`);
}

function idOf(value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_ID_CHARACTERS) return value;
  throw new ApiError(400, `id: expected 1..${MAX_ID_CHARACTERS} characters, got ${String(value)}`);
}

/** Answers with 409 when there is no room. */
export async function addRecord(target: Switch, record: EndpointRecord): Promise<void> {
  try {
    await target.ask({ kind: 'endpointAdd', record });
  } catch (error) {
    if (error instanceof ConfigError) throw new ApiError(409, error.message);
    throw error;
  }
}

/** Answers with how many went; refuses when there is none, or only whole endpoints. */
export async function removeRecords(
  target: Switch,
  request: ApiRequest,
  selector: EndpointSelector,
  missing: string,
): Promise<void> {
  const { removed, keptBy } = await target.ask({ kind: 'endpointRemove', selector });
  if (removed > 0) return request.json({ removed });
  const [keeper] = keptBy;
  if (keeper === undefined) throw new ApiError(404, missing);
  throw new ApiError(409, `expected no endpoint that says the same, got ${keeper}`);
}

/** The place a request names; undefined: none. */
export function placeOf(
  plan: Plan,
  domain: number,
  { port, dst }: { port?: string | undefined; dst?: string | undefined },
): Place | undefined {
  const isTunnel = port !== undefined && portNamed(plan, port).config.kind === 'tunnel';
  if (port !== undefined && dst !== undefined && !isTunnel) {
    throw new ApiError(400, 'port: expected either a port or a dst, got both');
  }
  const segment = domainOwner(plan, domain)!.segment.name;
  if (isTunnel && dst === undefined) {
    const problem = `expected the address of a tunnel end, as ${port} is a tunnel, got nothing`;
    throw new ApiError(400, `dst: ${problem}`);
  }
  if (port !== undefined && !isTunnel) {
    if (portNamed(plan, port).config.segment === segment) return portPlace(port);
    throw new ApiError(400, `port: expected one of segment ${segment}, got ${port}`);
  }
  if (dst === undefined) return undefined;
  const overlay = plan.overlays.find(({ name }) => name === segment);
  const underlay = plan.underlays.find(({ name }) => name === overlay?.config.underlay);
  if (underlay === undefined) {
    throw new ApiError(400, `dst: expected only in a segment with an overlay, got ${dst}`);
  }
  const fault = remoteFault(dst, underlay.config);
  if (fault !== undefined) throw new ApiError(400, `dst: ${fault}`);
  return vtepPlace(vtepKey(underlay.name, formatIp(parseIp(dst)!)));
}

function ipTextOf(value: unknown): string {
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  if (ip !== undefined && isStationIp(ip)) return formatIp(ip);
  throw new ApiError(400, `ip: expected the IP address of one station, got ${String(value)}`);
}

/** A name in a body, if there is one. */
export function textOf(body: Body, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || typeof value === 'string') return value;
  throw new ApiError(400, `${key}: expected a name, got ${JSON.stringify(value)}`);
}
