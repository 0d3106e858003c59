/**
 * Unfinished: inner frames as a kernel on the same machine sends them, which leaves work to
 * a device that never comes: checksums that are only the pseudo header's sum, and TCP
 * segments of 64 KiB. They travel on with a virtio header, so whoever takes them out of
 * here does the work (output.ts), and nothing is lost or wrong on the way.
 *
 * What tells: the virtio header of a `packet` port, whose offsets point behind the outer
 * headers; or, from a `udp` port, which says nothing, a checksum field that equals the sum
 * of the pseudo header. A finished checksum may look so once in 65536, and then finishing
 * it again gives the same.
 *
 * Drops: NoBuffer.
 */
import { Drop, RxFlag, VNET_BYTES } from '../abi';
import { Core } from '../memory';
import { Packet, copyBytes } from '../packet';
import { Overlay } from '../table/overlay';
import { TUNNEL_BYTES } from '../tunnel/index';
import { outerBytesOf } from '../tunnel/outer-headers';
import { Outer } from '../tunnel/tunnel';
import { fold, pseudoSum4, pseudoSum6, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { IPV4_BYTES, Ipv4, PROTOCOL_TCP, PROTOCOL_UDP, TYPE_IPV4 } from '../wire/ipv4';
import { IPV6_BYTES, Ipv6, TYPE_IPV6 } from '../wire/ipv6';
import { TCP_BYTES, Tcp } from '../wire/tcp';
import { UDP_BYTES, Udp } from '../wire/udp';
import { GSO_TCP4, GSO_TCP6, Vnet } from '../wire/vnet';

const RIGHT_SUM: u32 = 0xffff;

const TCP_CHECKSUM: u32 = offsetof<Tcp>('checksum');
const UDP_CHECKSUM: u32 = offsetof<Udp>('checksum');

/** Layer 4 of a plain IP packet: where it begins and what it is; see `layer4Of`. */
const START_MASK: u32 = 0xffff;
const PROTOCOL_SHIFT: u32 = 16;

/**
 * Marks an inner frame that is unfinished. `isFirst`: the bytes before it are the outer
 * headers, and free; else those of another frame.
 */
export function adopt(core: Core, p: Packet, overlay: Overlay, isFirst: bool): Drop {
  const outer = Outer.at(core.outer);
  if ((outer.frameFlags & RxFlag.Offload) != 0) {
    const told = Vnet.at(outer.frameAt - VNET_BYTES);
    if (!told.isGso) {
      adoptTold(p, told, p.data - outer.frameAt);
      return Drop.None;
    }
  }
  const headers = outerBytesOf(outer.vtep) + TUNNEL_BYTES - ETHERNET_BYTES;
  return adoptSilent(core, p, overlay.underlay.mtuBytes - headers, isFirst);
}

/** Takes over what the outer frame's virtio header says of `p`, `moved` bytes behind it. */
function adoptTold(p: Packet, told: Vnet, moved: u32): void {
  const start = told.checksumStart;
  const offset = told.checksumOffset;
  if (!told.needsChecksum || start < moved + ETHERNET_BYTES) return;
  if (start - moved + offset + 2 > p.length) return;
  Vnet.at(p.data - VNET_BYTES).emit(0, 0, 0, start - moved, offset);
  p.flags |= RxFlag.Offload;
}

/** Looks for what nobody tells. A frame longer than `limitBytes` is to be cut. */
function adoptSilent(core: Core, p: Packet, limitBytes: u32, isFirst: bool): Drop {
  const layer4 = layer4Of(p);
  const isLong = p.length > limitBytes;
  if (layer4 == 0) return Drop.None;
  const l4 = layer4 & START_MASK;
  const protocol = layer4 >> PROTOCOL_SHIFT;
  const offset = protocol == PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
  const pseudo = pseudoOf(p, l4, protocol);
  const field = <usize>p.data + l4 + offset;
  const isPartial = load<u16>(field) == fold(pseudo);
  if (!isPartial && !isLong) return Drop.None;
  const isCut = isLong && protocol == PROTOCOL_TCP;
  if (!isPartial) {
    const sum = pseudo + sumBytes(<usize>p.data + l4, p.length - l4);
    if (!isCut || fold(sum) != RIGHT_SUM) return Drop.None; // a fault stays one
    store<u16>(field, <u16>fold(pseudo));
  }
  if (!isFirst) {
    const data = copyBytes(core, p);
    if (data == 0) return Drop.NoBuffer;
    p.data = data;
  }
  mark(p, l4, offset, isCut ? limitBytes : 0);
  return Drop.None;
}

/** Writes the virtio header; a limit says that segments are to be made. */
function mark(p: Packet, l4: u32, offset: u32, limitBytes: u32): void {
  const vnet = Vnet.at(p.data - VNET_BYTES);
  p.flags |= RxFlag.Offload;
  if (limitBytes == 0) return vnet.emit(0, 0, 0, l4, offset);
  const headers = l4 + Tcp.at(p.data + l4).headerBytes;
  const kind = Ethernet.at(p.data).type == TYPE_IPV4 ? GSO_TCP4 : GSO_TCP6;
  vnet.emit(kind, headers, limitBytes - headers, l4, offset);
}

/** Offset and protocol of TCP or UDP in a whole plain IP packet; 0: something else. */
function layer4Of(p: Packet): u32 {
  const at: usize = p.data + ETHERNET_BYTES;
  const type = Ethernet.at(p.data).type;
  let l4: u32 = 0;
  let protocol: u32 = 0;
  let end: u32 = 0;
  if (type == TYPE_IPV4 && p.length >= ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES) {
    const ip = Ipv4.at(at);
    if (!ip.isPlain || ip.isFragment) return 0;
    protocol = ip.protocol;
    l4 = ETHERNET_BYTES + IPV4_BYTES;
    end = ETHERNET_BYTES + ip.totalBytes;
  } else if (type == TYPE_IPV6 && p.length >= ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES) {
    const ip = Ipv6.at(at);
    protocol = ip.nextHeader;
    l4 = ETHERNET_BYTES + IPV6_BYTES;
    end = l4 + ip.payloadBytes;
  }
  if (end != p.length) return 0;
  const isTcp = protocol == PROTOCOL_TCP && l4 + TCP_BYTES <= p.length;
  return isTcp || protocol == PROTOCOL_UDP ? l4 | (protocol << PROTOCOL_SHIFT) : 0;
}

function pseudoOf(p: Packet, l4: u32, protocol: u32): u64 {
  const ip: usize = p.data + ETHERNET_BYTES;
  const isIpv4 = l4 == ETHERNET_BYTES + IPV4_BYTES;
  const bytes = p.length - l4;
  return isIpv4 ? pseudoSum4(ip, protocol, bytes) : pseudoSum6(ip, protocol, bytes);
}
