/**
 * Dress: what a frame may need before outer headers go on: another tag, a lower MSS, a
 * finished checksum, bytes of its own, an answer that it is too long, a next hop that is
 * asked for. Called off the straight way by encap.ts and for replicas.
 *
 * Drops: NoPort, Isolated, NoNextHop, InnerVlan, NoBuffer, BadOffload, TooBig.
 */
import { Drop, Node, RxFlag, Trace, VNET_BYTES } from '../abi';
import { drop } from '../fate';
import { Core } from '../memory';
import { Packet, own } from '../packet';
import {
  DEFAULT_TTL,
  OVERLAY_DF_INHERIT,
  OVERLAY_DF_SET,
  OVERLAY_MSS_CLAMP,
  OVERLAY_TOS_INHERIT,
  OVERLAY_TTL_INHERIT,
  OVERLAY_VLAN_DROP,
  OVERLAY_VLAN_STRIP,
  Overlay,
} from '../table/overlay';
import { PORT_UP } from '../table/port';
import { VTEP_READY, Vtep, restoreMtu } from '../table/vtep';
import { note, say } from '../trace';
import { HEADER_DF, TOS_SHIFT, headerOf } from '../tunnel/outer-headers';
import { Ethernet } from '../wire/ethernet';
import { IPV4_BYTES, IPV4_DF, Ipv4 } from '../wire/ipv4';
import { Ipv6 } from '../wire/ipv6';
import { VLAN_BYTES, isTpid, networkOffset, popTag } from '../wire/vlan';
import { Vnet } from '../wire/vnet';
import { clampMss } from './clamp-mss';
import { ECN_MASK, outerEcn } from './ecn';
import { frameLimit, packetLimit, push } from './encap';
import { completeChecksum } from './finish';
import { encapFragments } from './fragment';
import { isKeptApart } from './output';
import { askFor } from './resolve';
import { encapSuper } from './super';
import { tooBig } from './path-mtu';

const BYTE_MASK: u32 = 0xff;

export function dress(core: Core, p: Packet, overlay: Overlay, vtep: Vtep): void {
  const refused = prepare(core, p, overlay, vtep);
  if (refused != Drop.None) return drop(core, p, overlay.tunnelPort, refused);
  if (p.has(RxFlag.Offload)) {
    const vnet = Vnet.at(p.data - VNET_BYTES);
    if (vnet.isGso) return encapSuper(core, p, overlay, vtep, headerFor(p, overlay));
    if (!own(core, p)) return drop(core, p, overlay.tunnelPort, Drop.NoBuffer);
    if (vnet.needsChecksum) finishChecksum(core, p, overlay);
  }
  if (p.length > frameLimit(overlay, vtep)) {
    const isSent = encapFragments(core, p, overlay, vtep, headerFor(p, overlay));
    if (!isSent) tooBig(core, p, overlay, vtep);
    return;
  }
  if (!own(core, p)) return drop(core, p, overlay.tunnelPort, Drop.NoBuffer);
  p.flags &= ~(<u32>RxFlag.Offload);
  push(core, p, overlay, vtep, headerFor(p, overlay));
}

/** Whether the frame may go, and what the overlay wishes done with it first. */
function prepare(core: Core, p: Packet, overlay: Overlay, vtep: Vtep): Drop {
  const tunnel = overlay.tunnelPort;
  if ((tunnel.flags & vtep.underlay.port.flags & PORT_UP) == 0) return Drop.NoPort;
  if (isKeptApart(p.port, tunnel)) return Drop.Isolated;
  if (!vtep.has(VTEP_READY)) {
    askFor(core, p, vtep);
    return Drop.NoNextHop;
  }
  restoreMtu(vtep, core.nowMs);
  if (overlay.has(OVERLAY_VLAN_DROP | OVERLAY_VLAN_STRIP)) {
    const refused = untag(core, p, overlay);
    if (refused != Drop.None) return refused;
  }
  if (!overlay.has(OVERLAY_MSS_CLAMP)) return Drop.None;
  if (!own(core, p)) return Drop.NoBuffer;
  clampMss(p.data, p.length, packetLimit(overlay, vtep), needsChecksum(p));
  return Drop.None;
}

function needsChecksum(p: Packet): bool {
  return p.has(RxFlag.Offload) && Vnet.at(p.data - VNET_BYTES).needsChecksum;
}

/** RFC 7348 §6.1: no tag inside, where the overlay says so. */
function untag(core: Core, p: Packet, overlay: Overlay): Drop {
  if (!isTpid(Ethernet.at(p.data).type)) return Drop.None;
  if (overlay.has(OVERLAY_VLAN_DROP)) return Drop.InnerVlan;
  if (!own(core, p)) return Drop.NoBuffer;
  p.data = <u32>popTag(p.data, p.has(RxFlag.Offload));
  p.length -= VLAN_BYTES;
  return Drop.None;
}

function finishChecksum(core: Core, p: Packet, overlay: Overlay): void {
  const start = Vnet.at(p.data - VNET_BYTES).checksumStart;
  completeChecksum(p);
  if (!p.has(RxFlag.Trace)) return;
  const at = note(core, p, Node.Encap, Trace.ChecksumFinished);
  say(at, overlay.tunnelPort.index, start, 0);
}

/** TTL, TOS and DF of the outer header: the overlay's, or those of the inner packet. */
function headerFor(p: Packet, overlay: Overlay): u32 {
  const df = overlay.has(OVERLAY_DF_SET) ? HEADER_DF : 0;
  const l3 = networkOffset(p.data, p.length);
  const at = p.window(l3, IPV4_BYTES);
  const ip = Ipv4.at(at);
  if (at != 0 && ip.isVersion4) {
    const inner = headerOf(ip.ttl, ip.tos) | ((ip.fragment & IPV4_DF) != 0 ? HEADER_DF : 0);
    return choose(overlay, inner);
  }
  if (at != 0 && Ipv6.at(at).isVersion6) {
    const inner = Ipv6.at(at);
    return choose(overlay, headerOf(inner.hopLimit, inner.trafficClass) | HEADER_DF);
  }
  return headerOf(overlay.ttl == 0 ? DEFAULT_TTL : overlay.ttl, overlay.tos) | df;
}

function choose(overlay: Overlay, inner: u32): u32 {
  const innerTos = (inner >> TOS_SHIFT) & BYTE_MASK;
  const dscp = overlay.has(OVERLAY_TOS_INHERIT) ? innerTos & ~ECN_MASK : overlay.tos;
  const ttl = overlay.has(OVERLAY_TTL_INHERIT) ? inner & BYTE_MASK : overlay.ttl;
  const isDf =
    overlay.has(OVERLAY_DF_SET) || (overlay.has(OVERLAY_DF_INHERIT) && (inner & HEADER_DF) != 0);
  return headerOf(ttl, dscp | outerEcn(innerTos & ECN_MASK)) | (isDf ? HEADER_DF : 0);
}
