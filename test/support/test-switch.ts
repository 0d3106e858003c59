/**
 * A core with ports and segments, driven frame by frame. Ports are numbered from 1 as in
 * the conformance cases; row 0 stays unused. After every batch the harness checks what
 * must hold whatever went in: each frame has a fate, the totals and the ports' rows agree,
 * descriptors lie inside the core.
 */
import * as assert from 'uvu/assert';
import {
  CoreCounter,
  DROPPED_BYTES,
  Drop,
  Dropped,
  HEADROOM_BYTES,
  OWN_ACCORD,
  PORT_COUNTERS,
  PortCounter,
  PortOption,
  RX_BYTES,
  Region,
  Rx,
  SCRATCH_BYTES,
  SegmentOption,
  TX_BYTES,
  Tx,
  TxFlag,
  VNET_BYTES,
  VlanMember,
} from '../../assembly/abi.js';
import { Core, type Build, type Sizes } from '../../src/core.js';
import { Frame } from './frame.js';
import { alignSlot, flagsOf, writableBefore, type Input, type Slot } from './slot.js';

export type { Input } from './slot.js';

export interface Sent {
  port: number;
  bytes: Uint8Array;
  txFlags: number;
  origin: number;
  /** The virtio header, where TxFlag.Offload says there is one. */
  virtio?: Uint8Array;
}
export interface Refused {
  port: number;
  reason: keyof typeof Drop;
  origin: number;
}
export interface Outcome {
  sent: Sent[];
  dropped: Refused[];
}
export interface SwitchOptions {
  ports?: number;
  segments?: number;
  seed?: bigint;
  build?: Build;
  capacities?: Partial<Sizes>;
}

const FIRST_MS = 100000;
const SMALL: Sizes = {
  Ports: 16,
  Segments: 4,
  VlanSegments: 2,
  Domains: 64,
  FdbEntries: 1024,
  EvictEntries: 64,
  Neighbours: 64,
  ArenaBytes: 1 << 20,
  CopyBytes: 1 << 19,
  TraceRecords: 1024,
};

export class TestSwitch {
  nowMs = FIRST_MS;
  /** Checks after each batch that the core wrote nowhere in the arena but in the frames' slots. */
  guardsArena = false;
  /** Their frames are those of an underlay's port too, and counted there. */
  readonly tunnelPorts = new Set<number>();
  readonly portRows: number;

  constructor(
    readonly core: Core,
    readonly capacities: Sizes,
  ) {
    this.portRows = capacities.Ports + 1;
  }

  /** Ports 1 to `ports` are up, in segment 0; segment n has domain n + 1. */
  static create(options: SwitchOptions = {}): TestSwitch {
    const { ports = 3, segments = 1, seed = 1n, build = 'test' } = options;
    const capacities = { ...SMALL, ...options.capacities };
    const made = new TestSwitch(Core.create(capacities, seed, build), capacities);
    for (let i = 0; i < segments; i++) made.segment(i, { Domain: i + 1 });
    for (let port = 1; port <= ports; port++) made.port(port, { Segment: 1, Up: 1 });
    return made;
  }

  /** Sets options of a port, in the order written. */
  port(port: number, options: Partial<Record<keyof typeof PortOption, number>>): this {
    for (const [name, value] of Object.entries(options)) {
      this.core.configurePort(port, PortOption[name as keyof typeof PortOption], value);
    }
    return this;
  }

  segment(index: number, options: Partial<Record<keyof typeof SegmentOption, number>>): this {
    for (const [name, value] of Object.entries(options)) {
      const option = SegmentOption[name as keyof typeof SegmentOption];
      this.core.configureSegment(index, option, value);
    }
    return this;
  }

  /** Makes segment `index` VLAN aware; VID v gets domain `base` + its place in `vids`. */
  vlans(index: number, vids: number[], base = 10): this {
    this.segment(index, { VlanAware: index + 1 });
    vids.forEach((vid, i) => this.core.configureVlanDomain(index, vid, base + i));
    return this;
  }

