/** Counters of rules and policies: packets and bytes of the IP packet, 64 bits each. */
import { Rules } from './rules';
import { Subject } from './subject';

const BYTES: usize = 8;

/** One packet of `bytes` bytes on the rule or policy `counter`. */
export function countHit(rules: Rules, counter: u32, bytes: u32): void {
  const at = rules.counterAt(counter);
  store<u64>(at, load<u64>(at) + 1);
  store<u64>(at, load<u64>(at, BYTES) + bytes, BYTES);
}

/** One packet of `bytes` bytes on all that the subject's trail holds from `first` on. */
export function countTrail(rules: Rules, s: Subject, first: u32, bytes: u32): void {
  for (let i = first; i < s.trailLength; i++) countHit(rules, load<u32>(s.trailAt(i)), bytes);
}
