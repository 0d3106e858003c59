/**
 * Gather: a fragment waits for the others of its packet (table/fragments.ts), which is judged
 * as a whole, and leaves in fragments again where the way is narrow (features CT-11).
 *
 * Drops: FragmentLost, and those of passage.ts for the whole.
 */
import { Capacity, Drop, Node } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { Fragments } from '../table/fragments';
import { IPV4_DF } from '../wire/ipv4';
import { Passage } from './passage';
import { collect } from './reassemble';

/** Drop.None: the packet is whole now; CONSUMED: it waits; or a reason. */
export function gather(core: Core, p: Packet, t: Passage): Drop {
  // Underlays and zones share the table, each with a scope of its own.
  const scope = core.capacity(Capacity.Underlays) + t.zone.index;
  let refused = collect(core, p, t.total, scope, Node.Zone);
  if (refused == Drop.None) refused = t.open(core, p);
  if (refused != Drop.None) return refused;
  t.isGathered = 1;
  t.fragmentBytes = Fragments.at(core.fragments).partBytes;
  if (t.isIpv6 == 0 && (t.ip.fragment & IPV4_DF) != 0) {
    t.ip.fragment = 0; // it came in fragments, so it may leave in some
    t.ip.seal();
  }
  return Drop.None;
}