  tagged(port: number, ...vids: number[]): this {
    for (const vid of vids) this.core.configureVlan(port, vid, VlanMember.Tagged);
    return this;
  }

  untagged(port: number, ...vids: number[]): this {
    for (const vid of vids) this.core.configureVlan(port, vid, VlanMember.Untagged);
    return this;
  }

  /** One frame, one batch. */
  inject(port: number, frame: Frame | Uint8Array, options: Partial<Input> = {}): Outcome {
    return this.batch([{ port, frame, ...options }]);
  }

  /** Lets time pass without frames. */
  wait(ms: number): this {
    this.nowMs += ms;
    this.batch([]);
    return this;
  }

  batch(inputs: Input[]): Outcome {
    const before = this.totals();
    const slots = this.place(inputs);
    const arena = this.guardsArena ? this.arenaBytes() : undefined;
    const sent = this.core.process(inputs.length, this.nowMs);
    if (arena) this.checkArena(arena, slots);
    const outcome = { sent: this.readSent(sent), dropped: this.readDropped() };
    this.check(inputs, outcome, before);
    return outcome;
  }

  /** Marks send descriptors the way a sender does, then books them. */
  refuse(which: (sent: number) => boolean, isGone = false): Refused[] {
    const before = this.core.droppedCount;
    const marks = isGone ? TxFlag.Refused | TxFlag.Gone : TxFlag.Refused;
    for (let i = 0; i < this.core.sentCount; i++) {
      const at = this.core.region(Region.Tx) + i * TX_BYTES + Tx.Flags;
      const flags = this.core.view.getUint16(at, true);
      if (which(i)) this.core.view.setUint16(at, flags | marks, true);
    }
    this.core.refuseMarked();
    this.checkTotals();
    return this.readDropped().slice(before);
  }

  private arenaBytes(): Uint8Array {
    return this.core.bytes.slice(this.core.region(Region.Arena), this.core.end);
  }

  private checkArena(before: Uint8Array, slots: Slot[]): void {
    const after = this.arenaBytes();
    const arena = this.core.region(Region.Arena);
    let free = 0;
    for (const { from, to } of [...slots, { from: this.core.end, to: 0 }]) {
      const gap = (bytes: Uint8Array) => bytes.subarray(free, from - arena);
      assert.is(Buffer.compare(gap(before), gap(after)), 0, `written before slot at ${from}`);
      free = to - arena;
    }
  }

  /** Writes frames and receive descriptors. Returns what of the arena may be written. */
  private place(inputs: Input[]): Slot[] {
    const { core } = this;
    let at = core.region(Region.Arena);
    const slots: Slot[] = [];
    inputs.forEach((input, i) => {
      const bytes = input.frame instanceof Frame ? input.frame.bytes() : input.frame;
      at += HEADROOM_BYTES;
      if (at + bytes.length > core.end) throw new Error('test: frames do not fit the arena');
      core.bytes.set(bytes, at);
      if (input.offload) core.bytes.set(input.offload, at - VNET_BYTES);
      const row = core.region(Region.Rx) + i * RX_BYTES;
      core.view.setUint32(row + Rx.Data, at, true);
      core.view.setUint32(row + Rx.Length, bytes.length, true);
      core.view.setUint16(row + Rx.Port, input.port, true);
      core.view.setUint16(row + Rx.Flags, flagsOf(input), true);
      slots.push({ from: at - writableBefore(input), to: at + bytes.length });
      at = alignSlot(at + bytes.length);
    });
    return slots;
  }

