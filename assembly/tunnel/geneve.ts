/**
 * Geneve header, RFC 8926 §3.4. Between the outer UDP header and the inner Ethernet frame.
 *
 *   byte 0      version (2 bits, 0), length of the options in words of 4 bytes (6 bits)
 *   byte 1      bit 7 (O): for the control plane; bit 6 (C): an option is critical;
 *               6 bits reserved
 *   bytes 2-3   protocol of what follows, an ethertype: 0x6558, Ethernet
 *   bytes 4-6   VNI, 24 bits, big endian
 *   byte 7      reserved
 *   options
 *
 * Options are skipped on receipt, and none are sent. A packet whose options must be
 * understood, or that is for the control plane, is dropped (RFC 8926 §3.5.1, §4.5).
 */
import { Drop } from '../abi';
import { Outer } from './tunnel';

const VERSION_SHIFT: u32 = 6;
const OPTION_WORDS_MASK: u32 = 0x3f;
const WORD_SHIFT: u32 = 2;
const FLAG_CONTROL: u32 = 0x80;
const FLAG_CRITICAL: u32 = 0x40;
const FLAG_RESERVED: u32 = 0x3f;
const TYPE_ETHERNET: u32 = 0x6558; // Trans Ether Bridging
const VNI_SHIFT: u32 = 8;
const RESERVED_LOW: u32 = 0xff;

@unmanaged
export class Geneve {
  private first: u8;
  private flags: u8;
  private typeBe: u16;
  private vniBe: u32;

  /** Views GENEVE_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Geneve {
    return changetype<Geneve>(ptr);
  }

  /** Whether the version and the flags are such that what follows is a frame for us. */
  get isFrame(): bool {
    if ((<u32>this.first) >> VERSION_SHIFT != 0) return false;
    const isOurs = ((<u32>this.flags) & (FLAG_CONTROL | FLAG_CRITICAL)) == 0;
    return isOurs && bswap<u16>(this.typeBe) == TYPE_ETHERNET;
  }

  get optionBytes(): u32 {
    return ((<u32>this.first) & OPTION_WORDS_MASK) << WORD_SHIFT;
  }

  /** Whether a bit is set that the sender must leave clear. */
  get hasReserved(): bool {
    const low = bswap<u32>(this.vniBe) & RESERVED_LOW;
    return ((<u32>this.flags) & FLAG_RESERVED) != 0 || low != 0;
  }

  /** Network identifier: 24 bits, host order. */
  get vni(): u32 {
    return bswap<u32>(this.vniBe) >>> VNI_SHIFT;
  }

  /** Writes the whole header, without options. */
  emit(vni: u32): void {
    this.first = 0;
    this.flags = 0;
    this.typeBe = bswap<u16>(<u16>TYPE_ETHERNET);
    this.vniBe = bswap<u32>(vni << VNI_SHIFT);
  }
}

/** Bytes on the wire, without options. */
export const GENEVE_BYTES: u32 = offsetof<Geneve>();
if (GENEVE_BYTES != 8) ERROR('Geneve must be 8 bytes');

/** Reads the header at `at` of `bytes` bytes of UDP payload into `outer`. */
export function popGeneve(outer: Outer, at: usize, bytes: u32): Drop {
  if (bytes < GENEVE_BYTES) return Drop.TunnelHeader;
  const header = Geneve.at(at);
  const headerBytes = GENEVE_BYTES + header.optionBytes;
  if (!header.isFrame || headerBytes > bytes) return Drop.TunnelHeader;
  outer.vni = header.vni;
  outer.headerBytes = headerBytes;
  outer.isOdd = header.hasReserved ? 1 : 0;
  return Drop.None;
}
