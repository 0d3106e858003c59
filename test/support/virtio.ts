/** Virtio headers for tests: `struct virtio_net_hdr`, linux/virtio_net.h. */
import { VNET_BYTES, Vnet } from '../../assembly/abi.js';
import type { Frame } from './frame.js';

export const NEEDS_CHECKSUM = 1;
export const DATA_VALID = 2;
export const GSO_TCP4 = 1;
export const GSO_TCP6 = 4;
export const GSO_UDP = 5;

export interface Virtio {
  flags?: number;
  gsoType?: number;
  headerBytes?: number;
  gsoBytes?: number;
  checksumStart?: number;
  checksumOffset?: number;
}

export function virtio(header: Virtio): Uint8Array {
  const bytes = Buffer.alloc(VNET_BYTES);
  bytes[Vnet.Flags] = header.flags ?? 0;
  bytes[Vnet.GsoType] = header.gsoType ?? 0;
  bytes.writeUInt16LE(header.headerBytes ?? 0, Vnet.HeaderBytes);
  bytes.writeUInt16LE(header.gsoBytes ?? 0, Vnet.GsoBytes);
  bytes.writeUInt16LE(header.checksumStart ?? 0, Vnet.ChecksumStart);
  bytes.writeUInt16LE(header.checksumOffset ?? 0, Vnet.ChecksumOffset);
  return bytes;
}

export function readVirtio(bytes: Uint8Array): Required<Virtio> {
  const header = Buffer.from(bytes);
  return {
    flags: header[Vnet.Flags]!,
    gsoType: header[Vnet.GsoType]!,
    headerBytes: header.readUInt16LE(Vnet.HeaderBytes),
    gsoBytes: header.readUInt16LE(Vnet.GsoBytes),
    checksumStart: header.readUInt16LE(Vnet.ChecksumStart),
    checksumOffset: header.readUInt16LE(Vnet.ChecksumOffset),
  };
}

/** What a TAP says of a `partial` frame of UDP or TCP, cut into `gsoBytes` if given. */
export function offloadOf(frame: Frame, isUdp: boolean, gsoType = 0, gsoBytes = 0): Uint8Array {
  return virtio({
    flags: NEEDS_CHECKSUM,
    gsoType,
    gsoBytes,
    headerBytes: gsoType === 0 ? 0 : frame.headerBytes,
    checksumStart: frame.l4At,
    checksumOffset: isUdp ? 6 : 16,
  });
}
