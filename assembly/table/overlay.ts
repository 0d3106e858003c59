/**
 * Overlays: a segment's network identifier in an underlay, and how its frames travel; a row
 * of 64 bytes, found by index, or by (underlay, UDP port, VNI) through table/endpoints.ts.
 *
 * Its side of the segment is the tunnel port, an ordinary row of table/port.ts: what its
 * counters, flood flags, learning and storm control say holds for all its VTEPs together.
 */
import { Capacity, Status } from '../abi';
import { Core, OVERLAY_BYTES } from '../memory';
import { Bum, Encap, InnerVlan, OuterChecksum, OuterDf, OverlayOption } from '../overlay-abi';
import { pushTunnel } from '../tunnel/index';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { Buckets } from './buckets';
import { overlayKey, peerKey } from './endpoints';
import { PORT_TUNNEL, Port } from './port';
import { Segment, describeMembers } from './segment';
import { Underlay } from './underlay';
import { Vtep } from './vtep';

const MOST_VNI: u32 = 0xffffff;
const MOST_UDP_PORT: u32 = 65535;
const MOST_TTL: u32 = 255;
const TOS_INHERIT: u32 = 0x100;
const NO_LIMIT_BYTES: u32 = 0xffffffff;
/** Of outer packets, where nothing says other; RFC 1700. */
export const DEFAULT_TTL: u32 = 64;

/** Flags of an overlay. */
export const OVERLAY_ANYBODY: u32 = 1; // takes frames from VTEPs it does not know
export const OVERLAY_STRICT: u32 = 2; // no reserved bits
export const OVERLAY_SYMMETRIC: u32 = 4; // one UDP source port for both directions
export const OVERLAY_MSS_CLAMP: u32 = 8;
export const OVERLAY_TTL_INHERIT: u32 = 16;
export const OVERLAY_TOS_INHERIT: u32 = 32;
export const OVERLAY_DF_SET: u32 = 64;
export const OVERLAY_DF_INHERIT: u32 = 128;
export const OVERLAY_SUM_ALWAYS: u32 = 256;
export const OVERLAY_SUM_NEVER: u32 = 512;
export const OVERLAY_VLAN_STRIP: u32 = 1024;
export const OVERLAY_VLAN_DROP: u32 = 2048;
export const OVERLAY_REPLICATES: u32 = 4096;
export const OVERLAY_MULTICASTS: u32 = 8192;
/** Any of these needs a closer look at the inner frame. */
export const OVERLAY_SLOW: u32 =
  OVERLAY_MSS_CLAMP |
  OVERLAY_TTL_INHERIT |
  OVERLAY_TOS_INHERIT |
  OVERLAY_DF_INHERIT |
  OVERLAY_VLAN_STRIP |
  OVERLAY_VLAN_DROP;

@unmanaged
export class Overlay {
  /** Null: not in use. */
  underlay: Underlay;
  tunnelPort: Port;
  index: u32;
  udpPort: u32;
  encap: u32;
  vni: u32;
  flags: u32;
  ttl: u32;
  tos: u32;
  /** Longest inner frame without tags, for those who are not asked by the path. */
  frameLimitBytes: u32;
  /** VTEP of the multicast group; 0: none. */
  group: u32;
  peerStart: u32;
  peerCount: u32;
  private spare0: u32;
  /** The tunnel header as it leaves: 8 bytes. */
  header: u64;

  static at(overlays: usize, index: u32): Overlay {
    return changetype<Overlay>(overlays + <usize>index * OVERLAY_BYTES);
  }

  has(flag: u32): bool {
    return (this.flags & flag) != 0;
  }
}

if (offsetof<Overlay>() != OVERLAY_BYTES) ERROR('Overlay must be OVERLAY_BYTES long');

export function createOverlays(core: Core): void {
  const overlays = core.capacity(Capacity.Overlays);
  for (let i: u32 = 0; i < overlays; i++) resetRow(Overlay.at(core.overlays, i), i);
}

function resetRow(overlay: Overlay, index: u32): void {
  memory.fill(changetype<usize>(overlay), 0, OVERLAY_BYTES);
  overlay.index = index;
  overlay.ttl = DEFAULT_TTL;
  overlay.frameLimitBytes = NO_LIMIT_BYTES;
}

/** The overlay that a packet to a UDP port names; null: none. */
export function findOverlay(core: Core, underlay: Underlay, udpPort: u32, vni: u32): Overlay {
  const key = overlayKey(underlay.index, udpPort, vni);
  const found = Buckets.at(core.endpoints).lookup(key);
  if (found == 0) return changetype<Overlay>(0);
  return Overlay.at(core.overlays, load<u32>(found));
}

