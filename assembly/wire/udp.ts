/**
 * UDP header, RFC 768.
 *
 *   bytes 0-1  source port, big endian
 *   bytes 2-3  destination port, big endian
 *   bytes 4-5  bytes of header and payload, big endian
 *   bytes 6-7  checksum over a pseudo header and all of these bytes; 0: none was computed,
 *              which IPv6 allows to tunnels only (RFC 6935)
 */
export const UDP_NO_CHECKSUM: u32 = 0;
/** What a checksum of zero is sent as: the two zeros of one's complement are equal. */
const UDP_ZERO_SUM: u32 = 0xffff;

@unmanaged
export class Udp {
  private sourceBe: u16;
  private destinationBe: u16;
  private lengthBe: u16;
  /** As it is loaded: sums are, too. */
  checksum: u16;

  /** Views UDP_BYTES bytes at `ptr`, which must be inside the frame. */
  static at(ptr: usize): Udp {
    return changetype<Udp>(ptr);
  }

  get source(): u32 {
    return bswap<u16>(this.sourceBe);
  }

  get destination(): u32 {
    return bswap<u16>(this.destinationBe);
  }

  /** Bytes of header and payload. The setter leaves the checksum as it is. */
  get bytes(): u32 {
    return bswap<u16>(this.lengthBe);
  }

  set bytes(bytes: u32) {
    this.lengthBe = bswap<u16>(<u16>bytes);
  }

  /** Writes the whole header; `bytes` counts it, too. The checksum is UDP_NO_CHECKSUM. */
  emit(source: u32, destination: u32, bytes: u32): void {
    this.sourceBe = bswap<u16>(<u16>source);
    this.destinationBe = bswap<u16>(<u16>destination);
    this.lengthBe = bswap<u16>(<u16>bytes);
    this.checksum = <u16>UDP_NO_CHECKSUM;
  }
}

/** Bytes on the wire. */
export const UDP_BYTES: u32 = offsetof<Udp>();
if (UDP_BYTES != 8) ERROR('Udp must be 8 bytes');

/** A computed checksum as it is sent: never UDP_NO_CHECKSUM. */
export function udpChecksum(checksum: u32): u32 {
  return checksum == UDP_NO_CHECKSUM ? UDP_ZERO_SUM : checksum;
}
