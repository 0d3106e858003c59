/**
 * A logged packet in the form in which Linux writes it: net/netfilter/nf_log_syslog.c. Of IPv4,
 * which is what zones route. What a packet is too short for is left out as there: INCOMPLETE.
 */
import { formatIpv4 } from '../frame/address.js';
import type { LogOptions } from './model-target.js';

export interface Logged {
  prefix: string;
  flags: LogOptions['flags'];
  /** Names; empty: none at this hook. */
  in: string;
  out: string;
  mark: number;
  /** Ethernet header, and the first bytes of the IP packet. */
  frame: Uint8Array;
  packet: Uint8Array;
}

type Flags = Logged['flags'];

const DF = 0x4000;
const MF = 0x2000;
const CE = 0x8000;
const OFFSET = 0x1fff;
const TOS_MASK = 0x1e;
const PRECEDENCE_MASK = 0xe0;
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];
const [ECHO_REPLY, UNREACHABLE, QUENCH, REDIRECT, ECHO, EXCEEDED, PARAMETER] = [
  0, 3, 4, 5, 8, 11, 12,
];
const FRAGMENTATION_NEEDED = 4;
const ICMP_BYTES = 8;

export function logLine(logged: Logged): string {
  const { prefix, flags, frame, packet, mark } = logged;
  const parts = [`${prefix}IN=${logged.in}`, `OUT=${logged.out}`];
  if (logged.in !== '') parts.push(...macParts(frame, flags));
  parts.push(...ipParts(Buffer.from(packet), flags, false));
  if (mark !== 0) parts.push(`MARK=0x${mark.toString(16)}`);
  return parts.join(' ');
}

function macParts(frame: Uint8Array, flags: Flags): string[] {
  const text = (from: number, to: number): string =>
    [...frame.subarray(from, to)].map(byte => byte.toString(16).padStart(2, '0')).join(':');
  if (!flags.includes('macdecode')) return [`MAC=${text(0, 14)}`];
  const protocol = text(12, 14).replace(':', '');
  return [`MACSRC=${text(6, 12)}`, `MACDST=${text(0, 6)}`, `MACPROTO=${protocol}`];
}

/** `isQuote`: the packet that an ICMP error quotes. */
function ipParts(ip: Buffer, flags: Flags, isQuote: boolean): string[] {
  if (ip.length < 20) return ['TRUNCATED'];
  const headerBytes = (ip[0]! & 0xf) * 4;
  const fragment = ip.readUInt16BE(6);
  const parts = [
    `SRC=${formatIpv4(ip.subarray(12, 16))}`,
    `DST=${formatIpv4(ip.subarray(16, 20))}`,
    `LEN=${ip.readUInt16BE(2)}`,
    `TOS=0x${byteText(ip[1]! & TOS_MASK)}`,
    `PREC=0x${byteText(ip[1]! & PRECEDENCE_MASK)}`,
    `TTL=${ip[8]}`,
    `ID=${ip.readUInt16BE(4)}`,
  ];
  if ((fragment & CE) !== 0) parts.push('CE');
  if ((fragment & DF) !== 0) parts.push('DF');
  if ((fragment & MF) !== 0) parts.push('MF');
  const offset = fragment & OFFSET;
  if (offset !== 0) parts.push(`FRAG:${offset}`);
  if (flags.includes('ip-options')) parts.push(...optionParts(ip.subarray(20, headerBytes)));
  const l4 = ip.subarray(headerBytes);
  const total = ip.readUInt16BE(2) - headerBytes;
  return [
    ...parts,
    ...layer4(l4, { protocol: ip[9]!, isPart: offset !== 0, total }, flags, isQuote),
  ];
}

interface Layer4 {
  protocol: number;
  /** A later fragment: it has no header. */
  isPart: boolean;
  /** Bytes, of which not all may be at hand. */
  total: number;
}