/** Whether a VTEP may send into an overlay. */
export function isPeer(core: Core, overlay: Overlay, vtep: Vtep): bool {
  if (vtep.peerOf == overlay) return true;
  const isAllowed =
    overlay.has(OVERLAY_ANYBODY) ||
    Buckets.at(core.endpoints).lookup(peerKey(overlay.index, vtep.index)) != 0;
  if (isAllowed) vtep.peerOf = overlay;
  return isAllowed;
}

/** Lets a VTEP send into an overlay, or no longer. Returns a Status. */
export function allowPeer(core: Core, overlay: Overlay, vtep: Vtep, isAllowed: bool): Status {
  const endpoints = Buckets.at(core.endpoints);
  const key = peerKey(overlay.index, vtep.index);
  const found = endpoints.lookup(key);
  if (!isAllowed) {
    if (vtep.peerOf == overlay) vtep.peerOf = changetype<Overlay>(0);
    if (found == 0) return Status.NotFound;
    endpoints.removeAt(found);
    return Status.Ok;
  }
  return found != 0 || endpoints.insert(key, 1) ? Status.Ok : Status.Full;
}

/** Takes an overlay out of service. Its peers must be taken back before. */
export function resetOverlay(core: Core, overlay: Overlay): void {
  leaveUnderlay(core, overlay);
  setTunnelPort(core, overlay, 0);
  resetRow(overlay, overlay.index);
}

/** Sets one option. Returns a Status. */
export function configureOverlay(
  core: Core,
  overlay: Overlay,
  option: OverlayOption,
  value: u32,
): Status {
  switch (option) {
    case OverlayOption.Underlay:
      return joinUnderlay(core, overlay, value);
    case OverlayOption.TunnelPort:
      return setTunnelPort(core, overlay, value);
    case OverlayOption.UdpPort:
      if (value == 0 || value > MOST_UDP_PORT) return Status.OutOfRange;
      leaveUnderlay(core, overlay);
      overlay.udpPort = value;
      return Status.Ok;
    case OverlayOption.Encap:
      if (value > <u32>Encap.Geneve) return Status.OutOfRange;
      leaveUnderlay(core, overlay);
      overlay.encap = value;
      return Status.Ok;
    case OverlayOption.Vni:
      if (value > MOST_VNI) return Status.OutOfRange;
      leaveUnderlay(core, overlay);
      overlay.vni = value;
      return Status.Ok;
    default:
      return configureTravel(core, overlay, option, value);
  }
}

/** How frames travel. */
function configureTravel(core: Core, overlay: Overlay, option: OverlayOption, value: u32): Status {
  switch (option) {
    case OverlayOption.Ttl:
      if (value > MOST_TTL) return Status.OutOfRange;
      overlay.ttl = value;
      return setFlags(overlay, OVERLAY_TTL_INHERIT, value == 0 ? OVERLAY_TTL_INHERIT : 0);
    case OverlayOption.Tos:
      if (value > TOS_INHERIT) return Status.OutOfRange;
      overlay.tos = value == TOS_INHERIT ? 0 : value & ~3;
      return setFlags(overlay, OVERLAY_TOS_INHERIT, value == TOS_INHERIT ? OVERLAY_TOS_INHERIT : 0);
    case OverlayOption.MtuBytes:
      overlay.frameLimitBytes = value == 0 ? NO_LIMIT_BYTES : value + ETHERNET_BYTES;
      return Status.Ok;
    case OverlayOption.Group:
      if (value > core.capacity(Capacity.Vteps)) return Status.OutOfRange;
      overlay.group = value;
      return Status.Ok;
    case OverlayOption.PeerStart:
      if (value > core.capacity(Capacity.Peers)) return Status.OutOfRange;
      overlay.peerStart = value;
      overlay.peerCount = 0;
      return Status.Ok;
    case OverlayOption.PeerCount:
      if (value > core.capacity(Capacity.Peers) - overlay.peerStart) return Status.OutOfRange;
      overlay.peerCount = value;
      return Status.Ok;
    default:
      return configureFlags(core, overlay, option, value);
  }
}

function configureFlags(core: Core, overlay: Overlay, option: OverlayOption, value: u32): Status {
  switch (option) {
    case OverlayOption.UnknownVteps:
      forgetPeers(core, overlay);
      return setFlags(overlay, OVERLAY_ANYBODY, value != 0 ? OVERLAY_ANYBODY : 0);
    case OverlayOption.StrictFlags:
      return setFlags(overlay, OVERLAY_STRICT, value != 0 ? OVERLAY_STRICT : 0);
    case OverlayOption.Symmetric:
      return setFlags(overlay, OVERLAY_SYMMETRIC, value != 0 ? OVERLAY_SYMMETRIC : 0);
    case OverlayOption.MssClamp:
      return setFlags(overlay, OVERLAY_MSS_CLAMP, value != 0 ? OVERLAY_MSS_CLAMP : 0);
    case OverlayOption.Bum:
      if (value > <u32>Bum.Multicast) return Status.OutOfRange;
      return setChoice(overlay, OVERLAY_REPLICATES, OVERLAY_MULTICASTS, value);
    case OverlayOption.Df:
      if (value > <u32>OuterDf.Inherit) return Status.OutOfRange;
      return setChoice(overlay, OVERLAY_DF_SET, OVERLAY_DF_INHERIT, value);
    case OverlayOption.Checksum:
      if (value > <u32>OuterChecksum.Never) return Status.OutOfRange;
      return setChoice(overlay, OVERLAY_SUM_ALWAYS, OVERLAY_SUM_NEVER, value);
    case OverlayOption.InnerVlan:
      if (value > <u32>InnerVlan.Drop) return Status.OutOfRange;
      return setChoice(overlay, OVERLAY_VLAN_STRIP, OVERLAY_VLAN_DROP, value);
    default:
      return Status.OutOfRange;
  }
}

