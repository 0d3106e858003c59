/**
 * Reassemble: a fragment of an outer packet to our address waits for the others
 * (table/fragments.ts), and the whole datagram goes on as if it had come so (VX-A28).
 *
 * Drops: FragmentLost, and those of outer.ts for the whole.
 */
import { Drop, Node, RxFlag, Trace } from '../abi';
import { Core } from '../memory';
import { Packet } from '../packet';
import { FRAGMENT_KEPT, FRAGMENT_LAST, Fragments } from '../table/fragments';
import { Underlay } from '../table/underlay';
import { note, say } from '../trace';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { CONSUMED, openOuter } from './outer';

/** What a device said of a fragment says nothing of the whole. */
const FRAGMENT_FLAGS: u32 = RxFlag.Offload | RxFlag.Tight | RxFlag.Checked;

/** Returns what `openOuter` returns for the whole, CONSUMED while it is not, or a reason. */
export function reassemble(core: Core, p: Packet, underlay: Underlay): Drop {
  const refused = collect(core, p, p.length - ETHERNET_BYTES, underlay.index, Node.Decap);
  return refused == Drop.None ? openOuter(core, p, underlay.port) : refused;
}

/**
 * Adds the fragment behind the packet's Ethernet header, of `bytes` bytes, to its datagram.
 * Drop.None: the packet is the whole now; CONSUMED: it waits; or a reason.
 */
export function collect(core: Core, p: Packet, bytes: u32, scope: u32, node: Node): Drop {
  const table = Fragments.at(core.fragments);
  const got = table.add(core, p.data + ETHERNET_BYTES, bytes, scope);
  const isKept = got == FRAGMENT_KEPT;
  if (!isKept && got <= FRAGMENT_LAST) return Drop.FragmentLost;
  if (p.has(RxFlag.Trace)) {
    say(note(core, p, node, Trace.Reassembled), isKept ? 0 : table.frameBytes, 0, 0);
  }
  if (isKept) return CONSUMED;
  p.data = <u32>got;
  p.length = table.frameBytes;
  p.flags &= ~FRAGMENT_FLAGS;
  return Drop.None;
}
