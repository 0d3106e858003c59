/**
 * TCP header, RFC 9293 §3.1.
 *
 *   bytes 0-1    source port, big endian
 *   bytes 2-3    destination port, big endian
 *   bytes 4-7    sequence number, big endian
 *   bytes 8-11   acknowledgment number, big endian
 *   byte 12      header length in units of 4 bytes (4 bits), reserved (4)
 *   byte 13      CWR, ECE, URG, ACK, PSH, RST, SYN, FIN: bit 7 to bit 0
 *   bytes 14-15  window, big endian
 *   bytes 16-17  checksum over a pseudo header and all of the segment
 *   bytes 18-19  urgent pointer, big endian
 *   then         options, up to 40 bytes
 */
export const TCP_FIN: u32 = 0x01;
export const TCP_SYN: u32 = 0x02;
export const TCP_RST: u32 = 0x04;
export const TCP_PSH: u32 = 0x08;
export const TCP_ACK: u32 = 0x10;
export const TCP_URG: u32 = 0x20;
export const TCP_ECE: u32 = 0x40;
export const TCP_CWR: u32 = 0x80;

const WORDS_SHIFT: u32 = 4; // in byte 12
const PLAIN: u32 = 0x50; // byte 12 of a header without options

@unmanaged
export class Tcp {
  private sourceBe: u16;
  private destinationBe: u16;
  private sequenceBe: u32;
  private acknowledgedBe: u32;
  private words: u8;
  private flagsField: u8;
  private windowBe: u16;
  /** As it is loaded: sums are, too. */
  checksum: u16;
  private urgentBe: u16;

  /** Views TCP_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Tcp {
    return changetype<Tcp>(ptr);
  }

  get source(): u32 {
    return bswap<u16>(this.sourceBe);
  }

  get destination(): u32 {
    return bswap<u16>(this.destinationBe);
  }

  /** Sequence number of the first byte. The setter leaves the checksum as it is. */
  get sequence(): u32 {
    return bswap<u32>(this.sequenceBe);
  }

  set sequence(sequence: u32) {
    this.sequenceBe = bswap<u32>(sequence);
  }

  get acknowledged(): u32 {
    return bswap<u32>(this.acknowledgedBe);
  }

  /** Bytes of the header with its options: 0 to 60. */
  get headerBytes(): u32 {
    return ((<u32>this.words) >>> WORDS_SHIFT) << 2;
  }

  /** TCP_FIN to TCP_CWR. The setter leaves the checksum as it is. */
  get flags(): u32 {
    return this.flagsField;
  }

  set flags(flags: u32) {
    this.flagsField = <u8>flags;
  }

  get window(): u32 {
    return bswap<u16>(this.windowBe);
  }

  get urgent(): u32 {
    return bswap<u16>(this.urgentBe);
  }

  /**
   * Writes a header without options, with no urgent data; the checksum is 0. `ports` is
   * source << 16 | destination.
   */
  emit(ports: u32, sequence: u32, acknowledged: u32, flags: u32, window: u32): void {
    store<u32>(changetype<usize>(this), bswap<u32>(ports));
    this.sequenceBe = bswap<u32>(sequence);
    this.acknowledgedBe = bswap<u32>(acknowledged);
    this.words = <u8>PLAIN;
    this.flagsField = <u8>flags;
    this.windowBe = bswap<u16>(<u16>window);
    this.checksum = 0;
    this.urgentBe = 0;
  }
}

/** Bytes on the wire, without options. */
export const TCP_BYTES: u32 = offsetof<Tcp>();
if (TCP_BYTES != 20) ERROR('Tcp must be 20 bytes');

/**
 * Bytes of the header at `at`, options too, of which `bytes` bytes are there. 0 when they
 * are not all there, or fewer than a header has.
 */
export function tcpHeaderBytesAt(at: usize, bytes: u32): u32 {
  if (bytes < TCP_BYTES) return 0;
  const header = Tcp.at(at).headerBytes;
  return header < TCP_BYTES || header > bytes ? 0 : header;
}
