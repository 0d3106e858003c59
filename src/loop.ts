/**
 * The packet loop: waits for frames, receives a burst of each ready port into the core's
 * arena, lets the core decide, sends. It owns the core between two calls of `turn`; control
 * (loop-control.ts) acts on the core only between two turns, so every change is atomic.
 *
 *   wait ─► rxBurst of each ready port ─► process ─► txBurst ─► refused? booked as drops
 *
 * A batch costs a native call a ready port, two more, and one WASM call; nothing is
 * allocated. A port gets one burst a turn, so no port starves another.
 */
import {
  BATCH_PACKETS,
  Capacity,
  HEADROOM_BYTES,
  MAX_FRAME_BYTES,
  PortOption,
  RX_BYTES,
  Region,
  SLOT_ALIGN_BYTES,
} from '../assembly/abi.js';
import type { Core } from './core.js';
import type { PortIo } from './port/port.js';

/** Ports that one wait reports. */
const MAX_READY = 256;
const READY_BYTES = 4;
/** What the loop keeps in scratch memory: the cursor of the arena, then the ready ports. */
const READY_OFFSET = 64;

/** Room for one more frame of any size. */
const SLOT_BYTES = SLOT_ALIGN_BYTES + HEADROOM_BYTES + MAX_FRAME_BYTES;

const TICK_MS = 1000;
/** The FDB is swept once in so many ticks. */
const SWEEP_TICKS = 10;

/** Sees frames pass. Absent when nobody looks, so it costs a comparison a batch. */
export interface FrameTap {
  /** The first `count` receive descriptors, before the core changes a byte. */
  onReceived(count: number): void;
  /** Send and dropped descriptors of the batch, refused ones marked and booked. */
  onDecided(sent: number, dropped: number): void;
}

export interface LoopOptions {
  core: Core;
  io: PortIo;
  /** How long a wait polls after the last frame before it sleeps. */
  spinUs: number;
  /** Monotonic milliseconds, wrapping at 2^32. */
  nowMs: () => number;
  /** A device has vanished; its port is down and unbound now. */
  onGone: (port: number, errno: number) => void;
}

export class Loop {
  tap: FrameTap | undefined;
  /** Called after a batch. Absent when nobody listens, as is `tap`. */
  onTold: (() => void) | undefined;
  private received = 0;
  private tickedMs: number;
  private turnMs: number;
  private readonly rx: number;
  private readonly tx: number;
  private readonly arena: number;
  private readonly arenaEnd: number;
  private readonly cursor: number;
  private readonly ready: number;
  private readonly sweepBuckets: number;
  /** Whether the core sends anything of its own accord. */
  private readonly speaks: boolean;

  constructor(private readonly options: LoopOptions) {
    const { core } = options;
    this.rx = core.region(Region.Rx);
    this.tx = core.region(Region.Tx);
    this.arena = core.region(Region.Arena);
    this.arenaEnd = core.end;
    this.cursor = core.region(Region.Scratch);
    this.ready = this.cursor + READY_OFFSET;
    // There are never more buckets than entries.
    this.sweepBuckets = Math.ceil(core.capacity(Capacity.FdbEntries) / SWEEP_TICKS);
    const speakers = [Capacity.Underlays, Capacity.Zones];
    this.speaks = speakers.some(which => core.capacity(which) !== 0);
    this.turnMs = options.nowMs();
    // The first tick comes at once.
    this.tickedMs = this.turnMs - TICK_MS;
    options.io.attach(core.bytes);
  }

  /** Waits at most `timeoutMs` and moves what is there. Returns the ports that were ready. */
  turn(timeoutMs: number): number {
    const { core, io, spinUs, nowMs } = this.options;
    const ready = io.wait(this.ready, MAX_READY, timeoutMs, spinUs);
    this.turnMs = nowMs();
    core.view.setUint32(this.cursor, this.arena, true);
    for (let i = 0; i < ready; i++) {
      this.receive(core.view.getUint32(this.ready + i * READY_BYTES, true));
    }
    this.decide();
    if ((this.turnMs - this.tickedMs) >>> 0 >= TICK_MS) this.tick();
    return ready;
  }

  private receive(port: number): void {
    const { core, io } = this.options;
    const { rx, cursor, arenaEnd } = this;
    const room = arenaEnd - core.view.getUint32(cursor, true);
    if (this.received === BATCH_PACKETS || room < SLOT_BYTES) this.decide();
    const at = rx + this.received * RX_BYTES;
    const count = io.rxBurst(port, at, BATCH_PACKETS - this.received, cursor, arenaEnd);
    if (count < 0) this.lose(port, -count);
    else this.received += count;
  }

  /** Decides over what has been received, and sends. */
  private decide(): void {
    if (this.received !== 0) this.process();
  }

  /** Lets the core decide, over nothing too: what it sends of its own accord it sends then. */
  private process(): void {
    const { received, tap } = this;
    const { core, io } = this.options;
    if (tap !== undefined && received !== 0) tap.onReceived(received);
    const sent = core.process(received, this.turnMs);
    if (sent > 0 && io.txBurst(this.tx, sent) > 0) core.refuseMarked();
    const isNews = received !== 0 || sent !== 0;
    if (tap !== undefined && isNews) tap.onDecided(sent, core.droppedCount);
    if (this.onTold !== undefined) this.onTold();
    this.received = 0;
    core.view.setUint32(this.cursor, this.arena, true);
  }

  private lose(port: number, errno: number): void {
    const { core, io, onGone } = this.options;
    core.configurePort(port, PortOption.Up, false);
    io.unbindPort(port);
    onGone(port, errno);
  }

  /** Ageing goes on while no frame comes, and underlays and zones look for neighbours. */
  private tick(): void {
    this.tickedMs = this.turnMs;
    this.options.core.housekeep(this.turnMs, this.sweepBuckets);
    if (this.speaks) this.process();
  }
}
