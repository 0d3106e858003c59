/**
 * A simulated host: one core with its configuration. Frames that come while it is busy with
 * others of the same moment, or until the next multiple of `pollNs`, are decided over in
 * one batch, in the order they came.
 */
import {
  CoreCounter,
  DROPPED_BYTES,
  Drop,
  Dropped,
  HEADROOM_BYTES,
  BATCH_PACKETS,
  RX_BYTES,
  Region,
  Rx,
  RxFlag,
  SLOT_ALIGN_BYTES,
  TX_BYTES,
  Tx,
  TxFlag,
  VNET_BYTES,
} from '../../assembly/abi.js';
import type { Config } from '../config/config.js';
import type { Plan, PlannedPort } from '../config/plan.js';
import type { Core } from '../core.js';
import { coreOf } from '../replay/prepare.js';
import { type SimFrame, isPartial, virtioBefore } from './frame.js';
import type { End, Link } from './link.js';
import type { EventQueue } from './event-queue.js';
import type { Observer } from './observer.js';
import { planHost, underlayAddresses } from './underlay.js';

const NS_PER_MS = 1e6;
const MS_MODULO = 0x100000000;
/** So often a host with an underlay looks after it when no frame comes. */
const UPKEEP_NS = 1e9;

export interface HostContext {
  events: EventQueue;
  observe: Observer;
  /** A host looks for frames at multiples of this; 0: at once. */
  pollNs: number;
}

/** A port of a host, as links see it. */
export class HostPort implements End {
  readonly name: string;
  readonly addresses: readonly string[];
  link: Link | undefined;
  /** Frames that came in, and those of them that were put in by hand. */
  received = 0;
  injected = 0;
  sent = 0;

  constructor(
    readonly host: SimHost,
    readonly port: PlannedPort,
    config: Config,
  ) {
    this.name = `${host.name}.${port.name}`;
    this.addresses = underlayAddresses(config, port.name);
  }

  /** Of an overlay or of a zone's interface: a port of the core only. */
  get isInner(): boolean {
    const { kind } = this.port.config;
    return kind === 'tunnel' || kind === 'router';
  }

  receive(frame: SimFrame): void {
    this.received++;
    this.host.receive(this, frame);
  }
}

interface Waiting {
  port: HostPort;
  frame: SimFrame;
}

export class SimHost {
  readonly core: Core;
  readonly plan: Plan;
  /** By name. */
  readonly ports: ReadonlyMap<string, HostPort>;
  private readonly byIndex: ReadonlyMap<number, HostPort>;
  private waiting: Waiting[] = [];
  private isAwake = false;

  constructor(
    readonly name: string,
    config: Config,
    private readonly context: HostContext,
  ) {
    this.plan = planHost(name, config);
    this.core = coreOf(this.plan, 1);
    const ports = this.plan.ports.map(port => new HostPort(this, port, config));
    this.ports = new Map(ports.map(port => [port.port.name, port]));
    this.byIndex = new Map(ports.map(port => [port.port.index, port]));
    if (this.plan.underlays.length > 0) context.events.push(0, () => this.lookAfter());
  }

  /** Frames that came and are not decided over yet. */
  get waitingFrames(): number {
    return this.waiting.length;
  }

  total(column: CoreCounter): number {
    return Number(this.core.coreCounter(column));
  }

  receive(port: HostPort, frame: SimFrame): void {
    const { events, observe, pollNs } = this.context;
    observe({ kind: 'in', atNs: events.nowNs, where: port.name, frame });
    this.waiting.push({ port, frame });
    if (this.isAwake) return;
    this.isAwake = true;
    const atNs = pollNs === 0 ? events.nowNs : Math.ceil(events.nowNs / pollNs) * pollNs;
    events.push(atNs, () => this.poll());
  }

  /** Next hops are asked for, and what took too long is given up, without frames too. */
  private lookAfter(): void {
    const { events } = this.context;
    this.decide(0);
    events.push(events.nowNs + UPKEEP_NS, () => this.lookAfter(), true);
  }

