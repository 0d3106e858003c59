/**
 * Ports without a device: a program puts frames in and takes frames out, in the same
 * thread. For tests, benchmarks and simulated hosts.
 */
import {
  HEADROOM_BYTES,
  MAX_FRAME_BYTES,
  RX_BYTES,
  Rx,
  SLOT_ALIGN_BYTES,
  TX_BYTES,
  Tx,
  TxFlag,
} from '../../assembly/abi.js';
import type { PortIo } from './port.js';

const READY_BYTES = 4;
const MAX_READY = 256;

interface Queues {
  waiting: Uint8Array[];
  sent: Uint8Array[];
}

export interface MemoryIoOptions {
  /** Sent frames kept until they are taken; more are refused. 0: forget what is sent. */
  sentFrames: number;
  /** What `wait` sleeps on: it returns when word 0 is not zero. Default: it never sleeps. */
  signal?: Int32Array;
}

export class MemoryIo implements PortIo {
  private readonly ports = new Map<number, Queues>();
  private memory: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.memory.buffer);
  /** Where the next wait begins, so that no port starves another. */
  private next = 0;

  constructor(private readonly options: MemoryIoOptions) {}

  attach(memory: Uint8Array): void {
    this.memory = memory;
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** Handles are not used. */
  bindPort(port: number, _handles: readonly number[] = []): void {
    this.ports.set(port, { waiting: [], sent: [] });
  }

  unbindPort(port: number): void {
    this.ports.delete(port);
  }

  has(port: number): boolean {
    return this.ports.has(port);
  }

  /** Puts a frame into a port's receive queue. False: there is no such port. */
  inject(port: number, frame: Uint8Array): boolean {
    const queues = this.ports.get(port);
    queues?.waiting.push(frame);
    return queues !== undefined;
  }

  /** Takes what a port has sent, oldest first. */
  take(port: number): Uint8Array[] {
    return this.ports.get(port)?.sent.splice(0) ?? [];
  }

  /** Whether a frame waits at any port. */
  get isReady(): boolean {
    for (const { waiting } of this.ports.values()) if (waiting.length > 0) return true;
    return false;
  }

  rxBurst(
    port: number,
    descriptors: number,
    count: number,
    cursor: number,
    arenaEnd: number,
  ): number {
    const waiting = this.ports.get(port)?.waiting ?? [];
    let at = this.view.getUint32(cursor, true);
    let received = 0;
    while (received < count && waiting.length > 0) {
      const slot = Math.ceil(at / SLOT_ALIGN_BYTES) * SLOT_ALIGN_BYTES;
      const data = slot + HEADROOM_BYTES;
      if (data + MAX_FRAME_BYTES > arenaEnd) break;
      const frame = waiting.shift()!;
      this.memory.set(frame.subarray(0, MAX_FRAME_BYTES), data);
      this.describe(descriptors + received * RX_BYTES, port, data, frame.length);
      at = data + frame.length;
      received++;
    }
    this.view.setUint32(cursor, at, true);
    return received;
  }

  private describe(at: number, port: number, data: number, length: number): void {
    this.memory.fill(0, at, at + RX_BYTES);
    this.view.setUint32(at + Rx.Data, data, true);
    this.view.setUint32(at + Rx.Length, length, true);
    this.view.setUint16(at + Rx.Port, port, true);
  }

  txBurst(descriptors: number, count: number): number {
    let refused = 0;
    for (let i = 0; i < count; i++) {
      if (!this.send(descriptors + i * TX_BYTES)) refused++;
    }
    return refused;
  }

  /** Sends one frame, or marks it as refused. */
  send(descriptor: number): boolean {
    const queues = this.ports.get(this.view.getUint16(descriptor + Tx.Port, true));
    const { sentFrames } = this.options;
    const isFull = sentFrames !== 0 && queues !== undefined && queues.sent.length >= sentFrames;
    if (queues === undefined || isFull) {
      const marks = queues === undefined ? TxFlag.Refused | TxFlag.Gone : TxFlag.Refused;
      const flags = this.view.getUint16(descriptor + Tx.Flags, true);
      this.view.setUint16(descriptor + Tx.Flags, flags | marks, true);
      return false;
    }
    if (sentFrames === 0) return true;
    const data = this.view.getUint32(descriptor + Tx.Data, true);
    const length = this.view.getUint32(descriptor + Tx.Length, true);
    queues.sent.push(this.memory.slice(data, data + length));
    return true;
  }

  wait(ready: number, count: number, timeoutMs: number, _spinUs: number): number {
    const found = this.collect(ready, Math.min(count, MAX_READY));
    const { signal } = this.options;
    if (found > 0 || signal === undefined || timeoutMs === 0) return found;
    Atomics.wait(signal, 0, 0, timeoutMs < 0 ? Infinity : timeoutMs);
    return this.collect(ready, Math.min(count, MAX_READY));
  }

  private collect(ready: number, most: number): number {
    const indexes = [...this.ports.keys()];
    let found = 0;
    for (let i = 0; i < indexes.length && found < most; i++) {
      const index = indexes[(this.next + i) % indexes.length]!;
      if (this.ports.get(index)!.waiting.length === 0) continue;
      this.view.setUint32(ready + found * READY_BYTES, index, true);
      found++;
    }
    this.next++;
    return found;
  }
}
