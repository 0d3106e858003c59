/**
 * Pick: the address that a rule of the nat table gives a new flow (bind.ts). One of a range is
 * chosen by a hash of the source: a host keeps its address (RFC 4787 REQ-2).
 */
import { Core } from '../memory';
import { Subject } from '../rules/subject';
import { mix } from '../table/buckets';
import { Iface } from '../table/iface';
import { isLinkLocalIpv6 } from '../wire/ipv6';
import { headOf, seedOf, tailOf, wordOf } from './addresses';
import { Passage } from './passage';

/** An address of the interface the packet came by; 0: it has none. */
export function redirected(core: Core, t: Passage): u32 {
  if (t.isIpv6 == 0) return bswap<u32>(t.iface.ipv4);
  return speakerOf(core, t, t.iface, t.destination);
}

/** The address an interface speaks with to another one beyond its link; 0: it has none. */
export function speakerOf(core: Core, t: Passage, iface: Iface, to: u32): u32 {
  const i = iface.speakerTo(headOf(core, t, to), tailOf(core, t, to));
  if (i == iface.addressCount || isLinkLocalIpv6(iface.addressHead(i))) return 0;
  return wordOf(core, t, iface.addressHead(i), iface.addressTail(i));
}

/** An address of the range that the rule names, for a source and what else is to matter. */
export function pick(core: Core, s: Subject, t: Passage, destination: u64): u32 {
  const source = seedOf(core, t, t.source);
  if (t.isIpv6 != 0) return pick6(core, s, t, mix(mix(source ^ core.salt) ^ destination));
  const first = <u32>s.natFirstTail;
  const addresses = <u32>s.natLastTail - first + 1;
  if (addresses <= 1) return bswap<u32>(first);
  const hash = mix((source | (destination << 32)) ^ core.salt);
  return bswap<u32>(first + <u32>(hash % addresses));
}

/** Of a range over more than one /64 the first or last address of each. */
function pick6(core: Core, s: Subject, t: Passage, hash: u64): u32 {
  const isOneNetwork = s.natFirstHead == s.natLastHead;
  const first = bswap<u64>(isOneNetwork ? s.natFirstTail : s.natFirstHead);
  const last = bswap<u64>(isOneNetwork ? s.natLastTail : s.natLastHead);
  const addresses = last - first + 1;
  const chosen = bswap<u64>(first + (addresses == 0 ? hash : hash % addresses));
  if (isOneNetwork) return wordOf(core, t, s.natFirstHead, chosen);
  return wordOf(core, t, chosen, chosen == s.natLastHead ? s.natLastTail : s.natFirstTail);
}