function layer4(l4: Buffer, about: Layer4, flags: Flags, isQuote: boolean): string[] {
  const incomplete = `INCOMPLETE [${about.total} bytes]`;
  const named = (name: string, headerBytes: number, parts: () => string[]): string[] => {
    if (about.isPart) return [`PROTO=${name}`];
    return [`PROTO=${name}`, ...(l4.length < headerBytes ? [incomplete] : parts())];
  };
  switch (about.protocol) {
    case 6:
      return named('TCP', 20, () => tcpParts(l4, flags));
    case 17:
      return named('UDP', 8, () => udpParts(l4));
    case 136:
      return named('UDPLITE', 8, () => udpParts(l4));
    case 1:
      return named('ICMP', 4, () =>
        l4.length < ICMP_BYTES ? [...typeParts(l4), incomplete] : icmpParts(l4, flags, isQuote),
      );
    case 51:
      return named('AH', 12, () => [`SPI=0x${l4.readUInt32BE(4).toString(16)}`]);
    case 50:
      return named('ESP', 8, () => [`SPI=0x${l4.readUInt32BE(0).toString(16)}`]);
    default:
      return [`PROTO=${about.protocol}`];
  }
}

function tcpParts(tcp: Buffer, flags: Flags): string[] {
  const parts = portParts(tcp);
  if (flags.includes('tcp-sequence')) {
    parts.push(`SEQ=${tcp.readUInt32BE(4)}`, `ACK=${tcp.readUInt32BE(8)}`);
  }
  parts.push(`WINDOW=${tcp.readUInt16BE(14)}`);
  parts.push(`RES=0x${((tcp[12]! & 0xf) << 2).toString(16).padStart(2, '0')}`);
  for (let bit = TCP_FLAGS.length - 1; bit >= 0; bit--) {
    const name = TCP_FLAGS[bit]!;
    if (((tcp[13]! >> bit) & 1) !== 0) parts.push(name);
  }
  parts.push(`URGP=${tcp.readUInt16BE(18)}`);
  const headerBytes = (tcp[12]! >> 4) * 4;
  if (flags.includes('tcp-options')) parts.push(...optionParts(tcp.subarray(20, headerBytes)));
  return parts;
}

function udpParts(udp: Buffer): string[] {
  return [...portParts(udp), `LEN=${udp.readUInt16BE(4)}`];
}

function portParts(l4: Buffer): string[] {
  return [`SPT=${l4.readUInt16BE(0)}`, `DPT=${l4.readUInt16BE(2)}`];
}

function typeParts(icmp: Buffer): string[] {
  return [`TYPE=${icmp[0]}`, `CODE=${icmp[1]}`];
}

function icmpParts(icmp: Buffer, flags: Flags, isQuote: boolean): string[] {
  const parts = typeParts(icmp);
  switch (icmp[0]) {
    case ECHO:
    case ECHO_REPLY:
      return [...parts, `ID=${icmp.readUInt16BE(4)}`, `SEQ=${icmp.readUInt16BE(6)}`];
    case PARAMETER:
      return [...parts, `PARAMETER=${icmp[4]}`];
    case REDIRECT:
      parts.push(`GATEWAY=${formatIpv4(icmp.subarray(4, 8))}`);
      break;
    case UNREACHABLE:
    case QUENCH:
    case EXCEEDED:
      break;
    default:
      return parts;
  }
  if (!isQuote) {
    // The kernel writes a blank behind each part, so also before the bracket that closes.
    parts.push(`[${ipParts(icmp.subarray(ICMP_BYTES), flags, true).join(' ')} ]`);
  }
  const isTooBig = icmp[0] === UNREACHABLE && icmp[1] === FRAGMENTATION_NEEDED;
  return isTooBig ? [...parts, `MTU=${icmp.readUInt16BE(6)}`] : parts;
}

function optionParts(options: Buffer): string[] {
  if (options.length === 0) return [];
  return [`OPT (${[...options].map(byteText).join('')})`];
}

function byteText(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
