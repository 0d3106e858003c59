/** Frames that stations and routers of a simulation send: sound, whole, checksums right. */
import { internetChecksum } from '../frame/checksum.js';
import { ICMP6, TPID_CUSTOMER, TYPE_ARP, TYPE_IPV4, TYPE_IPV6, UDP } from './frame.js';

const LEAST_FRAME_BYTES = 60; // IEEE 802.3, without the check sequence
const TTL = 64;
const DONT_FRAGMENT = 0x4000;

export function words16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => bytes.writeUInt16BE(value & 0xffff, 2 * i));
  return bytes;
}

/** An Ethernet frame, tagged when `vid` is not 0. */
export function ethernet(
  macs: { from: Uint8Array; to: Uint8Array },
  vid: number,
  type: number,
  payload: Uint8Array,
): Uint8Array {
  const tag = vid === 0 ? Buffer.alloc(0) : words16(TPID_CUSTOMER, vid);
  const frame = Buffer.concat([macs.to, macs.from, tag, words16(type), payload]);
  const missing = Math.max(0, LEAST_FRAME_BYTES - frame.length);
  return missing === 0 ? frame : Buffer.concat([frame, Buffer.alloc(missing)]);
}

export interface IpEnds {
  /** Four bytes each, or sixteen. */
  from: Uint8Array;
  to: Uint8Array;
}

/** EtherType of packets of an address's family. */
export function typeOf(address: Uint8Array): number {
  return address.length === 4 ? TYPE_IPV4 : TYPE_IPV6;
}

/** An IP packet; IPv4 with Don't Fragment, unless `df` is false. `ttl`: 64 when not given. */
export function ipPacket(
  { from, to }: IpEnds,
  protocol: number,
  payload: Uint8Array,
  options: { df?: boolean; ttl?: number } = {},
): Uint8Array {
  const { df = true, ttl = TTL } = options;
  if (from.length !== 4) {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(0x60000000, 0);
    head.writeUInt16BE(payload.length, 4);
    head.writeUInt8(protocol, 6);
    head.writeUInt8(ttl, 7);
    return Buffer.concat([head, from, to, payload]);
  }
  const header = Buffer.concat([Buffer.alloc(12), from, to]);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(header.length + payload.length, 2);
  header.writeUInt16BE(df ? DONT_FRAGMENT : 0, 6);
  header.writeUInt8(ttl, 8);
  header.writeUInt8(protocol, 9);
  header.writeUInt16BE(internetChecksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** Checksum of layer 4 with its pseudo header (RFC 768, RFC 8200 §8.1). */
export function l4Checksum({ from, to }: IpEnds, protocol: number, l4: Uint8Array): number {
  return internetChecksum(from, to, words16(l4.length >> 16, l4.length, 0, protocol), l4);
}

export function udpDatagram(
  ends: IpEnds,
  ports: { from: number; to: number },
  payload: Uint8Array,
): Uint8Array {
  const l4 = Buffer.concat([words16(ports.from, ports.to, 8 + payload.length, 0), payload]);
  l4.writeUInt16BE(l4Checksum(ends, UDP, l4) || 0xffff, 6); // RFC 768: zero means none
  return l4;
}

/** An ICMP or ICMPv6 message, as the addresses say; `rest`: all behind the checksum. */
export function icmpMessage(
  ends: IpEnds,
  kind: { type: number; code: number },
  rest: Uint8Array,
): Uint8Array {
  const l4 = Buffer.concat([Buffer.from([kind.type, kind.code, 0, 0]), rest]);
  const isIpv4 = ends.from.length === 4;
  l4.writeUInt16BE(isIpv4 ? internetChecksum(l4) : l4Checksum(ends, ICMP6, l4), 2);
  return l4;
}

/** An ARP packet, RFC 826. */
export function arpPacket(
  operation: number,
  sender: { mac: Uint8Array; ip: Uint8Array },
  target: { mac: Uint8Array; ip: Uint8Array },
): Uint8Array {
  const fixed = Buffer.concat([words16(1, TYPE_IPV4), Buffer.from([6, 4]), words16(operation)]);
  return Buffer.concat([fixed, sender.mac, sender.ip, target.mac, target.ip]);
}

export { TYPE_ARP };
