/** Control requests, done on the core between two turns of the loop. */
import {
  CoreCounter,
  FdbKind,
  Node,
  PORT_COUNTERS,
  PortOption,
  Region,
  SegmentCounter,
  Status,
} from '../assembly/abi.js';
import { ZoneCounter } from '../assembly/zone-abi.js';
import { ConfigError } from './config/config-error.js';
import type { CounterValue } from './config/live-rules.js';
import type { Plan, ZonesPlan } from './config/plan.js';
import type { Core } from './core.js';
import type { Loop } from './loop.js';
import type {
  Binding,
  FdbFilter,
  RawCounters,
  Reply,
  Request,
  Results,
  ZonesState,
} from './loop-messages.js';
import type { LoopEvents } from './loop-events.js';
import type { LoopJournal } from './loop-journal.js';
import type { LoopTaps } from './loop-taps.js';
import { EndpointControl } from './overlay/endpoint-control.js';
import type { MemoryIo } from './port/memory.js';
import type { PortIo } from './port/port.js';
import { ServiceControl } from './service-control.js';

const COUNTER_BYTES = 8;

export interface LoopParts {
  core: Core;
  io: PortIo;
  memory: MemoryIo;
  bindMemoryPort: (port: number) => void;
  loop: Loop;
  taps: LoopTaps;
  events: LoopEvents;
  journal: LoopJournal;
}

/** About endpoints, tunnel ends, zones, and what the core tells. */
type OverlayRequest = Extract<
  Request,
  {
    kind:
      | `endpoint${string}`
      | `events${string}`
      | `flow${string}`
      | 'journal'
      | 'neighbours'
      | 'vteps'
      | 'zones';
  }
>;

export class LoopControl {
  /** What the core has; none at first. */
  private plan: Plan | undefined;
  isStopped = false;
  /** Handles of each port that is bound to some, by index. */
  private readonly bound = new Map<number, readonly number[]>();

  private readonly endpoints: EndpointControl;
  private readonly services: ServiceControl;

  constructor(private readonly parts: LoopParts) {
    this.endpoints = new EndpointControl(parts.core);
    this.services = new ServiceControl(parts.core);
  }

