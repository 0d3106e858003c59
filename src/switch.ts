/**
 * A running switch, on the control thread: owns the devices and the plan, and asks the loop
 * for everything that touches the core.
 */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { FdbKind } from '../assembly/abi.js';
import type { Config } from './config/config.js';
import type { ZoneConfig } from './config/zone-config.js';
import type { LiveRules, RulesChange } from './config/live-rules.js';
import { JournalKind } from '../assembly/zone-abi.js';
import { type Plan, planOf } from './config/plan.js';
import type { FdbEntry } from './core.js';
import type { CoreEvent } from './core-events.js';
import type { Flow } from './flow-record.js';
import { type FlowNews, type LoggedPacket, readJournal, readLogged } from './journal-record.js';
import { LoopClient } from './loop-client.js';
import { recordsIn } from './loop-journal.js';
import type {
  CaptureSpec,
  CapturedFrame,
  FdbFilter,
  LoopEvent,
  RawCounters,
  Request,
  Results,
} from './loop-messages.js';
import { closeHandle, errorName, isAddonAvailable, openWake, wake } from './port/addon.js';
import { Devices } from './port/devices.js';
import { checkKinds } from './port/kinds.js';
import { type PlanChange, changeOf } from './plan-change.js';
import { SwitchServices, withoutServices } from './switch-services.js';

/** Measured in DESIGN: halves the round trip, costs nothing when idle. */
const DEFAULT_SPIN_US = 50;
const SEED_BYTES = 8;

export type { PlanChange };

export interface SwitchOptions {
  /** How long the loop polls after the last frame before it sleeps. */
  spinUs?: number;
}

export interface Captured {
  frames: readonly CapturedFrame[];
  /** Frames that found the queue full since the last delivery. */
  lostFrames: number;
  /** Call it when done with the frames: they take room until then. */
  release: () => void;
}

interface Events {
  /** A device has vanished: its port is down. */
  gone: [port: string, error: string];
  reloaded: [change: PlanChange];
  /** Only while somebody listens, see `listen`. */
  told: [events: readonly CoreEvent[], lostEvents: number];
  /** Only while somebody listens, see `listenToFlows`. `lost` come behind the news. */
  toldFlows: [news: readonly FlowNews[], lost: number];
  /** Likewise, see `listenToLogs`. */
  toldLogs: [packets: readonly LoggedPacket[], lost: number];
  /** The loop has failed; the switch is of no use any more. */
  failed: [error: Error];
}

/** What the routes of overlays and zones ask for. */
type EndpointRequest =
  'endpointAdd' | 'endpointRemove' | 'endpoints' | 'neighbours' | 'vteps' | 'zones' | 'flowsEnd';

export class Switch extends EventEmitter<Events> {
  /** What the core has. */
  private current: Plan | undefined;
  private readonly loop: LoopClient;
  private readonly devices = new Devices();
  private readonly captures = new Map<number, (captured: Captured) => void>();
  private readonly gonePorts = new Set<string>();
  private readonly wakeHandle: number | undefined;
  private nextCapture = 1;
  /** Services of zones: what they have counted, and others in their place. */
  readonly services: SwitchServices;
  /** Changes happen one behind the other. */
  private lastChange: Promise<unknown> = Promise.resolve();

  private constructor(plan: Plan, options: SwitchOptions) {
    super();
    this.wakeHandle = isAddonAvailable().ok ? openWake() : undefined;
    const { wakeHandle } = this;
    this.loop = new LoopClient({
      plan,
      seed: plan.seed ?? randomBytes(SEED_BYTES).readBigUInt64LE(),
      spinUs: options.spinUs ?? DEFAULT_SPIN_US,
      ...(wakeHandle !== undefined && { wake: { handle: wakeHandle, wake } }),
      onEvent: event => this.onEvent(event),
      onFailure: error => this.emit('failed', error),
    });
    this.services = new SwitchServices({
      loop: this.loop,
      inTurn: run => this.inTurn(run),
      plan: () => this.plan,
      useZones: zones => {
        this.current = { ...this.plan, zones };
      },
    });
  }

