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
import { fold, sumBytes } from '../wire/checksum';
import { ETHERNET_BYTES, Ethernet } from '../wire/ethernet';
import { PROTOCOL_TCP, TYPE_IPV4 } from '../wire/ipv4';
import { LAYER4_MASK, LAYER4_PROTOCOL_SHIFT, plainLayer4, plainPseudoSum } from '../wire/layer4';
import { Tcp } from '../wire/tcp';
import { Udp } from '../wire/udp';
import { GSO_TCP4, GSO_TCP6, Vnet } from '../wire/vnet';

const RIGHT_SUM: u32 = 0xffff;

const TCP_CHECKSUM: u32 = offsetof<Tcp>('checksum');
const UDP_CHECKSUM: u32 = offsetof<Udp>('checksum');

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
  const length = p.length;
  const layer4 = plainLayer4(p.data, length);
  const isLong = length > limitBytes;
  if (layer4 == 0) return Drop.None;
  const l4 = layer4 & LAYER4_MASK;
  const protocol = layer4 >> LAYER4_PROTOCOL_SHIFT;
  const offset = protocol == PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
  const pseudo = plainPseudoSum(p.data, length, l4, protocol);
  const field = <usize>p.data + l4 + offset;
  const isPartial = load<u16>(field) == fold(pseudo);
  if (!isPartial && !isLong) return Drop.None;
  const isCut = isLong && protocol == PROTOCOL_TCP;
  if (!isPartial) {
    const sum = pseudo + sumBytes(<usize>p.data + l4, length - l4);
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
