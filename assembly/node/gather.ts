/**
 * Gather: a fragment waits for the others of its packet (table/fragments.ts), which is judged
 * as a whole, and leaves in fragments again where the way is narrow (features CT-11).
 *
 * Drops: FragmentLost, and those of passage.ts for the whole.
 */
import { Capacity, Drop, Node, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { Fragments, FRAGMENT_KEPT, FRAGMENT_LAST } from '../table/fragments';
import { note, say } from '../trace';
import { IPV4_DF } from '../wire/ipv4';
import { CONSUMED } from './outer';
import { Passage } from './passage';

/** What a device said of a fragment says nothing of the whole. */
const FRAGMENT_FLAGS: u32 = RxFlag.Offload | RxFlag.Tight | RxFlag.Checked;

/** Drop.None: the packet is whole now; CONSUMED: it waits; or a reason. */
export function gather(core: Core, p: Packet, t: Passage): Drop {
  const table = Fragments.at(core.fragments);
  // Underlays and zones share the table, each with a scope of its own.
  const scope = core.capacity(Capacity.Underlays) + t.zone.index;
  const got = table.add(core, changetype<usize>(t.ip), t.total, scope);
  const isKept = got == FRAGMENT_KEPT;
  if (!isKept && got <= FRAGMENT_LAST) return Drop.FragmentLost;
  if (p.has(RxFlag.Trace)) {
    say(note(core, p, Node.Zone, Trace.Reassembled), isKept ? 0 : table.frameBytes, 0, 0);
  }
  if (isKept) return CONSUMED;
  p.data = <u32>got;
  p.length = table.frameBytes;
  p.flags &= ~FRAGMENT_FLAGS;
  const refused = t.open(core, p);
  if (refused != Drop.None) return refused;
  t.isGathered = 1;
  if ((t.ip.fragment & IPV4_DF) != 0) {
    t.ip.fragment = 0; // it came in fragments, so it may leave in some
    t.ip.seal();
  }
  return Drop.None;
}
