/** Namespaces, devices and an attached memory for the tests of devices. */
import { spawnSync } from 'node:child_process';
import { HEADROOM_BYTES, Rx, RX_BYTES, Tx, TX_BYTES, VNET_BYTES } from '../../assembly/abi.js';
import { closeHandle, createPortIo, errorName, openWake } from '../../src/port/addon.js';
import { type Packet, openPacket } from '../../src/port/packet.js';
import type { PortIo } from '../../src/port/port.js';
import { isTapAvailable, openTap } from '../../src/port/tap.js';
import type { Tap, TapOptions } from '../../src/port/tap.js';

/** Layout of the memory: descriptors, then what `wait` writes, the cursor, the arena. */
export const RX = 0;
export const TX = 4096;
export const READY = 8192;
export const CURSOR = 12288;
export const ARENA = 65536;
export const MEMORY_BYTES = 4 << 20;

const NETNS_PREFIX = 'slu-nat-';
/** Generous: only a broken port takes so long. */
const PATIENCE_MS = 10_000;

export interface Received {
  data: number;
  length: number;
  port: number;
  flags: number;
}

/** Runs `ip`, `tc` …; returns what it printed, or throws what it complained about. */
export function run(command: string, ...words: string[]): string {
  const result = spawnSync(command, words, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command} ${words.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

export function isLink(name: string, netns?: string): boolean {
  const words = netns === undefined ? ['link'] : ['-n', netns, 'link'];
  return new RegExp(`^\\d+: ${name}[:@]`, 'm').test(run('ip', ...words));
}

/** Undefined, or why tests with devices cannot run here. */
export function whyNot(): string | undefined {
  const availability = isTapAvailable();
  if (!availability.ok) return availability.missing;
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  if (spawnSync('ip', ['-V']).status !== 0) return 'ip is missing: apt-get install iproute2';
  return undefined;
}

/** One namespace, one memory, any number of devices; `close` removes all of it. */
export class Rig {
  readonly netns: string;
  readonly wakeHandle = openWake();
  readonly io: PortIo = createPortIo(this.wakeHandle);
  readonly bytes = new Uint8Array(MEMORY_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  private readonly handles = new Set<number>();

  constructor(label: string) {
    this.netns = `${NETNS_PREFIX}${label}-${process.pid}`;
    run('ip', 'netns', 'add', this.netns);
    const quiet = 'net.ipv6.conf.default.disable_ipv6=1'; // no frames but the test's own
    run('ip', 'netns', 'exec', this.netns, 'sysctl', '-qw', quiet);
    this.io.attach(this.bytes);
  }

  /** A device in the namespace unless told otherwise, bound to `port`. */
  open(port: number, options: Partial<TapOptions> = {}): Tap {
    const tap = openTap({ name: `tap${port}`, netns: this.netns, offload: true, ...options });
    this.handles.add(tap.handle);
    this.io.bindPort(port, [tap.handle]);
    return tap;
  }

  /** A virtual cable in the namespace, both ends up. */
  cable(first: string, second: string): void {
    const ip = (...words: string[]): string => run('ip', '-n', this.netns, ...words);
    ip('link', 'add', first, 'type', 'veth', 'peer', 'name', second);
    for (const end of [first, second]) ip('link', 'set', end, 'up');
  }

  /** An interface, of the namespace unless told otherwise, bound to `port`. */
  openPacket(port: number, name: string, netns = this.netns): Packet {
    const packet = openPacket({ interface: name, netns });
    for (const handle of packet.handles) this.handles.add(handle);
    this.io.bindPort(port, packet.handles);
    return packet;
  }

  closeTap(port: number, tap: Tap): void {
    this.io.unbindPort(port);
    if (this.handles.delete(tap.handle)) closeHandle(tap.handle);
  }

  /** Empties the arena and receives once. A number is what `rxBurst` complained about. */
  receive(port: number, count = 64): Received[] | number {
    this.view.setUint32(CURSOR, ARENA, true);
    const received = this.io.rxBurst(port, RX, count, CURSOR, MEMORY_BYTES);
    if (received < 0) return received;
    return Array.from({ length: received }, (_, i) => this.descriptor(RX + i * RX_BYTES));
  }

  /**
   * Waits for `count` frames that are wanted, and takes them with all that came meanwhile.
   * They lie in the arena together, as in one burst. Fewer: no more came in a long time.
   */
  receiveAll(port: number, count: number, wanted: (frame: Received) => boolean): Received[] {
    const found: Received[] = [];
    const endMs = Date.now() + PATIENCE_MS;
    this.view.setUint32(CURSOR, ARENA, true);
    for (let next = RX; ;) {
      const received = this.io.rxBurst(port, next, (TX - next) / RX_BYTES, CURSOR, MEMORY_BYTES);
      if (received < 0) throw new Error(`rxBurst: ${errorName(received)}`);
      for (let i = 0; i < received; i++, next += RX_BYTES) {
        const frame = this.descriptor(next);
        if (wanted(frame)) found.push(frame);
      }
      if (found.length >= count || Date.now() > endMs) return found;
      this.io.wait(READY, 8, 100, 0);
    }
  }

  /** Waits and receives until `wanted` says that a frame is the one. */
  receiveUntil(port: number, wanted: (frame: Received) => boolean): Received {
    for (;;) {
      this.io.wait(READY, 1, -1, 0);
      const frames = this.receive(port);
      if (typeof frames === 'number') throw new Error(`rxBurst: ${frames}`);
      const found = frames.find(wanted);
      if (found !== undefined) return found;
    }
  }

  private descriptor(at: number): Received {
    return {
      data: this.view.getUint32(at + Rx.Data, true),
      length: this.view.getUint32(at + Rx.Length, true),
      port: this.view.getUint16(at + Rx.Port, true),
      flags: this.view.getUint16(at + Rx.Flags, true),
    };
  }

  frame(received: Received): Uint8Array {
    return this.bytes.slice(received.data, received.data + received.length);
  }

  vnet(received: Received): Uint8Array {
    return this.bytes.slice(received.data - VNET_BYTES, received.data);
  }

  /** Puts a frame into the arena; returns its address. */
  place(frame: Uint8Array): number {
    this.bytes.set(frame, ARENA + HEADROOM_BYTES);
    return ARENA + HEADROOM_BYTES;
  }

  /** Writes send descriptor `index`. */
  describe(index: number, frame: Received): void {
    const at = TX + index * TX_BYTES;
    this.view.setUint32(at + Tx.Data, frame.data, true);
    this.view.setUint32(at + Tx.Length, frame.length, true);
    this.view.setUint16(at + Tx.Port, frame.port, true);
    this.view.setUint16(at + Tx.Flags, frame.flags, true);
  }

  txFlags(index: number): number {
    return this.view.getUint16(TX + index * TX_BYTES + Tx.Flags, true);
  }

  close(): void {
    for (const handle of this.handles) closeHandle(handle);
    closeHandle(this.wakeHandle);
    run('ip', 'netns', 'del', this.netns);
  }
}
