/**
 * The packet: what one batch knows of one frame, one cache line each. Fields are written
 * once, for a later loop.
 */
import { HEADROOM_BYTES, RX_BYTES, Rx, RxFlag, VNET_BYTES } from './abi';
import { Core, PACKET_BYTES, alignLine } from './memory';
import { Port } from './table/port';

/** Flags of a packet: RxFlag in the low half, these above. */
export const PACKET_TAGGED: u32 = 0x10000; // the frame's bytes carry `tag`
export const PACKET_SHARED: u32 = 0x20000; // its bytes are in a send descriptor already
export const PACKET_SUPPRESSED: u32 = 0x40000; // not to members that suppress neighbours
/** Any of these takes a frame off the straight way out. */
export const PACKET_SLOW: u32 = PACKET_SHARED | RxFlag.Offload | RxFlag.Trace;

@unmanaged
export class Packet {
  data: u32;
  length: u32;
  flags: u32;
  /** Index of the received frame in its batch. */
  origin: u32;
  /** FDB keys of both addresses. */
  source: u64;
  destination: u64;
  /** First candidate buckets of both keys. */
  sourceBucket: u32;
  destinationBucket: u32;
  port: Port;
  /** TPID << 16 | TCI of the frame's VLAN; 0 where VLANs are payload. */
  tag: u32;
  /** A copy of the frame with the tag put on or taken off, made by flooding; 0: none. */
  variant: u32;
  /** Where its source is, as the FDB says it: a port's index, or a VTEP. */
  place: u32;
  /** In a zone: the router interface it came in by, and a line that may be its flow's, or 0. */
  iface: u32;
  line: u32;

  static at(packets: usize, index: u32): Packet {
    return changetype<Packet>(packets + <usize>index * PACKET_BYTES);
  }

  /** Takes over receive descriptor `index`. */
  open(rx: usize, index: u32): void {
    const descriptor = rx + <usize>index * RX_BYTES;
    this.data = load<u32>(descriptor, Rx.Data);
    this.length = load<u32>(descriptor, Rx.Length);
    this.flags = load<u16>(descriptor, Rx.Flags);
    this.origin = index;
    this.tag = 0;
    this.variant = 0;
  }

  has(flag: u32): bool {
    return (this.flags & flag) != 0;
  }

  /** Address of `bytes` bytes `offset` into the frame, or 0 when they are not all there. */
  window(offset: u32, bytes: u32): usize {
    return offset + bytes <= this.length ? <usize>this.data + offset : 0;
  }

  /** Forwarding domain: the high 16 bits of either key. */
  get domain(): u32 {
    return <u32>(this.source >> 48);
  }
}

if (offsetof<Packet>() != PACKET_BYTES) ERROR('Packet must be one line');

/** Index of the ingress port of receive descriptor `index`. */
export function ingressIndex(rx: usize, index: u32): u32 {
  return load<u16>(rx + <usize>index * RX_BYTES, Rx.Port);
}

/**
 * Copies the packet's bytes, virtio header included, into the batch's copy region, with
 * headroom. Returns the address of the copy's first byte, or 0 when the region is full.
 */
export function copyBytes(core: Core, p: Packet): u32 {
  const data = reserve(core, p.length);
  if (data == 0) return 0;
  const head: u32 = p.has(RxFlag.Offload) ? VNET_BYTES : 0;
  memory.copy(data - head, <usize>p.data - head, p.length + head);
  return <u32>data;
}

/** Takes `bytes` bytes of the batch's copy region, with headroom. 0 when it is full. */
export function reserve(core: Core, bytes: u32): usize {
  const data = core.copyNext + HEADROOM_BYTES;
  const end = data + bytes;
  if (end > core.copiesEnd) return 0;
  core.copyNext = alignLine(end);
  return data;
}

/** Gives the packet bytes of its own, with headroom. False when there is no room for them. */
export function own(core: Core, p: Packet): bool {
  if (!p.has(PACKET_SHARED | RxFlag.Tight)) return true;
  const data = copyBytes(core, p);
  if (data == 0) return false;
  p.data = data;
  p.flags &= ~(PACKET_SHARED | (<u32>RxFlag.Tight));
  return true;
}