/** What was found out about who may send is to be found out again. */
function forgetPeers(core: Core, overlay: Overlay): void {
  const last = core.capacity(Capacity.Vteps);
  for (let i: u32 = 1; i <= last; i++) {
    const vtep = Vtep.at(core.vteps, i);
    if (vtep.peerOf == overlay) vtep.peerOf = changetype<Overlay>(0);
  }
}

/** Choice 1 sets one flag, choice 2 the other, choice 0 none. */
function setChoice(overlay: Overlay, first: u32, second: u32, choice: u32): Status {
  return setFlags(overlay, first | second, choice == 0 ? 0 : choice == 1 ? first : second);
}

function setFlags(overlay: Overlay, mask: u32, value: u32): Status {
  overlay.flags = (overlay.flags & ~mask) | value;
  return Status.Ok;
}

/** Makes the overlay known by its UDP port and VNI, which must be free. */
function joinUnderlay(core: Core, overlay: Overlay, place: u32): Status {
  if (place > core.capacity(Capacity.Underlays)) return Status.OutOfRange;
  leaveUnderlay(core, overlay);
  if (place == 0) return Status.Ok;
  const underlay = Underlay.at(core.underlays, place - 1);
  const endpoints = Buckets.at(core.endpoints);
  const key = overlayKey(underlay.index, overlay.udpPort, overlay.vni);
  if (overlay.udpPort == 0 || endpoints.lookup(key) != 0) return Status.OutOfRange;
  if (!underlay.usePort(overlay.udpPort, overlay.encap)) return Status.OutOfRange;
  if (!endpoints.insert(key, overlay.index)) return Status.Full;
  overlay.underlay = underlay;
  const header = changetype<usize>(overlay) + offsetof<Overlay>('header');
  pushTunnel(overlay.encap, header, overlay.vni);
  return Status.Ok;
}

function leaveUnderlay(core: Core, overlay: Overlay): void {
  const underlay = overlay.underlay;
  if (changetype<usize>(underlay) == 0) return;
  const endpoints = Buckets.at(core.endpoints);
  const found = endpoints.lookup(overlayKey(underlay.index, overlay.udpPort, overlay.vni));
  if (found != 0) endpoints.removeAt(found);
  if (underlay.lastOverlay == overlay) underlay.lastOverlay = changetype<Overlay>(0);
  overlay.underlay = changetype<Underlay>(0);
  forgetPeers(core, overlay);
  if (!isPortUsed(core, underlay, overlay.udpPort)) underlay.closePort(overlay.udpPort);
}

/** Whether another overlay uses a UDP port of an underlay. */
function isPortUsed(core: Core, underlay: Underlay, udpPort: u32): bool {
  const overlays = core.capacity(Capacity.Overlays);
  for (let i: u32 = 0; i < overlays; i++) {
    const overlay = Overlay.at(core.overlays, i);
    if (overlay.underlay == underlay && overlay.udpPort == udpPort) return true;
  }
  return false;
}

/** The port that stands for the VTEPs; its segment is the overlay's. */
function setTunnelPort(core: Core, overlay: Overlay, place: u32): Status {
  if (place > core.portCount) return Status.OutOfRange;
  const old = overlay.tunnelPort;
  if (changetype<usize>(old) != 0) {
    old.flags &= ~PORT_TUNNEL;
    tellSegment(old.segment, changetype<Overlay>(0));
  }
  overlay.tunnelPort = changetype<Port>(0);
  if (place == 0) return Status.Ok;
  const port = Port.at(core.ports, place - 1);
  if (changetype<usize>(port.segment) == 0 || port.has(PORT_TUNNEL)) return Status.OutOfRange;
  port.flags |= PORT_TUNNEL;
  overlay.tunnelPort = port;
  tellSegment(port.segment, overlay);
  return Status.Ok;
}

function tellSegment(segment: Segment, overlay: Overlay): void {
  if (changetype<usize>(segment) == 0) return;
  segment.overlay = overlay;
  describeMembers(segment);
}
