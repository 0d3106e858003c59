/** The API from the other side: for the command line, and for programs. */
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { createInterface } from 'node:readline';
import type { Problem } from '../config/config-error.js';
import type { PlanChange } from '../switch.js';
import { ApiError } from './api-error.js';
import type { DropsView, FdbView, FrameView, PortView } from './views.js';
import type { EndpointView, EventView, NeighbourView, VtepView } from './overlay-views.js';
import type { FlowEventView } from './flow-event-stream.js';
import type { LogView } from './log-view.js';
import type { ConnectionView } from './connection-views.js';
import type { RulesResult, RulesView } from './rule-routes.js';
import type { ServicesResult, ServicesView } from './service-routes.js';
import type { SegmentView, StatsView, VlanView } from './views.js';
import type { FlowView, ZoneView } from './zone-views.js';

/** Parameters of a query; those without a value are left out. */
export type Query = Record<string, string | number | undefined>;

export interface FdbAddress {
  mac: string;
  port?: string | undefined;
  /** Tunnel end, instead of a port. */
  dst?: string | undefined;
  segment?: string | undefined;
  vid?: number | undefined;
  kind?: string | undefined;
}

export interface EndpointAddress extends Omit<FdbAddress, 'kind'> {
  /** Default: made of MAC and IP address. */
  id?: string;
  ip?: string;
}

/** A line of events: one, or how many were lost before the next. */
export type EventLine = (EventView & { timeSec: number }) | LogView | { lostEvents: number };

/** A line of what happens to connections, likewise. */
export type FlowEventLine = FlowEventView | { lostEvents: number };

/** A line of a capture: a frame, or how many were lost before the next. */
export type CaptureLine = FrameView | { lostFrames: number };

export class ApiClient {
  constructor(private readonly socketPath: string) {}

  switchInfo(): Promise<{ name: string; pid: number; capacities: Record<string, number> }> {
    return this.json('GET', 'switch');
  }

  ports(): Promise<PortView[]> {
    return this.json('GET', 'ports');
  }

  segments(): Promise<SegmentView[]> {
    return this.json('GET', 'segments');
  }

  vlans(): Promise<VlanView[]> {
    return this.json('GET', 'vlans');
  }

  /** Filters: port, segment, vid, mac, kind. */
  fdb(query: Query = {}): Promise<FdbView[]> {
    return this.json('GET', 'fdb', query);
  }

  addFdb(entry: FdbAddress): Promise<{ added: number }> {
    return this.json('POST', 'fdb', {}, entry);
  }

  removeFdb(query: Query): Promise<{ removed: number }> {
    return this.json('DELETE', 'fdb', query);
  }

  flushFdb(filter: object): Promise<{ flushed: number }> {
    return this.json('POST', 'fdb/flush', {}, filter);
  }

  vteps(): Promise<VtepView[]> {
    return this.json('GET', 'vteps');
  }

  zones(): Promise<ZoneView[]> {
    return this.json('GET', 'zones');
  }

  /** Filters: zone, protocol, src, dst, sport, dport, state, nat (src or dst). */
  flows(query: Query = {}): Promise<FlowView[]> {
    return this.json('GET', 'flows', query);
  }

  /**
   * What happens to connections, until the loop over it ends. Filters as of `flows`, and
   * `events`: NEW, UPDATES, DESTROY, ALL.
   */
  flowEvents(query: Query = {}): AsyncGenerator<FlowEventLine> {
    return this.lines('flows/events', query);
  }

  endFlows(query: Query = {}): Promise<{ removed: number }> {
    return this.json('DELETE', 'flows', query);
  }

  /** Filters: segment, vid, ip, mac. */
  neighbours(query: Query = {}): Promise<NeighbourView[]> {
    return this.json('GET', 'neighbours', query);
  }

  addNeighbour(neighbour: object): Promise<{ added: number }> {
    return this.json('POST', 'neighbours', {}, neighbour);
  }