  private readSent(count: number): Sent[] {
    const { core } = this;
    const first = core.region(Region.Scratch) + SCRATCH_BYTES;
    return Array.from({ length: count }, (_, i) => {
      const row = core.region(Region.Tx) + i * TX_BYTES;
      const data = core.view.getUint32(row + Tx.Data, true);
      const length = core.view.getUint32(row + Tx.Length, true);
      assert.ok(data >= first && data + length <= core.end, 'a send descriptor leaves the core');
      const txFlags = core.view.getUint16(row + Tx.Flags, true);
      const sent: Sent = {
        port: core.view.getUint16(row + Tx.Port, true),
        bytes: core.bytes.slice(data, data + length),
        txFlags,
        origin: core.view.getUint32(row + Tx.Origin, true),
      };
      if (txFlags & TxFlag.Offload) sent.virtio = core.bytes.slice(data - VNET_BYTES, data);
      return sent;
    });
  }

  private readDropped(): Refused[] {
    const { core } = this;
    return Array.from({ length: core.droppedCount }, (_, i) => {
      const row = core.region(Region.Dropped) + i * DROPPED_BYTES;
      const reason = core.view.getUint16(row + Dropped.Reason, true);
      assert.ok(reason > Drop.None && reason < Drop.Count, `a drop without a name: ${reason}`);
      return {
        port: core.view.getUint16(row + Dropped.Port, true),
        reason: Drop[reason] as keyof typeof Drop,
        origin: core.view.getUint32(row + Dropped.Origin, true),
      };
    });
  }

  private total(column: CoreCounter): number {
    return Number(this.core.coreCounter(column));
  }

  private totals(): Totals {
    const received = this.total(CoreCounter.Received);
    const sent = this.total(CoreCounter.Sent);
    const dropped = this.total(CoreCounter.Dropped);
    return { received, sent, dropped, consumed: this.total(CoreCounter.Consumed) };
  }

  /** Counters of all ports, unknown ones too, added up: a column, or a range of them. */
  private rowSum(first: number, last = first): number {
    const rows = this.portRows * PORT_COUNTERS;
    const address = this.core.region(Region.PortCounters);
    const counters = new BigUint64Array(this.core.bytes.buffer, address, rows);
    let sum = 0n;
    for (let at = 0; at < rows; at += PORT_COUNTERS) {
      const isTunnel = this.tunnelPorts.has(at / PORT_COUNTERS);
      if (isTunnel && last < PortCounter.Drops) continue;
      for (let column = first; column <= last; column++) sum += counters[at + column]!;
    }
    return Number(sum);
  }

  /** received + copies = sent + dropped + consumed, in sum and over the ports' rows. */
  checkTotals(): void {
    const { received, sent, dropped } = this.totals();
    const copies = this.total(CoreCounter.Copies);
    assert.is(received + copies, sent + dropped + this.total(CoreCounter.Consumed));
    assert.is(this.rowSum(PortCounter.RxPackets), received, 'ports received');
    assert.is(this.rowSum(PortCounter.TxPackets), sent, 'ports sent');
    const lastDrop = PortCounter.Drops + Drop.Count - 1;
    assert.is(this.rowSum(PortCounter.Drops, lastDrop), dropped, 'ports dropped');
  }

  private check(inputs: Input[], outcome: Outcome, before: Totals): void {
    this.checkTotals();
    const after = this.totals();
    assert.is(after.received - before.received, inputs.length, 'received');
    assert.is(after.sent - before.sent, outcome.sent.length, 'sent');
    assert.is(after.dropped - before.dropped, outcome.dropped.length, 'dropped');
    const origins = [...outcome.sent, ...outcome.dropped].map(({ origin }) => origin);
    const fates = new Set(origins.filter(origin => origin !== OWN_ACCORD)).size;
    const consumed = after.consumed - before.consumed;
    assert.ok(fates <= inputs.length, 'a fate of a frame that was not received');
    assert.ok(fates + consumed >= inputs.length, 'every frame has a fate');
    for (const { port } of outcome.sent) assert.ok(port < this.capacities.Ports, `port ${port}`);
  }
}

interface Totals {
  received: number;
  sent: number;
  dropped: number;
  consumed: number;
}
