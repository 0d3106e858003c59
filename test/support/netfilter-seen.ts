/**
 * IPv4 packets as two routers are compared by: every field by name, checksums by what they
 * say. A port that a router chose by itself has a name in place of its number, and checksums
 * are taken without the ports, so that two routers may choose differently.
 */
import { formatIpv4 } from '../../src/frame/address.js';
import { slowSum } from './checksum.js';
import { hex } from './frame.js';

const L2 = 14;
const ICMP = 1;
const TCP = 6;
const UDP = 17;
const MORE_AND_OFFSET = 0x3fff;
const ECHO = [0, 8];
const ERRORS = [3, 4, 5, 11, 12];

/** Protocol and port, where a router chose it: what it stands for. */
export type Names = Map<string, string>;
export type Seen = Record<string, unknown>;

export interface Ports {
  protocol: number;
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
  id: number;
}

/** Addresses and ports of a frame; undefined: it has none, or is a later fragment. */
export function portsOf(frame: Uint8Array): Ports | undefined {
  const ip = Buffer.from(frame).subarray(L2);
  if (frame[12] !== 8 || frame[13] !== 0 || ip.length < 28) return undefined;
  const l4 = ip.subarray((ip[0]! & 0xf) * 4);
  const protocol = ip[9]!;
  const isEcho = protocol === ICMP && ECHO.includes(l4[0]!);
  if (protocol !== TCP && protocol !== UDP && !isEcho) return undefined;
  if ((ip.readUInt16BE(6) & 0x1fff) !== 0) return undefined;
  const source = formatIpv4(ip.subarray(12, 16));
  const destination = formatIpv4(ip.subarray(16, 20));
  const sourcePort = l4.readUInt16BE(isEcho ? 4 : 0);
  const destinationPort = isEcho ? sourcePort : l4.readUInt16BE(2);
  return { protocol, source, destination, sourcePort, destinationPort, id: ip.readUInt16BE(4) };
}

/** A number modulo 65535, in which one's complement sums agree. */
function sumOf(...numbers: number[]): number {
  return numbers.reduce((a, b) => a + b) % 0xffff;
}

/** The packet in a frame. `id`: that of the packet sent, to tell those that were passed on. */
export function seen(frame: Uint8Array, names: Names, id: number): Seen {
  const bytes = Buffer.from(frame);
  const macs = { to: hex(bytes.subarray(0, 6)), from: hex(bytes.subarray(6, 12)) };
  if (bytes.readUInt16BE(12) !== 0x0800) return { ...macs, frame: hex(frame) };
  const packet = bytes.subarray(L2);
  return { ...macs, ...ipSeen(packet, names, { id, isQuote: false }) };
}

interface View {
  id: number;
  isQuote: boolean;
}

function ipSeen(packet: Buffer, names: Names, { id, isQuote }: View): Seen {
  const headerBytes = (packet[0]! & 0xf) * 4;
  const total = packet.readUInt16BE(2);
  const fragment = packet.readUInt16BE(6);
  const ownId = packet.readUInt16BE(4);
  const whole = {
    protocol: packet[9]!,
    source: formatIpv4(packet.subarray(12, 16)),
    destination: formatIpv4(packet.subarray(16, 20)),
    isWhole: (fragment & MORE_AND_OFFSET) === 0 && packet.length >= total,
  };
  const l4 = packet.subarray(headerBytes, Math.max(headerBytes, total));
  return {
    tos: packet[1],
    total,
    id: ownId === id ? 'kept' : ownId === 0 ? 'none' : 'other',
    fragment: fragment.toString(16),
    ttl: packet[8],
    protocol: whole.protocol,
    isHeaderGood: slowSum(packet.subarray(0, headerBytes)) === 0xffff,
    source: whole.source,
    destination: whole.destination,
    options: hex(packet.subarray(20, headerBytes)),
    ...((fragment & 0x1fff) === 0 ? l4Seen(l4, whole, names, id, isQuote) : { rest: hex(l4) }),
  };
}

type Whole = Pick<Ports, 'protocol' | 'source' | 'destination'> & { isWhole: boolean };

function l4Seen(l4: Buffer, ip: Whole, names: Names, id: number, isQuote: boolean): Seen {
  if (l4.length < 8) return { rest: hex(l4) };
  if (ip.protocol === ICMP) return icmpSeen(l4, ip, names, id, isQuote);
  if (ip.protocol !== TCP && ip.protocol !== UDP) return { rest: hex(l4) };
  const [from, to] = [l4.readUInt16BE(0), l4.readUInt16BE(2)];
  const named = (port: number): string => names.get(`${ip.protocol}:${port}`) ?? String(port);
  const ports = { sourcePort: named(from), destinationPort: named(to) };
  const neutral = (at: number): unknown =>
    l4.length < at + 2
      ? 'cut off'
      : l4.readUInt16BE(at) === 0 && ip.protocol === UDP
        ? 'none'
        : sumOf(l4.readUInt16BE(at), from, to);
  if (ip.protocol === UDP) {
    return { ...ports, bytes: l4.readUInt16BE(4), sum: neutral(6), rest: hex(l4.subarray(8)) };
  }
  // DIFFERENCES, 'cut checksum'.
  if (l4.length < 20) return { ...ports, rest: hex(l4.subarray(4, 16)) };
  return {
    ...ports,
    sequence: l4.readUInt32BE(4),
    acknowledgment: l4.readUInt32BE(8),
    flags: l4.readUInt16BE(12).toString(16),
    window: l4.readUInt16BE(14),
    sum: neutral(16),
    rest: hex(l4.subarray(18)),
  };
}

function icmpSeen(l4: Buffer, ip: Whole, names: Names, id: number, isQuote: boolean): Seen {
  const [type, code] = [l4[0]!, l4[1]!];
  const word = l4.readUInt32BE(4);
  if (ECHO.includes(type)) {
    const ident = word >>> 16;
    const named = names.get(`${ICMP}:${ident}`) ?? String(ident);
    const sum = sumOf(l4.readUInt16BE(2), ident);
    return { type, code, ident: named, sequence: word & 0xffff, sum, rest: hex(l4.subarray(8)) };
  }
  const isGood = !ip.isWhole || slowSum(l4) === 0xffff;
  const said = { type, code, word, isGood };
  if (isQuote || !ERRORS.includes(type) || l4.length < 28)
    return { ...said, rest: hex(l4.subarray(8)) };
  const quote = ipSeen(l4.subarray(8), names, { id, isQuote: true });
  return { ...said, quote };
}
