/**
 * CRC32c, RFC 9260 appendix A: the checksum of SCTP, as stored little endian. Polynomial
 * 0x1EDC6F41, bits reflected; a table of four bits, since only rewritten ports need it.
 */
const NIBBLES: usize = memory.data<u32>([
  0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
  0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
]);

export function crc32c(at: usize, bytes: u32): u32 {
  let crc: u32 = 0xffffffff;
  const end = at + bytes;
  for (let next = at; next < end; next++) {
    crc ^= load<u8>(next);
    crc = load<u32>(NIBBLES + ((<usize>(crc & 15)) << 2)) ^ (crc >> 4);
    crc = load<u32>(NIBBLES + ((<usize>(crc & 15)) << 2)) ^ (crc >> 4);
  }
  return ~crc;
}