  removeNeighbour(query: Query): Promise<{ removed: number }> {
    return this.json('DELETE', 'neighbours', query);
  }

  endpoints(query: Query = {}): Promise<EndpointView[]> {
    return this.json('GET', 'endpoints', query);
  }

  addEndpoint(endpoint: EndpointAddress): Promise<{ added: number }> {
    return this.json('POST', 'endpoints', {}, endpoint);
  }

  removeEndpoint(query: Query): Promise<{ removed: number }> {
    return this.json('DELETE', 'endpoints', query);
  }

  /** What happens, until the loop over it ends. */
  events(): AsyncGenerator<EventLine> {
    return this.lines('events', {});
  }

  /** Parameters: zone, family. */
  rules(query: Query = {}): Promise<RulesView> {
    return this.json('GET', 'rules', query);
  }

  /** See docs/api.md. */
  restoreRules(change: object): Promise<RulesResult> {
    return this.json('POST', 'rules', {}, change);
  }

  /** Parameters: zone; service, by its name. */
  services(query: Query = {}): Promise<ServicesView> {
    return this.json('GET', 'services', query);
  }

  /** Parameters: zone. */
  serviceConnections(query: Query = {}): Promise<ConnectionView[]> {
    return this.json('GET', 'services/connections', query);
  }

  /** See docs/api.md. */
  changeServices(change: object): Promise<ServicesResult> {
    return this.json('POST', 'services', {}, change);
  }

  stats(): Promise<StatsView> {
    return this.json('GET', 'stats');
  }

  drops(): Promise<DropsView> {
    return this.json('GET', 'drops');
  }

  reload(): Promise<PlanChange> {
    return this.json('POST', 'reload');
  }

  /** The plan, with numbers beyond 2^53 as text. */
  plan(): Promise<unknown> {
    return this.json('GET', 'plan');
  }

  /** Puts frames, in hexadecimal, into a port of kind memory. */
  inject(port: string, frames: string[]): Promise<{ injected: number }> {
    return this.json('POST', `ports/${encodeURIComponent(port)}/frames`, {}, { frames });
  }

  /** All of the core's memory; `Core.restore` makes a core of it. */
  async snapshot(): Promise<Uint8Array> {
    return bodyOf(await this.open('GET', 'snapshot'));
  }

  /** Frames as they pass, until the loop over them ends. Parameters: port, drops, filter. */
  capture(query: Query): AsyncGenerator<CaptureLine> {
    return this.lines('capture', query);
  }

  private async *lines<T>(path: string, query: Query): AsyncGenerator<T> {
    const response = await this.open('GET', path, query);
    try {
      for await (const line of createInterface({ input: response })) {
        if (line !== '') yield JSON.parse(line) as T;
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ECONNRESET') throw error;
      throw new Error(`control socket ${this.socketPath}: the switch has ended`);
    } finally {
      response.destroy();
    }
  }

  private async json<T>(method: string, path: string, query?: Query, body?: object): Promise<T> {
    const response = await this.open(method, path, query, body);
    return JSON.parse((await bodyOf(response)).toString('utf8')) as T;
  }

  /** The answer, if it is a good one. */
  private async open(
    method: string,
    path: string,
    query: Query = {},
    body?: object,
  ): Promise<IncomingMessage> {
    const { socketPath } = this;
    const options: RequestOptions = {
      socketPath,
      method,
      path: `/v1/${path}${queryText(query)}`,
      headers: { host: 'sluice', 'content-type': 'application/json' },
    };
    const response = await send(options, body);
    if (response.statusCode! < 300) return response;
    throw errorOf(response.statusCode!, (await bodyOf(response)).toString('utf8'));
  }
}

function send(options: RequestOptions, body: object | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(options, resolve);
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code ?? error.message;
      reject(new Error(`control socket ${options.socketPath}: ${reason} (is the switch running?)`));
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(key, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function errorOf(status: number, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; problems?: Problem[] } };
    return new ApiError(status, error.message, error.problems);
  } catch {
    return new ApiError(status, text);
  }
}
