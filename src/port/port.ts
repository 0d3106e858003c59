/** What an open device says of itself. */
export interface DeviceFacts {
  /** As written in configurations: `02:42:ac:11:00:02`. */
  mac: string;
  /** As of when it was opened. */
  mtuBytes: number;
}

/**
 * What the loop wants of ports, whatever their kind: frames move in bursts between them and
 * one WASM memory. Addresses are offsets in that memory; layouts are those of `abi.ts`.
 *
 * Implemented by the addon for devices (addon.ts), in memory (memory.ts), and by both side
 * by side (mixed.ts). A range that leaves the memory is a RangeError, a frame that does is
 * refused. For the thread that made it.
 */
export interface PortIo {
  /** Lends the memory, which must not grow; may be repeated with another one. */
  attach(memory: Uint8Array): void;
  /** Takes the place of what is bound there, unless it throws. */
  bindPort(port: number, handles: readonly number[]): void;
  unbindPort(port: number): void;
  /**
   * Receives into the arena from the address stored at `cursor` (u32), which moves on, and
   * writes a descriptor each. Zero: nothing there, device down, or no room for 64 KiB.
   * Negative: errno of a device that is gone (`EBADFD`, `ENODEV`); see `errorName`.
   */
  rxBurst(
    port: number,
    descriptors: number,
    count: number,
    cursor: number,
    arenaEnd: number,
  ): number;
  /** Sends in order. Returns how many were marked `TxFlag.Refused`. */
  txBurst(descriptors: number, count: number): number;
  /**
   * Waits for frames: polls until `spinUs` after the last ones, then sleeps. Writes the
   * ports that have some, or are gone, to `ready` (u32 each, at most 256) and returns how
   * many; zero after `timeoutMs` (-1: never) or a wake-up.
   */
  wait(ready: number, count: number, timeoutMs: number, spinUs: number): number;
}
