/**
 * Super: encapsulates an offloaded TCP or UDP frame. It is cut into its segments, each with a
 * tunnel header before it, and as many as fit leave behind one outer header, for the
 * underlay's device to cut apart (GSO_UDP): one system call instead of forty. An underlay
 * without offloads gets them one by one.
 *
 * The last segment may be short, so datagrams are equal but for the last, as UDP_SEGMENT
 * wants them.
 *
 * Drops: BadOffload, TooBig, NoBuffer.
 */
import { CoreCounter, Drop, Node, RxFlag, Trace, TxFlag, VNET_BYTES } from '../abi';
import { drop, emit } from '../fate';
import { Core, count } from '../memory';
import { Packet, reserve } from '../packet';
import { OVERLAY_SYMMETRIC, Overlay } from '../table/overlay';
import { PORT_OFFLOAD } from '../table/port';
import { Vtep } from '../table/vtep';
import { note, say } from '../trace';
import { sourcePortOf } from '../tunnel/flow-hash';
import { TUNNEL_BYTES } from '../tunnel/index';
import {
  openChecksum,
  outerBytesOf,
  pushOuter,
  sealChecksum,
  wantsChecksum,
} from '../tunnel/outer-headers';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { Gso } from '../wire/gso';
import { UDP_BYTES, Udp } from '../wire/udp';
import { GSO_UDP, Vnet } from '../wire/vnet';
import { countOut, frameLimit } from './encap';
import { tooBig } from './path-mtu';

/** UDP_MAX_SEGMENTS of Linux before 6.9; and what an IP packet holds. */
const MOST_CHUNKS: u32 = 64;
const MOST_IP_BYTES: u32 = 65535;
const PORT_SHIFT: u32 = 16;
const UDP_CHECKSUM: u32 = offsetof<Udp>('checksum');

export function encapSuper(core: Core, p: Packet, overlay: Overlay, vtep: Vtep, header: u32): void {
  const gso = Gso.at(core.gso);
  const tunnel = overlay.tunnelPort;
  if (!gso.open(p.data, p.length, Vnet.at(p.data - VNET_BYTES))) {
    return drop(core, p, tunnel, Drop.BadOffload);
  }
  if (gso.longestBytes > frameLimit(overlay, vtep)) return tooBig(core, p, overlay, vtep);
  const source = sourcePortOf(p.data, p.length, core.salt, overlay.has(OVERLAY_SYMMETRIC));
  gso.ports = source | (overlay.udpPort << PORT_SHIFT);
  gso.header = header;
  gso.next = 0;
  const most = mostChunks(vtep, gso);
  if (p.has(RxFlag.Trace)) traceSuper(core, p, overlay, vtep, source);
  let frames: u32 = 0;
  for (; gso.next < gso.segments; frames++) {
    if (sendChunks(core, p, overlay, vtep, min(most, gso.segments - gso.next))) continue;
    count(core.coreCounters, CoreCounter.Copies, frames);
    return drop(core, p, tunnel, Drop.NoBuffer);
  }
  count(core.coreCounters, CoreCounter.Copies, frames - 1);
}

/** Datagrams behind one outer header. */
function mostChunks(vtep: Vtep, gso: Gso): u32 {
  if (!vtep.underlay.port.has(PORT_OFFLOAD)) return 1;
  const room = MOST_IP_BYTES - (outerBytesOf(vtep) - ETHERNET_BYTES);
  return max(1, min(MOST_CHUNKS, room / (TUNNEL_BYTES + gso.longestBytes)));
}

/** The next `chunks` segments in one frame. False: no room for it. */
function sendChunks(core: Core, p: Packet, overlay: Overlay, vtep: Vtep, chunks: u32): bool {
  const gso = Gso.at(core.gso);
  const first = gso.next;
  const outerBytes = outerBytesOf(vtep);
  const tunnel = TUNNEL_BYTES;
  const whole = tunnel + gso.longestBytes;
  const last = tunnel + gso.bytesOf(first + chunks - 1);
  const payload = (chunks - 1) * whole + last;
  if (core.segmentsLeft < chunks) return false;
  const to = reserve(core, outerBytes + payload);
  if (to == 0) return false;
  core.segmentsLeft -= chunks;
  for (let i: u32 = 0; i < chunks; i++) {
    const at = to + outerBytes + i * whole;
    store<u64>(at, overlay.header);
    gso.write(first + i, at + tunnel);
  }
  gso.next = first + chunks;
  pushOuter(to, vtep, gso.header, gso.ports, payload);
  p.data = <u32>to;
  p.length = outerBytes + payload;
  const outerEach = (outerBytes - ETHERNET_BYTES) * chunks + payload;
  countOut(overlay, vtep, chunks, payload - tunnel * chunks, outerEach);
  emitChunks(core, p, overlay, vtep, chunks == 1 ? 0 : whole);
  return true;
}

/** Sends what lies at `p.data`; `each` is the size of its datagrams, 0: it is one. */
function emitChunks(core: Core, p: Packet, overlay: Overlay, vtep: Vtep, each: u32): void {
  const to: usize = p.data;
  const egress = vtep.underlay.port;
  if (each == 0) {
    if (wantsChecksum(overlay, vtep)) sealChecksum(to, vtep);
    return emit(core, p, egress, 0);
  }
  openChecksum(to, vtep);
  const headers = outerBytesOf(vtep);
  Vnet.at(to - VNET_BYTES).emit(GSO_UDP, headers, each, headers - UDP_BYTES, UDP_CHECKSUM);
  emit(core, p, egress, TxFlag.Offload);
}

function traceSuper(core: Core, p: Packet, overlay: Overlay, vtep: Vtep, source: u32): void {
  const gso = Gso.at(core.gso);
  const cut = note(core, p, Node.Encap, Trace.Segmented);
  say(cut, overlay.tunnelPort.index, gso.segments, gso.segmentBytes);
  say(note(core, p, Node.Encap, Trace.Encapsulated), overlay.vni, vtep.index, source);
}