  /** Does what is asked; a failure becomes a refusal. Tells what it has ended before. */
  answer(id: number, request: Request): Reply {
    try {
      const isNumbered = request.kind === 'apply' || request.kind === 'useRules';
      if (isNumbered) this.parts.journal.tell(false, true);
      return { kind: 'reply', id, value: this.perform(request) };
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof ConfigError)) return { kind: 'refused', id, message };
      return { kind: 'refused', id, message, problems: error.problems };
    } finally {
      this.parts.journal.tell(true);
    }
  }

  private perform(request: Request): Results[Request['kind']] {
    const { core, taps } = this.parts;
    switch (request.kind) {
      case 'apply':
        return this.apply(request.plan, request.bindings);
      case 'counters':
        return this.counters();
      case 'fdbPage':
        return core.fdbPage(request.bucket);
      case 'fdbAdd':
        return this.addEntry(request.entry);
      case 'fdbRemove':
        return this.removeEntry(request.mac, request.domain);
      case 'fdbFlush':
        return this.flush(request.filter);
      case 'snapshot':
        return core.snapshot();
      case 'captureStart':
        taps.start(request.spec);
        return this.attachTaps();
      case 'captureStop':
        taps.stop(request.id);
        return this.attachTaps();
      case 'inject':
        return this.inject(request.port, request.frames);
      case 'ruleCounters':
        return core.zones.ruleCounters(this.plan?.zones.counterKeys.length ?? 0);
      case 'useRules':
        return this.useRules(request.zones, request.values);
      case 'servicesUse':
      case 'serviceCounts':
      case 'serviceZero':
      case 'serviceClients':
        return this.services.perform(request);
      case 'stop':
        this.isStopped = true;
        return this.counters();
      default:
        return this.performOverlay(request);
    }
  }

  private performOverlay(request: OverlayRequest): Results[OverlayRequest['kind']] {
    const { core } = this.parts;
    switch (request.kind) {
      case 'endpointAdd':
        return this.endpoints.add(request.record);
      case 'endpointRemove':
        return this.endpoints.remove(request.selector);
      case 'endpoints':
        return this.endpoints.show();
      case 'neighbours':
        return [...core.neighbours.entries()];
      case 'vteps':
        return [...core.overlays.vteps()];
      case 'zones':
        return this.zonesState();
      case 'flowPage':
        return core.zones.flowPage(request.first);
      case 'flowsEnd':
        return request.flows.filter(flow => core.zones.removeFlow(flow) === Status.Ok).length;
      case 'eventsStart':
        return this.listen(true);
      case 'eventsStop':
        return this.listen(false);
      case 'journal':
        this.parts.journal.listen(request.kinds, request.isWanted);
        return this.hear();
    }
  }

  /** New devices first, as the kernel may refuse them; then the core; then the old go. */
  private apply(plan: Plan, bindings: readonly Binding[]): void {
    const { memory } = this.parts;
    const before = this.planNow;
    const done: number[] = [];
    try {
      for (const { port, handles } of bindings) {
        this.parts.io.bindPort(port, handles);
        done.push(port);
      }
      this.endpoints.apply(plan, before);
    } catch (error) {
      this.bindAgain(done);
      throw error;
    }
    for (const { port, handles } of bindings) this.bound.set(port, handles);
    for (const old of before?.ports ?? []) {
      const isKept = plan.ports.some(({ name, index }) => name === old.name && index === old.index);
      if (!isKept && !done.includes(old.index)) this.unbind(old.index);
    }
    for (const { config, index } of plan.ports) {
      if (config.kind === 'memory' && !memory.has(index)) this.parts.bindMemoryPort(index);
    }
    this.keep(plan);
  }

  /** `plan` is what the core has from now on. */
  private keep(plan: Plan): void {
    this.services.reset(plan.zones.services, plan.capacities);
    this.plan = structuredClone({ ...plan, zones: { ...plan.zones, services: [] } });
  }

  /** With the services of now. */
  private get planNow(): Plan | undefined {
    const { plan, services } = this;
    return plan && { ...plan, zones: { ...plan.zones, services: services.all } };
  }

  /** Other rules and nothing else, all of them or none; `values` are of counters. */
  private useRules(zones: ZonesPlan, values: readonly CounterValue[]): void {
    const before = this.planNow!;
    const plan = { ...before, zones: { ...zones, services: before.zones.services } };
    this.endpoints.apply(plan, before);
    for (const { counter, ...value } of values) {
      this.parts.core.zones.setRuleCounter(counter, value);
    }
    this.keep(plan);
  }

  /** Puts these ports back to what they were bound to. */
  private bindAgain(ports: readonly number[]): void {
    const { io, bindMemoryPort } = this.parts;
    for (const port of ports) {
      const handles = this.bound.get(port);
      if (handles !== undefined) io.bindPort(port, handles);
      else io.unbindPort(port);
      const old = this.plan?.ports.find(({ index }) => index === port);
      if (old?.config.kind === 'memory') bindMemoryPort(port);
    }
  }

  private unbind(port: number): void {
    this.parts.io.unbindPort(port);
    this.bound.delete(port);
  }

  /** A device has vanished: the port is down, until a reload brings it back. */
  markGone(index: number): void {
    this.bound.delete(index);
    const port = this.plan?.ports.find(other => other.index === index);
    if (port !== undefined) port.options[PortOption.Up] = 0;
  }

  /** What is said of an address stands against what would be learned. */
  private addEntry(entry: Parameters<Core['fdbInsert']>[0]): boolean {
    const { domain, mac, kind } = entry;
    if (kind === FdbKind.Dynamic && this.endpoints.has(domain, mac)) return false;
    const status = this.parts.core.fdbInsert(entry);
    if (status === Status.OutOfRange) throw new Error('fdb: no such port or domain');
    return status === Status.Ok;
  }

  /** Whatever says where the address is. False: nothing does. */
  private removeEntry(mac: bigint, domain: number): boolean {
    const { removed } = this.endpoints.remove({ domain, mac });
    if (removed > 0 || this.endpoints.has(domain, mac)) return removed > 0;
    return this.parts.core.fdbRemove(mac, domain) === Status.Ok;
  }

  private flush(filter: FdbFilter): number {
    const records = filter.all === true ? this.endpoints.flush(filter) : 0;
    return records + this.parts.core.fdbFlush(filter);
  }

  private listen(isWanted: boolean): void {
    const { events } = this.parts;
    if (isWanted) events.start();
    else events.stop();
    this.hear();
  }

  /** Lets the loop call whoever is heard by somebody. */
  private hear(): void {
    const { loop, events, journal } = this.parts;
    const isHeard = events.isHeard || journal.isHeard;
    loop.onTold = !isHeard
      ? undefined
      : (): void => {
          if (events.isHeard) events.onDecided();
          journal.tell(false);
        };
  }

  private attachTaps(): void {
    const { loop, taps } = this.parts;
    loop.tap = taps.isEmpty ? undefined : taps;
  }

  private inject(port: number, frames: readonly Uint8Array[]): boolean {
    return frames.every(frame => this.parts.memory.inject(port, frame));
  }

  private counters(): RawCounters {
    const { Ports, Segments } = this.plan?.capacities ?? { Ports: 0, Segments: 0 };
    return {
      ports: this.copy(Region.PortCounters, (Ports + 1) * PORT_COUNTERS),
      segments: this.copy(Region.SegmentCounters, Segments * SegmentCounter.Count),
      nodes: this.copy(Region.NodeCounters, Node.Count),
      core: this.copy(Region.CoreCounters, CoreCounter.Count),
    };
  }

  private zonesState(): ZonesState {
    const { zones } = this.parts.core;
    return {
      routes: [...zones.routes()],
      neighbours: [...zones.neighbours()],
      counters: this.copy(
        Region.ZoneCounters,
        (this.plan?.capacities.Zones ?? 0) * ZoneCounter.Count,
      ),
    };
  }

  private copy(region: Region, columns: number): BigUint64Array {
    const start = this.parts.core.region(region);
    const bytes = this.parts.core.bytes.slice(start, start + columns * COUNTER_BYTES);
    return new BigUint64Array(bytes.buffer);
  }
}
