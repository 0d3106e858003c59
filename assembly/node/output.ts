/**
 * Output: gives a frame the form its egress port wants, and sends it. Frames between
 * plain ports are sent by bridge.ts itself.
 *
 * Drops: NoPort, VlanEgress, TagMismatch, Oversize, NoBuffer, BadOffload.
 */
import { Drop, Node, RxFlag, TxFlag, VNET_BYTES } from '../abi';
import { drop, emit } from '../fate';
import { Core, count } from '../memory';
import { Packet } from '../packet';
import {
  PORT_GROUPED,
  PORT_ISOLATED,
  PORT_OFFLOAD,
  PORT_REWRITES_TAGS,
  PORT_ROUTER,
  PORT_TUNNEL,
  PORT_UP,
  PORT_VLAN_AWARE,
  Port,
} from '../table/port';
import { Vnet } from '../wire/vnet';
import { enterCopy } from './enter';
import { finish } from './finish';
import { replicate } from './replicate';
import { retag } from './retag';
import { rewriteTagsOut } from './rewrite-tags';

export function output(core: Core, p: Packet, egress: Port): void {
  count(core.nodeCounters, Node.Output, 1);
  if (egress.has(PORT_TUNNEL)) return replicate(core, p, egress.overlay);
  const refused = shape(core, p, egress);
  if (refused != Drop.None) return drop(core, p, egress, refused);
  if (egress.has(PORT_ROUTER)) return enterCopy(core, p, egress);
  const isOffloaded = p.has(RxFlag.Offload);
  const isGso = isOffloaded && Vnet.at(p.data - VNET_BYTES).isGso;
  if (!isGso && p.length > egress.frameLimitBytes) return drop(core, p, egress, Drop.Oversize);
  if (isOffloaded && !egress.has(PORT_OFFLOAD)) return finish(core, p, egress);
  emit(core, p, egress, isOffloaded ? TxFlag.Offload : 0);
}

/** Whether no frame goes between two ports: both isolated, or of one split-horizon group. */
export function isKeptApart(from: Port, to: Port): bool {
  if (from.has(PORT_ISOLATED) && to.has(PORT_ISOLATED)) return true;
  return to.has(PORT_GROUPED) && to.group == from.group;
}

/** Tags as the egress port wants them. Drop.None, or why it takes no such frame. */
export function shape(core: Core, p: Packet, egress: Port): Drop {
  if (!egress.has(PORT_UP)) return Drop.NoPort;
  if (egress.has(PORT_VLAN_AWARE)) {
    const refused = retag(core, p, egress);
    if (refused != Drop.None) return refused;
  }
  return egress.has(PORT_REWRITES_TAGS) ? rewriteTagsOut(core, p, egress) : Drop.None;
}
