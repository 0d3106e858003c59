/** How a station's protocols send, and what they are told. */
import type { IpPacket, SimFrame } from './frame.js';

export interface StationIo {
  readonly mac: Uint8Array;
  /** Own addresses, of either family. */
  readonly ips: readonly Uint8Array[];
  readonly nowNs: number;
  /** Runs later, in simulated time. */
  after(delayNs: number, run: () => void): void;
  /** Sends a payload in Ethernet, with the station's tag. */
  sendTo(mac: Uint8Array, type: number, payload: Uint8Array): void;
}

/** An IP packet that came, with its frame. */
export interface Arrived {
  frame: SimFrame;
  ip: IpPacket;
  /** Layer 4, without padding. */
  l4: Uint8Array;
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
