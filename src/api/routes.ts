/** What the API can do: one function a path and method. Documented in docs/api.md. */
import { FilterError, compileFilter } from '../capture/filter.js';
import type { PlanChange, Switch } from '../switch.js';
import { ApiError } from './api-error.js';
import { streamCapture } from './capture-stream.js';
import * as endpoints from './endpoint-routes.js';
import { streamEvents } from './event-stream.js';
import { streamFlowEvents } from './flow-event-stream.js';
import * as fdb from './fdb-routes.js';
import { portNamed, segmentNamed } from './names.js';
import type { ApiRequest } from './request.js';
import * as zones from './zone-routes.js';
import * as rules from './rule-routes.js';
import * as services from './service-routes.js';
import { dropsView, portView, segmentView, statsView, vlanView } from './views.js';

export interface ApiContext {
  target: Switch;
  /** Reads the configuration file again and changes to it. */
  reload: () => Promise<PlanChange>;
}

type Route = (context: ApiContext, request: ApiRequest) => void | Promise<void>;

const DEFAULT_SNAP_BYTES = 65536;
const HEX = /^([0-9a-f]{2})*$/i;

/** By method and path; `*` is one part, a name. */
const ROUTES: Record<string, Route> = {
  'GET switch': showSwitch,
  'GET plan': ({ target }, request) => request.json(target.plan),
  'GET ports': showPorts,
  'GET ports/*': showPort,
  'POST ports/*/frames': inject,
  'GET segments': showSegments,
  'GET segments/*': showSegments,
  'GET vlans': showVlans,
  'GET fdb': ({ target }, request) => fdb.list(target, request),
  'POST fdb': ({ target }, request) => fdb.add(target, request),
  'DELETE fdb': ({ target }, request) => fdb.remove(target, request),
  'POST fdb/flush': ({ target }, request) => fdb.flush(target, request),
  'GET neighbours': ({ target }, request) => endpoints.listNeighbours(target, request),
  'POST neighbours': ({ target }, request) => endpoints.addNeighbour(target, request),
  'DELETE neighbours': ({ target }, request) => endpoints.removeNeighbour(target, request),
  'GET endpoints': ({ target }, request) => endpoints.listEndpoints(target, request),
  'POST endpoints': ({ target }, request) => endpoints.addEndpoint(target, request),
  'DELETE endpoints': ({ target }, request) => endpoints.removeEndpoint(target, request),
  'GET vteps': ({ target }, request) => endpoints.listVteps(target, request),
  'GET zones': zones.showZones,
  'GET flows': ({ target }, request) => zones.listFlows(target, request),
  'GET flows/events': ({ target }, request) => streamFlowEvents(target, request),
  'DELETE flows': ({ target }, request) => zones.endFlows(target, request),
  'GET events': ({ target }, request) => streamEvents(target, request.response),
  'GET rules': ({ target }, request) => rules.showRules(target, request),
  'POST rules': ({ target }, request) => rules.restoreRules(target, request),
  'GET services': ({ target }, request) => services.showServices(target, request),
  'GET services/connections': ({ target }, request) => services.showConnections(target, request),
  'POST services': ({ target }, request) => services.changeServices(target, request),
  'GET stats': showStats,
  'GET drops': showDrops,
  'GET snapshot': sendSnapshot,
  'GET capture': capture,
  'POST reload': async ({ reload }, request) => request.json(await reload()),
};

/** Throws an `ApiError` when there is no such path or method. */
export function routeOf(request: ApiRequest): Route {
  const [version, ...path] = request.path;
  const patterns = Object.keys(ROUTES).map(key => key.split(' ') as [string, string]);
  const matching = patterns.filter(([, pattern]) => version === 'v1' && matches(pattern, path));
  const found = matching.find(([method]) => method === request.method);
  if (found !== undefined) return ROUTES[found.join(' ')]!;
  if (matching.length === 0) {
    throw new ApiError(404, `path: expected one of docs/api.md, got /${request.path.join('/')}`);
  }
  const methods = matching.map(([method]) => method).join(' or ');
  throw new ApiError(405, `method: expected ${methods}, got ${request.method}`);
}