  /** Starts with its devices open. Throws a `ConfigError` or an error of the system. */
  static async start(config: Config, options: SwitchOptions = {}): Promise<Switch> {
    checkKinds(config);
    const plan = planOf(config);
    const made = new Switch(plan, options);
    try {
      await made.change(plan);
    } catch (error) {
      await made.stop().catch(() => undefined);
      throw error;
    }
    return made;
  }

  get plan(): Plan {
    return this.current!;
  }

  /** Whether a port's device has vanished. */
  isGone(port: string): boolean {
    return this.gonePorts.has(port);
  }

  /**
   * Changes to another configuration, all of it or nothing, without losing a frame. A function
   * makes it from the zones that run when its turn comes.
   */
  async reload(wanted: Config | ((running: readonly ZoneConfig[]) => Config)): Promise<PlanChange> {
    const run = async (): Promise<PlanChange> => {
      const before = this.plan;
      const running = before.zones.zones.map(zone => zone.config);
      const config = typeof wanted === 'function' ? wanted(running) : wanted;
      checkKinds(config);
      await this.change(planOf(config, before));
      const change = changeOf(before, this.plan);
      this.emit('reloaded', change);
      return change;
    };
    return this.inTurn(run);
  }

  /** The rules of all zones and their counters, as of one moment. */
  liveRules(): Promise<LiveRules> {
    return this.inTurn(async () => {
      const counters = await this.loop.ask({ kind: 'ruleCounters' });
      return { zones: this.plan.zones, counters };
    });
  }

  /** Changes rules as `change` says, all or nothing, until the next reload. */
  changeRules(change: (live: LiveRules) => RulesChange | undefined): Promise<void> {
    return this.inTurn(async () => {
      const counters = await this.loop.ask({ kind: 'ruleCounters' });
      const wanted = change({ zones: this.plan.zones, counters });
      if (wanted === undefined) return;
      const { zones, values } = wanted;
      const sent = { ...withoutServices(zones), services: [] };
      await this.loop.ask({ kind: 'useRules', zones: sent, values });
      this.current = { ...this.plan, zones };
    });
  }

