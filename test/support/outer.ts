/** Takes an encapsulated frame apart, byte by byte; not the core's code nor the host's. */
import { formatIp } from '../../src/frame/address.js';
import { hex } from './frame.js';

export interface Outer {
  destinationMac: string;
  sourceMac: string;
  source: string;
  destination: string;
  /** Of IPv4, in bytes; 40 of IPv6. */
  ipHeaderBytes: number;
  /** Or traffic class. */
  tos: number;
  /** Or hop limit. */
  ttl: number;
  isDf: boolean;
  /** A fragment: more follow, or it is not the first. */
  isFragment: boolean;
  protocol: number;
  sourcePort: number;
  udpPort: number;
  /** 0: none. */
  udpChecksum: number;
  /** Tunnel header without options, as hex. */
  header: string;
  /** Of Geneve. */
  options: Uint8Array;
  vni: number;
  inner: Uint8Array;
}

const ETHERNET = 14;
const UDP = 17;
const UDP_BYTES = 8;
const TUNNEL_BYTES = 8;

/** Throws when a length does not agree with what is there, or it is no UDP. */
export function openTunnel(bytes: Uint8Array, encapsulation = 'vxlan'): Outer {
  const frame = Buffer.from(bytes);
  const ip = ipOf(frame);
  if (frame.length < ETHERNET + ip.ipHeaderBytes + UDP_BYTES + TUNNEL_BYTES) {
    throw new Error(`no room for a tunnel header: ${frame.length} bytes`);
  }
  const udp = ETHERNET + ip.ipHeaderBytes;
  if (ip.protocol !== UDP || ip.isFragment) throw new Error(`no UDP datagram: ${hex(bytes)}`);
  const udpBytes = frame.readUInt16BE(udp + 4);
  if (udpBytes !== frame.length - udp) {
    throw new Error(`UDP length ${udpBytes} of ${frame.length - udp}`);
  }
  const at = udp + UDP_BYTES;
  const optionBytes = encapsulation === 'geneve' ? (frame[at]! & 0x3f) * 4 : 0;
  return {
    destinationMac: macText(frame.subarray(0, 6)),
    sourceMac: macText(frame.subarray(6, 12)),
    ...ip,
    sourcePort: frame.readUInt16BE(udp),
    udpPort: frame.readUInt16BE(udp + 2),
    udpChecksum: frame.readUInt16BE(udp + 6),
    header: hex(frame.subarray(at, at + TUNNEL_BYTES)),
    options: Uint8Array.from(frame.subarray(at + TUNNEL_BYTES, at + TUNNEL_BYTES + optionBytes)),
    vni: frame.readUInt32BE(at + 4) >>> 8,
    inner: Uint8Array.from(frame.subarray(at + TUNNEL_BYTES + optionBytes)),
  };
}

type Ip = Pick<
  Outer,
  'source' | 'destination' | 'ipHeaderBytes' | 'tos' | 'ttl' | 'isDf' | 'isFragment' | 'protocol'
>;

/** The IP header behind the Ethernet header. */
export function ipOf(frame: Buffer): Ip {
  const ip = frame.subarray(ETHERNET);
  const isIpv6 = frame.readUInt16BE(12) === 0x86dd;
  const total = isIpv6 ? ip.readUInt16BE(4) + 40 : ip.readUInt16BE(2);
  if (total !== ip.length) throw new Error(`IP length ${total} of ${ip.length}`);
  if (isIpv6) {
    return {
      source: formatIp(ip.subarray(8, 24)),
      destination: formatIp(ip.subarray(24, 40)),
      ipHeaderBytes: 40,
      tos: (ip.readUInt16BE(0) >> 4) & 0xff,
      ttl: ip[7]!,
      isDf: false,
      isFragment: ip[6] === 44,
      protocol: ip[6]!,
    };
  }
  return {
    source: formatIp(ip.subarray(12, 16)),
    destination: formatIp(ip.subarray(16, 20)),
    ipHeaderBytes: (ip[0]! & 15) * 4,
    tos: ip[1]!,
    ttl: ip[8]!,
    isDf: (ip[6]! & 0x40) !== 0,
    isFragment: (ip.readUInt16BE(6) & 0x3fff) !== 0,
    protocol: ip[9]!,
  };
}

function macText(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':');
}