function matches(pattern: string, path: readonly string[]): boolean {
  const parts = pattern.split('/');
  if (parts.length !== path.length) return false;
  return parts.every((part, index) => part === '*' || part === path[index]);
}

function showSwitch({ target }: ApiContext, request: ApiRequest): void {
  const { name, capacities } = target.plan;
  request.json({ name, pid: process.pid, capacities });
}

function showPorts({ target }: ApiContext, request: ApiRequest): void {
  request.allowQuery();
  const { plan } = target;
  request.json(plan.ports.map(port => portView(port, plan, target.isGone(port.name))));
}

function showPort({ target }: ApiContext, request: ApiRequest): void {
  const port = portNamed(target.plan, request.path[2]!);
  request.json(portView(port, target.plan, target.isGone(port.name)));
}

async function inject({ target }: ApiContext, request: ApiRequest): Promise<void> {
  const port = portNamed(target.plan, request.path[2]!);
  const { frames } = await request.body('frames');
  const isText = (frame: unknown): frame is string => typeof frame === 'string' && HEX.test(frame);
  if (!Array.isArray(frames) || !frames.every(isText)) {
    throw new ApiError(400, 'frames: expected a list of frames in hexadecimal');
  }
  const bytes = frames.map(frame => Uint8Array.from(Buffer.from(frame, 'hex')));
  if (port.config.kind !== 'memory') {
    throw new ApiError(409, `port: expected one of kind memory, got ${port.config.kind}`);
  }
  await target.inject(port.index, bytes);
  request.json({ injected: bytes.length });
}

async function showSegments({ target }: ApiContext, request: ApiRequest): Promise<void> {
  const [, , name] = request.path;
  const { plan } = target;
  const counters = await target.counters();
  if (name !== undefined) {
    return request.json(segmentView(segmentNamed(plan, name), plan, counters));
  }
  request.json(plan.segments.map(segment => segmentView(segment, plan, counters)));
}

function showVlans({ target }: ApiContext, request: ApiRequest): void {
  request.json(target.plan.ports.map(vlanView).filter(view => view !== null));
}

async function showStats({ target }: ApiContext, request: ApiRequest): Promise<void> {
  request.json(statsView(target.plan, await target.counters()));
}

async function showDrops({ target }: ApiContext, request: ApiRequest): Promise<void> {
  request.json(dropsView(target.plan, await target.counters()));
}

async function sendSnapshot({ target }: ApiContext, request: ApiRequest): Promise<void> {
  const snapshot = await target.snapshot();
  const headers = { 'content-type': 'application/octet-stream', 'content-length': snapshot.length };
  request.response.writeHead(200, headers);
  request.response.end(snapshot);
}

async function capture({ target }: ApiContext, request: ApiRequest): Promise<void> {
  request.allowQuery('port', 'drops', 'filter', 'snapBytes');
  const drops = request.text('drops') !== undefined;
  const name = request.text('port');
  if (name === undefined && !drops) throw new ApiError(400, 'port: expected a name, got nothing');
  const filter = request.text('filter') ?? '';
  const snapBytes = Number(request.text('snapBytes') ?? DEFAULT_SNAP_BYTES);
  if (!Number.isInteger(snapBytes) || snapBytes < 1) {
    throw new ApiError(400, `snapBytes: expected 1 or more, got ${request.text('snapBytes')}`);
  }
  expectFilter(filter);
  const port = name === undefined ? {} : { port: portNamed(target.plan, name).index };
  await streamCapture(target, { ...port, drops, filter, snapBytes }, request.response);
}

function expectFilter(filter: string): void {
  try {
    compileFilter(filter);
  } catch (error) {
    if (error instanceof FilterError) throw new ApiError(400, error.message);
    throw error;
  }
}
