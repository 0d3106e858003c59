/**
 * Hosts, stations and links in one process and one thread, in simulated time:
 *
 *     const simulation = new Simulation({ seed: 1 });
 *     simulation.addHost('a', config);
 *     simulation.addHost('b', config);
 *     simulation.connect('trunk', ['a.t', 'b.t'], { lossPercent: 1 });
 *     simulation.inject('a.p1', frame);
 *     simulation.runUntilIdle();
 *     simulation.sentBy('b.p1');
 *
 * The same seed and the same calls give the same events, to the byte, on any machine: time
 * is that of the event queue, random numbers are those of random.ts, and both begin anew
 * with each simulation.
 */
import type { Config } from '../config/config.js';
import { EventQueue } from './event-queue.js';
import { type FlowOptions, NumberedStream, PingTrain, type Schedule } from './flows.js';
import type { StreamOptions } from './flows.js';
import type { SimFrame } from './frame.js';
import { type HostPort, SimHost } from './host.js';
import { type Impairments, NO_IMPAIRMENTS } from './impairments.js';
import { Link } from './link.js';
import type { Observer, SimEvent } from './observer.js';
import { Station, type StationOptions } from './station.js';

export interface SimulationOptions {
  /** Decides every random choice; default 1. */
  seed?: number;
  /** Hosts look for frames at multiples of this, so that batches form; 0: at once. */
  pollNs?: number;
  /** Keeps what each port and station sends, for `sentBy`. */
  record?: boolean;
  /** Told of everything that happens, in order. */
  onEvent?: Observer;
}

/** A frame that left a port or a station. */
export interface SentFrame extends SimFrame {
  atNs: number;
}

const DEFAULT_SEED = 1;

export class Simulation {
  readonly seed: number;
  readonly events = new EventQueue();
  readonly hosts = new Map<string, SimHost>();
  readonly stations = new Map<string, Station>();
  readonly links = new Map<string, Link>();
  readonly pings = new Map<string, PingTrain>();
  readonly streams = new Map<string, NumberedStream>();
  private readonly ends = new Map<string, HostPort | Station>();
  private readonly sent = new Map<string, SentFrame[]>();
  private readonly observe: Observer;

  constructor(private readonly options: SimulationOptions = {}) {
    this.seed = options.seed ?? DEFAULT_SEED;
    this.observe = event => {
      if (options.record) this.keep(event);
      options.onEvent?.(event);
    };
  }

  get nowNs(): number {
    return this.events.nowNs;
  }

  addHost(name: string, config: Config): SimHost {
    const { events, observe } = this;
    const host = new SimHost(name, config, { events, observe, pollNs: this.options.pollNs ?? 0 });
    this.hosts.set(name, host);
    for (const port of host.ports.values()) if (!port.isInner) this.ends.set(port.name, port);
    return host;
  }

  addStation(name: string, options: StationOptions): Station {
    const { events, observe } = this;
    const station = new Station(name, options, { events, observe });
    this.stations.set(name, station);
    this.ends.set(name, station);
    return station;
  }

  /** Joins ports (`host.port`) and stations; each may be on one link. */
  connect(name: string, ends: readonly string[], impairments: Partial<Impairments> = {}): Link {
    const { seed, events, observe } = this;
    const joined = ends.map(end => this.end(end));
    const taken = joined.find((end, i) => end.link !== undefined || joined.indexOf(end) !== i);
    if (taken !== undefined) throw new Error(`${name}: ${taken.name} is on a link already`);
    const all = { ...NO_IMPAIRMENTS, ...impairments };
    const link = new Link(name, joined, all, { seed, events, observe });
    for (const end of joined) end.link = link;
    this.links.set(name, link);
    return link;
  }

  /** A port of a host, or a station. Throws when there is none of that name. */
  end(name: string): HostPort | Station {
    const end = this.ends.get(name);
    if (end === undefined) throw new Error(`no port or station ${name}`);
    return end;
  }

  /** Everything that sends and receives frames. */
  allEnds(): IterableIterator<HostPort | Station> {
    return this.ends.values();
  }

  /** Lets a frame come in at a port, now or later, as if something there had sent it. */
  inject(name: string, frame: Uint8Array | SimFrame, atNs = this.nowNs): void {
    const end = this.end(name);
    const whole = frame instanceof Uint8Array ? { bytes: frame } : frame;
    this.at(atNs, () => {
      end.injected++;
      end.receive(whole);
    });
  }

  addPing(name: string, options: FlowOptions): PingTrain {
    const train = new PingTrain(this.pings.size + 1, options);
    this.pings.set(name, train);
    this.repeat(options, index => train.send(index));
    return train;
  }

  addStream(name: string, options: StreamOptions): NumberedStream {
    const stream = new NumberedStream(options);
    this.streams.set(name, stream);
    this.repeat(options, index => stream.send(index));
    return stream;
  }

  at(atNs: number, run: () => void): void {
    this.events.push(atNs, run);
  }

  /** Runs something several times. Only the next time is in the queue. */
  repeat({ atNs, count, intervalNs }: Schedule, run: (index: number) => void): void {
    const once = (index: number): void => {
      run(index);
      if (index + 1 < count) this.at(atNs + (index + 1) * intervalNs, () => once(index + 1));
    };
    if (count > 0) this.at(atNs, () => once(0));
  }

  /** Runs the next event. False: nothing is left to happen. */
  step(): boolean {
    return this.events.step();
  }

  /** Runs events up to a time, that time included, and at most so many. False: more wait. */
  runUntil(untilNs: number, mostEvents = Infinity): boolean {
    return this.runWhile(mostEvents, next => next <= untilNs);
  }

  /**
   * The same, but also done when nothing is left to happen but the upkeep of hosts with
   * underlays, which never ends.
   */
  runUntilIdleOr(untilNs: number, mostEvents = Infinity): boolean {
    return this.runWhile(mostEvents, next => next <= untilNs && this.events.pending > 0);
  }

  /** Runs until nothing is left to happen. Throws after `mostEvents`: frames go in circles. */
  runUntilIdle(mostEvents = 10_000_000): void {
    if (this.runUntilIdleOr(Infinity, mostEvents)) return;
    throw new Error(`simulation: not idle after ${mostEvents} events; is there a loop?`);
  }

  private runWhile(mostEvents: number, goesOn: (nextNs: number) => boolean): boolean {
    const { events } = this;
    for (let ran = 0; ran < mostEvents; ran++) {
      const next = events.nextNs;
      if (next === undefined || !goesOn(next)) return true;
      events.step();
    }
    return false;
  }

  /** What a port or a station has sent since it was last asked; needs `record`. */
  sentBy(name: string): SentFrame[] {
    this.end(name);
    return this.sent.get(name)?.splice(0) ?? [];
  }

  private keep({ kind, where, frame, atNs }: SimEvent): void {
    if (kind !== 'out') return;
    const list = this.sent.get(where) ?? [];
    this.sent.set(where, list);
    list.push({ ...frame, atNs });
  }
}