  /** Decides over all that waits. What that sends to this host waits for another poll. */
  private poll(): void {
    const { waiting } = this;
    this.waiting = [];
    this.isAwake = false;
    for (let from = 0; from < waiting.length;) {
      const received = this.place(waiting, from);
      from += received;
      this.decide(received);
    }
  }

  /** One batch, of frames that are in their places. */
  private decide(received: number): void {
    const nowMs = Math.floor(this.context.events.nowNs / NS_PER_MS);
    const sent = this.core.process(received, nowMs % MS_MODULO);
    this.reportDrops();
    // Links may not see this batch's memory: it is copied first.
    for (const { port, frame } of this.readSent(sent)) this.transmit(port, frame);
  }

  /** Puts frames from index `from` on into the arena, as many as fit; how many. */
  private place(waiting: readonly Waiting[], from: number): number {
    const { core } = this;
    let at = core.region(Region.Arena);
    let placed = 0;
    for (; placed < BATCH_PACKETS && from + placed < waiting.length; placed++) {
      const { port, frame } = waiting[from + placed]!;
      const data = Math.ceil(at / SLOT_ALIGN_BYTES) * SLOT_ALIGN_BYTES + HEADROOM_BYTES;
      at = data + frame.bytes.length;
      if (at > core.end) break;
      this.describe(core.region(Region.Rx) + placed * RX_BYTES, data, port.port.index, frame);
    }
    if (placed === 0) throw new Error(`${this.name}: a frame does not fit the receive arena`);
    return placed;
  }

  private describe(row: number, data: number, port: number, frame: SimFrame): void {
    const { bytes, view } = this.core;
    bytes.set(frame.bytes, data);
    bytes.fill(0, data - VNET_BYTES, data);
    if (frame.virtio !== undefined) bytes.set(frame.virtio, data - VNET_BYTES);
    bytes.fill(0, row, row + RX_BYTES);
    view.setUint32(row + Rx.Data, data, true);
    view.setUint32(row + Rx.Length, frame.bytes.length, true);
    view.setUint16(row + Rx.Port, port, true);
    const offload = frame.virtio === undefined ? 0 : RxFlag.Offload;
    view.setUint16(row + Rx.Flags, offload | (isPartial(frame) ? RxFlag.Checked : 0), true);
  }

  private readSent(count: number): { port: HostPort | undefined; frame: SimFrame }[] {
    const { core } = this;
    const first = core.region(Region.Tx);
    return Array.from({ length: count }, (_, i) => {
      const row = first + i * TX_BYTES;
      const port = this.byIndex.get(core.view.getUint16(row + Tx.Port, true));
      return { port, frame: this.frameAt(row, Tx.Flags) };
    });
  }

  /** All descriptors begin alike. */
  private frameAt(row: number, flags?: number): SimFrame {
    const { bytes, view } = this.core;
    const data = view.getUint32(row + Tx.Data, true);
    const copy = bytes.slice(data, data + view.getUint32(row + Tx.Length, true));
    const hasVirtio = flags !== undefined && view.getUint16(row + flags, true) & TxFlag.Offload;
    return hasVirtio ? { bytes: copy, virtio: virtioBefore(bytes, data) } : { bytes: copy };
  }

  private transmit(port: HostPort | undefined, frame: SimFrame): void {
    if (port === undefined) throw new Error(`${this.name}: a frame for a port that is not there`);
    port.sent++;
    const atNs = this.context.events.nowNs;
    this.context.observe({ kind: 'out', atNs, where: port.name, frame });
    port.link?.transmit(port, frame);
  }

  private reportDrops(): void {
    const { core } = this;
    const atNs = this.context.events.nowNs;
    for (let i = 0; i < core.droppedCount; i++) {
      const row = core.region(Region.Dropped) + i * DROPPED_BYTES;
      const reason = Drop[core.view.getUint16(row + Dropped.Reason, true)]!;
      const index = core.view.getUint16(row + Dropped.Port, true);
      const where = this.byIndex.get(index)?.name ?? this.name;
      this.context.observe({ kind: 'drop', atNs, where, frame: this.frameAt(row), reason });
    }
  }
}
