/** What the control thread and the loop's thread say to each other. Plain data only. */
import type { Drop } from '../assembly/abi.js';
import type { Problem } from './config/config-error.js';
import type { CounterValue } from './config/live-rules.js';
import type { Plan, ZonesPlan } from './config/plan.js';
import type { ServicesChange } from './config/service-book.js';
import type { FdbEntry } from './core.js';
import type { CoreEvent } from './core-events.js';
import type { Neighbour } from './neighbour-table.js';
import type { EndpointSelector, Removed, ShownEndpoint } from './overlay/endpoint-control.js';
import type { EndpointRecord } from './overlay/endpoints.js';
import type { Flow } from './flow-record.js';
import type { JournalPart } from './journal-record.js';
import type { Vtep } from './overlay-table.js';
import type { Route, ZoneNeighbour } from './zone-table.js';
import type { Counters } from './rules/model.js';
import type { ServiceCounts } from './service-counts.js';
import type { HeldClient } from './service-table.js';

/** Words of the memory both threads share. */
export enum Signal {
  /** Not zero: there are requests to read. */
  Requests = 0,
  /** Bytes of captured frames that the control thread has not yet dealt with. */
  CapturedBytes,
  /** Events that the control thread has not yet dealt with. */
  WaitingEvents,
  /** Records of the journal, likewise. */
  WaitingRecords,
  Count,
}

/** What a thread needs to begin. */
export interface LoopStart {
  plan: Plan;
  seed: bigint;
  spinUs: number;
  /** `Signal.Count` words. */
  signal: SharedArrayBuffer;
  /** Handle that wakes the loop; absent where there is no addon: then all is in memory. */
  wakeHandle?: number;
}

/** What a port of the plan is bound to. */
export interface Binding {
  port: number;
  handles: number[];
}

export interface FdbFilter {
  port?: number;
  domain?: number;
  /** Configured entries too. */
  all?: boolean;
}

export interface CaptureSpec {
  id: number;
  /** Index of the port whose frames are wanted; absent with `drops`: of any. */
  port?: number;
  /** Dropped frames rather than those received and sent. */
  drops: boolean;
  /** A filter, see capture/filter.ts; '': every frame. */
  filter: string;
  /** Bytes kept of a frame. */
  snapBytes: number;
}

export type Request =
  | { kind: 'apply'; plan: Plan; bindings: Binding[] }
  | { kind: 'counters' }
  | { kind: 'fdbPage'; bucket: number }
  | { kind: 'fdbAdd'; entry: Omit<FdbEntry, 'ageMs'> }
  | { kind: 'fdbRemove'; mac: bigint; domain: number }
  | { kind: 'fdbFlush'; filter: FdbFilter }
  | { kind: 'endpointAdd'; record: EndpointRecord }
  | { kind: 'endpointRemove'; selector: EndpointSelector }
  | { kind: 'endpoints' }
  | { kind: 'neighbours' }
  | { kind: 'vteps' }
  | { kind: 'zones' }
  | { kind: 'flowPage'; first: number }
  | { kind: 'flowsEnd'; flows: Pick<Flow, 'entry' | 'id'>[] }
  | { kind: 'ruleCounters' }
  /** Services of the zones are left out: they stay. */
  | { kind: 'useRules'; zones: ZonesPlan; values: CounterValue[] }
  | ({ kind: 'servicesUse' } & ServicesChange)
  /** Of these numbers; `isFirst` of several requests brings counters up to date. */
  | { kind: 'serviceCounts'; services: number[]; isFirst: boolean }
  | { kind: 'serviceZero'; services: number[] }
  | { kind: 'serviceClients'; first: number }
  | { kind: 'eventsStart' }
  | { kind: 'eventsStop' }
  | { kind: 'journal'; kinds: number; isWanted: boolean }
  | { kind: 'snapshot' }
  | { kind: 'captureStart'; spec: CaptureSpec }
  | { kind: 'captureStop'; id: number }
  | { kind: 'inject'; port: number; frames: Uint8Array[] }
  | { kind: 'stop' };

/** Copies of the counter regions, as of one moment between two batches. */
export interface RawCounters {
  ports: BigUint64Array;
  segments: BigUint64Array;
  nodes: BigUint64Array;
  core: BigUint64Array;
}

/** What zones know and have counted, as of one moment between two batches. */
export interface ZonesState {
  routes: Route[];
  neighbours: ZoneNeighbour[];
  /** By zone, ZoneCounter.Count each. */
  counters: BigUint64Array;
}

export interface Results {
  apply: void;
  counters: RawCounters;
  fdbPage: { entries: FdbEntry[]; next: number };
  fdbAdd: boolean;
  fdbRemove: boolean;
  fdbFlush: number;
  /** Refused when there is no room. */
  endpointAdd: void;
  endpointRemove: Removed;
  endpoints: ShownEndpoint[];
  neighbours: Neighbour[];
  vteps: Vtep[];
  zones: ZonesState;
  flowPage: { flows: Flow[]; next: number };
  /** How many were still there. */
  flowsEnd: number;
  ruleCounters: Counters[];
  /** Refused when there is no room. */
  useRules: void;
  /** Refused when there is no room. */
  servicesUse: void;
  serviceCounts: ServiceCounts;
  serviceZero: void;
  serviceClients: { clients: HeldClient[]; next: number };
  eventsStart: void;
  eventsStop: void;
  journal: void;
  snapshot: Uint8Array;
  captureStart: void;
  captureStop: void;
  inject: boolean;
  stop: RawCounters;
}

export interface CapturedFrame {
  /** Nanoseconds since 1970. */
  stampNs: bigint;
  port: number;
  direction: 'rx' | 'tx' | 'drop';
  /** `Drop.None` unless dropped. */
  reason: Drop;
  /** Bytes of the frame; `data` may hold fewer. */
  lengthBytes: number;
  data: Uint8Array;
}

export type Reply =
  | { kind: 'reply'; id: number; value: unknown }
  | { kind: 'refused'; id: number; message: string; problems?: readonly Problem[] };

export type LoopEvent =
  | { kind: 'gone'; port: number; errno: number }
  | { kind: 'told'; events: CoreEvent[]; lostEvents: number }
  | { kind: 'journal'; part: JournalPart }
  | { kind: 'captured'; id: number; frames: CapturedFrame[]; lostFrames: number };

export type FromLoop = Reply | LoopEvent;

export interface ToLoop {
  id: number;
  request: Request;
}
