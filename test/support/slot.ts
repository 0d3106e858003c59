/** How a test's frame lies in the arena, and what its descriptor says. */
import { HEADROOM_BYTES, RxFlag, SLOT_ALIGN_BYTES, VNET_BYTES } from '../../assembly/abi.js';
import type { Frame } from './frame.js';

export interface Input {
  port: number;
  frame: Frame | Uint8Array;
  /** Virtio header right before the frame; sets RxFlag.Offload. */
  offload?: Uint8Array;
  trace?: boolean;
  tight?: boolean;
  /** Somebody below vouches for the checksums. */
  checked?: boolean;
}
/** What of the arena a frame takes: the core may write there. */
export interface Slot {
  from: number;
  to: number;
}

/** Bytes before a frame that the core may write: headroom, or the virtio header alone. */
export function writableBefore({ tight = false, offload }: Input): number {
  return tight ? (offload ? VNET_BYTES : 0) : HEADROOM_BYTES;
}

export function alignSlot(at: number): number {
  return Math.ceil(at / SLOT_ALIGN_BYTES) * SLOT_ALIGN_BYTES;
}

export function flagsOf(input: Input): number {
  const { offload, trace = false, tight = false, checked = false } = input;
  const kind = (offload ? RxFlag.Offload : 0) | (checked ? RxFlag.Checked : 0);
  return kind | (trace ? RxFlag.Trace : 0) | (tight ? RxFlag.Tight : 0);
}
