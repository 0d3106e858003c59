/** Builds IPv6 extension headers for tests, RFC 8200 §4. */
import { eth, fromHex } from './frame.js';

/** Kind and bytes of a header; byte 0 is filled in by `extended`. */
export type Extension = [kind: number, bytes: Uint8Array];

export const HOP_OPTIONS: Extension = [0, fromHex('0000010400000000')];
export const OPTIONS: Extension = [60, fromHex('0000010400000000')];
export const LONG_OPTIONS: Extension = [60, fromHex('00020114' + '00'.repeat(20))];
export const ROUTING: Extension = [43, fromHex('0002' + '0400' + '00'.repeat(20))];
export const AUTHENTICATION: Extension = [51, fromHex('0004' + '00'.repeat(22))];
export const MOBILITY: Extension = [135, fromHex('0002' + '00'.repeat(22))];

/** A fragment header; `offset` in units of 8 bytes. */
export function fragmentOf(offset: number, more: number, id = 0x01020304): Extension {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE((offset << 3) | more, 2);
  bytes.writeUInt32BE(id, 4);
  return [44, bytes];
}

const IPV6_END = 54;
const PAYLOAD_BYTES_AT = 18;
const NEXT_AT = 20;

/** An untagged IPv6 frame with these headers between the IPv6 header and the rest. */
export function extended(frame: Uint8Array, headers: Extension[]): Uint8Array {
  const bytes = Buffer.from(frame);
  const kinds = [...headers.map(([kind]) => kind), bytes[NEXT_AT]!];
  const parts = headers.map(([, header], i) => {
    const part = Uint8Array.from(header);
    part[0] = kinds[i + 1]!;
    return part;
  });
  const extra = Buffer.concat(parts);
  bytes[NEXT_AT] = kinds[0]!;
  bytes.writeUInt16BE(bytes.readUInt16BE(PAYLOAD_BYTES_AT) + extra.length, PAYLOAD_BYTES_AT);
  return Buffer.concat([bytes.subarray(0, IPV6_END), extra, bytes.subarray(IPV6_END)]);
}

/** A small frame to put them into. */
export function plainIpv6(): Uint8Array {
  return eth(1, 2).ipv6('2001:db8::1', '2001:db8::2').udp(1000, 80).payload(30).bytes();
}
