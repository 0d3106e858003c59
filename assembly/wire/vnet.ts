/**
 * Virtio network header, `struct virtio_net_hdr` of linux/virtio_net.h (virtio 1.2
 * §5.1.6), 10 bytes, little endian: what a TAP says of a frame's unfinished checksum and
 * segmentation. Lies right before the frame.
 *
 *   byte 0     flags; bit 0: the checksum from `start` on is partial
 *   byte 1     segmentation: 0 none, 1 TCP/IPv4, 4 TCP/IPv6, 5 UDP; bit 7: ECN
 *   bytes 2-3  bytes of headers before the payload; 0: not said
 *   bytes 4-5  payload bytes of one segment
 *   bytes 6-7  where the checksum starts, from the start of the frame
 *   bytes 8-9  where it is stored, from `start`
 */
import { HEADROOM_BYTES, VNET_BYTES } from '../abi';

const FLAG_NEEDS_CHECKSUM: u32 = 1;
const GSO_NONE: u32 = 0;
const GSO_ECN: u32 = 0x80;
/** No header begins further on; what is left of 16 bits takes more tags than headroom does. */
const FURTHEST_START: u32 = 0xffff - HEADROOM_BYTES;
export const GSO_TCP4: u32 = 1;
export const GSO_TCP6: u32 = 4;
export const GSO_UDP: u32 = 5;

@unmanaged
export class Vnet {
  private flags: u8;
  private gso: u8;
  private headerField: u16;
  private segmentField: u16;
  private startField: u16;
  private offsetField: u16;

  static at(ptr: usize): Vnet {
    return changetype<Vnet>(ptr);
  }

  get needsChecksum(): bool {
    return (this.flags & FLAG_NEEDS_CHECKSUM) != 0;
  }

  /** GSO_TCP4, GSO_TCP6, GSO_UDP, or 0. */
  get gsoType(): u32 {
    return (<u32>this.gso) & ~GSO_ECN;
  }

  get isGso(): bool {
    return this.gsoType != GSO_NONE;
  }

  get headerBytes(): u32 {
    return this.headerField;
  }

  /** Payload bytes of one segment. */
  get segmentBytes(): u32 {
    return this.segmentField;
  }

  get checksumStart(): u32 {
    return this.startField;
  }

  get checksumOffset(): u32 {
    return this.offsetField;
  }

  /** Says that a device is to finish the checksum and segment. */
  emit(gso: u32, headerBytes: u32, segmentBytes: u32, start: u32, offset: u32): void {
    this.flags = <u8>FLAG_NEEDS_CHECKSUM;
    this.gso = <u8>gso;
    this.headerField = <u16>headerBytes;
    this.segmentField = <u16>segmentBytes;
    this.startField = <u16>start;
    this.offsetField = <u16>offset;
  }

  clear(): void {
    memory.fill(changetype<usize>(this), 0, VNET_BYTES);
  }

  /** Moves the header along with a frame whose header grew by `grown` bytes. */
  moveTo(ptr: usize, grown: i32): void {
    memory.copy(ptr, changetype<usize>(this), VNET_BYTES);
    const moved = Vnet.at(ptr);
    if (moved.needsChecksum) moved.startField = <u16>(<i32>moved.startField + grown);
    if (moved.isGso && moved.headerField != 0)
      moved.headerField = <u16>(<i32>moved.headerField + grown);
  }

  /**
   * Whether its offsets lie inside a frame of `length` bytes, behind layer 2, which ends at
   * `l3`, and agree. Then tags can come and go: no offset leaves its 16 bits.
   */
  fits(length: u32, l3: u32): bool {
    const start = this.checksumStart;
    if (this.needsChecksum) {
      if (start < l3 || start > FURTHEST_START) return false;
      if (start + this.checksumOffset + 2 > length) return false;
    }
    if (!this.isGso) return true;
    const kind = this.gsoType;
    if (kind != GSO_TCP4 && kind != GSO_TCP6 && kind != GSO_UDP) return false;
    const headers = this.headerBytes;
    if (headers != 0 && (headers < start || headers > min(length, FURTHEST_START))) return false;
    return this.needsChecksum && this.segmentBytes != 0;
  }
}

if (offsetof<Vnet>() != VNET_BYTES) ERROR('Vnet must be VNET_BYTES long');