  /** Runs when what was asked for before is done. */
  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.lastChange.then(run, run);
    this.lastChange = result.catch(() => undefined);
    return result;
  }

  private async change(wanted: Plan): Promise<void> {
    const { plan, bindings, commit, rollback } = this.devices.prepare(wanted, this.current);
    try {
      const sent = { ...plan, zones: withoutServices(plan.zones) };
      await this.loop.ask({ kind: 'apply', plan: sent, bindings });
    } catch (error) {
      rollback();
      throw error;
    }
    commit();
    this.services.forget();
    this.gonePorts.clear();
    this.current = plan;
  }

  /** Asks the loop, which answers between two batches. */
  ask<Kind extends EndpointRequest>(
    request: Extract<Request, { kind: Kind }>,
  ): Promise<Results[Kind]> {
    return this.loop.ask(request);
  }

  counters(): Promise<RawCounters> {
    return this.loop.ask({ kind: 'counters' });
  }

  /** All of the core's memory as of one moment; `Core.restore` makes a core of it. */
  snapshot(): Promise<Uint8Array> {
    return this.loop.ask({ kind: 'snapshot' });
  }

  /** The whole FDB, in pieces between which the loop goes on. */
  async *fdb(): AsyncGenerator<FdbEntry> {
    let bucket = 0;
    do {
      const page = await this.loop.ask({ kind: 'fdbPage', bucket });
      yield* page.entries;
      bucket = page.next;
    } while (bucket !== 0);
  }

  /** All flows, in pieces between which the loop goes on. */
  async *flows(): AsyncGenerator<Flow> {
    let first = 0;
    do {
      const page = await this.loop.ask({ kind: 'flowPage', first });
      yield* page.flows;
      first = page.next;
    } while (first !== 0);
  }

  /** False: the table is full. */
  addFdb(mac: bigint, domain: number, port: number, kind: FdbKind): Promise<boolean> {
    return this.loop.ask({ kind: 'fdbAdd', entry: { mac, domain, port, kind } });
  }

  /** False: there was none. */
  removeFdb(mac: bigint, domain: number): Promise<boolean> {
    return this.loop.ask({ kind: 'fdbRemove', mac, domain });
  }

  /** Returns how many went. */
  flushFdb(filter: FdbFilter): Promise<number> {
    return this.loop.ask({ kind: 'fdbFlush', filter });
  }

  /** Puts frames into a port of kind memory. False: there is none of that index. */
  inject(port: number, frames: Uint8Array[]): Promise<boolean> {
    return this.loop.ask({ kind: 'inject', port, frames });
  }

  /** Delivers matching frames until the returned function is called. */
  async capture(
    wanted: Omit<CaptureSpec, 'id'>,
    onCaptured: (captured: Captured) => void,
  ): Promise<() => Promise<void>> {
    const id = this.nextCapture++;
    this.captures.set(id, onCaptured);
    try {
      await this.loop.ask({ kind: 'captureStart', spec: { ...wanted, id } });
    } catch (error) {
      this.captures.delete(id);
      throw error;
    }
    return async () => {
      if (!this.captures.delete(id)) return;
      await this.loop.ask({ kind: 'captureStop', id }).catch(() => undefined);
    };
  }

  /** Tells what happens, until the returned function is called. */
  async listen(
    onTold: (events: readonly CoreEvent[], lostEvents: number) => void,
  ): Promise<() => Promise<void>> {
    this.on('told', onTold);
    await this.loop.ask({ kind: 'eventsStart' });
    return async (): Promise<void> => {
      this.off('told', onTold);
      await this.loop.ask({ kind: 'eventsStop' }).catch(() => undefined);
    };
  }

  /** Tells what happens to flows, `kinds` (JournalKind bits) at the least, likewise. */
  async listenToFlows(
    kinds: number,
    onTold: (news: readonly FlowNews[], lost: number) => void,
  ): Promise<() => Promise<void>> {
    this.on('toldFlows', onTold);
    await this.loop.ask({ kind: 'journal', kinds, isWanted: true });
    return async (): Promise<void> => {
      this.off('toldFlows', onTold);
      await this.loop.ask({ kind: 'journal', kinds, isWanted: false }).catch(() => undefined);
    };
  }

  /** Tells of packets that meet LOG and NFLOG rules, likewise. */
  async listenToLogs(
    onTold: (packets: readonly LoggedPacket[], lost: number) => void,
  ): Promise<() => Promise<void>> {
    const kinds = JournalKind.Log;
    this.on('toldLogs', onTold);
    await this.loop.ask({ kind: 'journal', kinds, isWanted: true });
    return async (): Promise<void> => {
      this.off('toldLogs', onTold);
      await this.loop.ask({ kind: 'journal', kinds, isWanted: false }).catch(() => undefined);
    };
  }

  /** Ends the loop and closes the devices. Returns the last counters. */
  async stop(): Promise<RawCounters> {
    const counters = await this.loop.ask({ kind: 'stop' });
    await this.loop.ended();
    this.devices.closeAll();
    if (this.wakeHandle !== undefined) closeHandle(this.wakeHandle);
    return counters;
  }

  private onEvent(event: LoopEvent): void {
    if (event.kind === 'gone') return this.lose(event.port, event.errno);
    if (event.kind === 'told') {
      this.emit('told', event.events, event.lostEvents);
      return this.loop.releaseEvents(event.events.length);
    }
    if (event.kind === 'journal') {
      this.emit('toldFlows', readJournal(event.part), event.part.lost);
      this.emit('toldLogs', readLogged(event.part), event.part.lost);
      return this.loop.releaseRecords(recordsIn(event.part));
    }
    const { frames, lostFrames } = event;
    const release = (): void => this.loop.release(frames);
    const onCaptured = this.captures.get(event.id);
    if (onCaptured === undefined) release();
    else onCaptured({ frames, lostFrames, release });
  }

  private lose(index: number, errno: number): void {
    const port = this.current?.ports.find(other => other.index === index);
    if (port === undefined) return;
    this.devices.forget(port.name);
    this.gonePorts.add(port.name);
    this.emit('gone', port.name, errorName(errno));
  }
}
