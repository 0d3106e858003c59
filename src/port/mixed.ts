/**
 * Devices and memory ports side by side. While only devices are bound a call costs one
 * comparison more than the addon's own.
 */
import { TX_BYTES, Tx } from '../../assembly/abi.js';
import type { MemoryIo } from './memory.js';
import type { PortIo } from './port.js';

const READY_BYTES = 4;

export class MixedIo implements PortIo {
  private memoryPorts = 0;
  private view: DataView = new DataView(new ArrayBuffer(0));

  /** `devices` must be woken when a frame comes to `memory`. */
  constructor(
    private readonly devices: PortIo,
    private readonly memory: MemoryIo,
  ) {}

  attach(memory: Uint8Array): void {
    this.devices.attach(memory);
    this.memory.attach(memory);
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  bindPort(port: number, handles: readonly number[]): void {
    this.devices.bindPort(port, handles);
    if (this.memory.has(port)) this.unbindPort(port);
  }

  /** Binds a port of kind memory. */
  bindMemoryPort(port: number): void {
    this.memory.bindPort(port);
    this.memoryPorts++;
  }

  unbindPort(port: number): void {
    if (!this.memory.has(port)) return this.devices.unbindPort(port);
    this.memory.unbindPort(port);
    this.memoryPorts--;
  }

  rxBurst(
    port: number,
    descriptors: number,
    count: number,
    cursor: number,
    arenaEnd: number,
  ): number {
    const io = this.memoryPorts > 0 && this.memory.has(port) ? this.memory : this.devices;
    return io.rxBurst(port, descriptors, count, cursor, arenaEnd);
  }

  /** In runs of one kind, so the order of sending is kept. */
  txBurst(descriptors: number, count: number): number {
    if (this.memoryPorts === 0) return this.devices.txBurst(descriptors, count);
    let refused = 0;
    for (let first = 0; first < count;) {
      const inMemory = this.isInMemory(descriptors, first);
      let end = first + 1;
      while (end < count && this.isInMemory(descriptors, end) === inMemory) end++;
      const io = inMemory ? this.memory : this.devices;
      refused += io.txBurst(descriptors + first * TX_BYTES, end - first);
      first = end;
    }
    return refused;
  }

  private isInMemory(descriptors: number, index: number): boolean {
    return this.memory.has(this.view.getUint16(descriptors + index * TX_BYTES + Tx.Port, true));
  }

  wait(ready: number, count: number, timeoutMs: number, spinUs: number): number {
    if (this.memoryPorts === 0 || !this.memory.isReady) {
      return this.devices.wait(ready, count, timeoutMs, spinUs);
    }
    const found = this.memory.wait(ready, count, 0, 0);
    if (found === count) return found;
    return found + this.devices.wait(ready + found * READY_BYTES, count - found, 0, 0);
  }
}
