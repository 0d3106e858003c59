/**
 * Touch: loads the first buckets of a whole batch before the first is compared. WASM has no
 * prefetch, but a loop of nothing but loads overlaps their cache misses (CONVENTIONS §5).
 */
import { Core } from '../memory';
import { Packet } from '../packet';
import { Fdb } from '../table/fdb';

/** Tables of more buckets than this outgrow a core's second-level cache. */
const TOUCH_BUCKETS: u32 = 8192;

export function touch(core: Core, admitted: u32): void {
  if (Fdb.at(core.fdb).mask < TOUCH_BUCKETS) return;
  const packets = core.packets;
  let sink: u32 = 0;
  for (let i: u32 = 0; i < admitted; i++) {
    const p = Packet.at(packets, i);
    sink += load<u32>(p.sourceBucket) + load<u32>(p.destinationBucket);
  }
  core.sink = sink;
}
