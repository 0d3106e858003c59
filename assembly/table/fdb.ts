/**
 * Forwarding database: behind which port a MAC address is.
 *
 * Buckets (buckets.ts) of four keys (48-bit MAC, 16-bit domain) and four values (place u16,
 * kind u8, zero u8, last seen u32 ms). The place is a port's index or, above
 * `Capacity.Ports`, that plus the number of a VTEP; `Capacity.Ports` itself is nobody.
 * A lookup reads two lines at most. (Of an unknown key it reads both, and nothing has touched
 * the second: learning a million new addresses takes 130 ns each instead of 62, forwarding
 * between them 38 instead of 42.) An insert that finds no place is refused and counted.
 *
 * Dynamic entries die `ageMs` after their address was last heard: a lookup ignores them
 * from then on, and a sweep of a bounded number of buckets a batch takes them out. The
 * time last seen is refreshed once in REFRESH_MS, so an entry may outlive `ageMs` by that,
 * and never dies early. Static and permanent entries stay until removed.
 */
import { FdbKind } from '../abi';
import { BUCKET_BYTES, Buckets } from './buckets';

/** How old a time last seen may get before it is written again. */
export const REFRESH_MS: u32 = 250;

@unmanaged
export class Fdb extends Buckets {
  /** Next bucket to sweep. */
  sweepNext: u32;
  sweptMs: u32;

  static at(ptr: usize): Fdb {
    return changetype<Fdb>(ptr);
  }
}

if (offsetof<Fdb>() > BUCKET_BYTES) ERROR('Fdb header must fit one line');

/** Place, kind and time last seen as one value. */
export function valueOf(place: u32, kind: FdbKind, nowMs: u32): u64 {
  return ((<u64>nowMs) << 32) | (<u64>(place | ((<u32>kind) << 16)));
}

/** A port, nobody or a VTEP: see above. */
export function placeOf(value: u64): u32 {
  return (<u32>value) & 0xffff;
}

export function kindOf(value: u64): u32 {
  return ((<u32>value) >> 16) & 0xff;
}

export function seenMsOf(value: u64): u32 {
  return <u32>(value >> 32);
}

/** Whether an entry has died of age. */
export function isExpired(value: u64, nowMs: u32, ageMs: u32): bool {
  const expired = nowMs - seenMsOf(value) >= ageMs + REFRESH_MS;
  return expired && kindOf(value) == FdbKind.Dynamic;
}
