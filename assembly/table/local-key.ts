/** Key of an own address of a zone in the table of them: a secret hash (table/local.ts). */
import { Core } from '../memory';
import { mix } from './buckets';

const ZONE_SHIFT: u64 = 32;

export function localKey(core: Core, zone: u32, head: u64, tail: u64): u64 {
  return mix(mix(head ^ core.salt) ^ tail ^ ((<u64>zone) << ZONE_SHIFT)) | 1;
}
