/** A frame under way, and what of its headers a link or a station looks at. */
import { VNET_BYTES, Vnet } from '../../assembly/abi.js';

/** Never changed once it is sent: several receivers may have the same bytes. */
export interface SimFrame {
  bytes: Uint8Array;
  /** `struct virtio_net_hdr` of an offloaded frame, VNET_BYTES long. */
  virtio?: Uint8Array;
}

/** linux/virtio_net.h: VIRTIO_NET_HDR_F_NEEDS_CSUM, and gso_type without the ECN bit. */
const NEEDS_CHECKSUM = 1;
const GSO_TYPES = 0x7f;

export const ETHERNET_BYTES = 14;
export const TAG_BYTES = 4;
export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_IPV6 = 0x86dd;
export const TPID_CUSTOMER = 0x8100;
const TPID_SERVICE = 0x88a8;

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMP6 = 58;

const IPV4_LEAST_BYTES = 20;
const IPV6_BYTES = 40;
const UDP_BYTES = 8;
const FRAGMENT_BITS = 0x3fff; // offset and More Fragments
const DONT_FRAGMENT = 0x4000;

/** Whether the checksum of layer 4 is left to the receiver. */
export function isPartial({ virtio }: SimFrame): boolean {
  return virtio !== undefined && (virtio[Vnet.Flags]! & NEEDS_CHECKSUM) !== 0;
}

/** Payload bytes of a segment of a frame that is many; 0: it is one. */
export function segmentBytes({ virtio }: SimFrame): number {
  if (virtio === undefined || (virtio[Vnet.GsoType]! & GSO_TYPES) === 0) return 0;
  return Buffer.from(virtio).readUInt16LE(Vnet.GsoBytes);
}

/** A copy of a virtio header that lies before address `data`. */
export function virtioBefore(memory: Uint8Array, data: number): Uint8Array {
  return memory.slice(data - VNET_BYTES, data);
}

/** An IP packet in a frame. Offsets are from the frame's first byte. */
export interface IpPacket {
  version: 4 | 6;
  l3: number;
  l4: number;
  /** Behind its last byte: padding may follow. */
  end: number;
  protocol: number;
  from: Uint8Array;
  to: Uint8Array;
  isFragment: boolean;
  dontFragment: boolean;
}

/** Where the payload of Ethernet begins and of what type it is; undefined: cut short. */
export function payloadOf(bytes: Uint8Array): { type: number; at: number } | undefined {
  let at = ETHERNET_BYTES;
  while (at <= bytes.length) {
    const type = u16(bytes, at - 2);
    if (type !== TPID_CUSTOMER && type !== TPID_SERVICE) return { type, at };
    at += TAG_BYTES;
  }
  return undefined;
}

/** The IP packet of a frame, if it has a whole header of one. IPv6 options are not skipped. */
export function ipPacketOf(bytes: Uint8Array): IpPacket | undefined {
  const payload = payloadOf(bytes);
  if (payload?.type === TYPE_IPV4) return ipv4At(bytes, payload.at);
  if (payload?.type === TYPE_IPV6) return ipv6At(bytes, payload.at);
  return undefined;
}

function ipv4At(bytes: Uint8Array, l3: number): IpPacket | undefined {
  const headerBytes = (bytes[l3]! & 15) * 4;
  if (l3 + IPV4_LEAST_BYTES > bytes.length || headerBytes < IPV4_LEAST_BYTES) return undefined;
  const fragment = u16(bytes, l3 + 6);
  return {
    version: 4,
    l3,
    l4: l3 + headerBytes,
    end: Math.min(l3 + u16(bytes, l3 + 2), bytes.length),
    protocol: bytes[l3 + 9]!,
    from: bytes.subarray(l3 + 12, l3 + 16),
    to: bytes.subarray(l3 + 16, l3 + 20),
    isFragment: (fragment & FRAGMENT_BITS) !== 0,
    dontFragment: (fragment & DONT_FRAGMENT) !== 0,
  };
}

function ipv6At(bytes: Uint8Array, l3: number): IpPacket | undefined {
  if (l3 + IPV6_BYTES > bytes.length) return undefined;
  return {
    version: 6,
    l3,
    l4: l3 + IPV6_BYTES,
    end: Math.min(l3 + IPV6_BYTES + u16(bytes, l3 + 4), bytes.length),
    protocol: bytes[l3 + 6]!,
    from: bytes.subarray(l3 + 8, l3 + 24),
    to: bytes.subarray(l3 + 24, l3 + 40),
    isFragment: false,
    dontFragment: true,
  };
}

/** What an MTU limits: the bytes of the IP packet, or of the longest segment a frame makes. */
export function mtuBytesOf(frame: SimFrame): number {
  const { bytes } = frame;
  const ip = ipPacketOf(bytes);
  const segment = segmentBytes(frame);
  if (ip !== undefined && segment > 0) {
    return Math.min(ip.l4 + l4HeaderBytes(bytes, ip) + segment, bytes.length) - ip.l3;
  }
  if (ip !== undefined) return ip.end - ip.l3;
  return Math.max(0, bytes.length - (payloadOf(bytes)?.at ?? bytes.length));
}

function l4HeaderBytes(bytes: Uint8Array, { protocol, l4 }: IpPacket): number {
  return protocol === TCP ? ((bytes[l4 + 12] ?? 0) >> 4) * 4 : UDP_BYTES;
}

/** Both MAC addresses are zero: a datagram of a udp port, whose Ethernet header is made up. */
export function hasNoMacs(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 2 * 6).every(byte => byte === 0);
}

/** Big endian; what lies behind the end counts as zero. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
