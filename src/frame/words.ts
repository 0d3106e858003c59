/**
 * Frames from words, for `sluice explain`:
 *
 *   eth SRC→DST [vlan VID[,PRIORITY]]… [arp A→B | ipv4 A→B | ipv6 A→B]
 *       [udp P→P | tcp P→P [FLAG,…] | icmp] [type 0x88b5] [ttl N] [length BYTES]
 *
 * `→`, `->` and `>` are the same. What is not said has a usual value: TTL 64, a SYN, an
 * echo request, an Ethernet frame of 60 bytes. Lengths and checksums are always right.
 */
import { parseIp } from './address.js';
import { internetChecksum } from './checksum.js';
import { macBytes, parseMac } from './mac.js';

/** The words do not describe a frame. */
export class WordsError extends Error {}

const TPID_CUSTOMER = 0x8100;
const TYPE_ARP = 0x0806;
const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
const TYPE_LOCAL = 0x88b5; // IEEE 802 local experimental
const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMP6 = 58;
const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg'];
const LEAST_BYTES = 60;
const MOST_BYTES = 65535;

/** What the words have said so far. */
interface Parts {
  macs: Uint8Array;
  tags: number[];
  type: number;
  ips?: [Uint8Array, Uint8Array];
  protocol?: number;
  ports: [number, number];
  flags: number;
  ttl: number;
  lengthBytes: number;
}

/** Builds the frame that `text` describes. */
export function frameFromWords(text: string): Uint8Array {
  const words = text
    .replace(/\s*(→|->|>)\s*/g, '>')
    .split(/\s+/)
    .filter(word => word !== '');
  const parts: Parts = {
    macs: new Uint8Array(0),
    tags: [],
    type: TYPE_LOCAL,
    ports: [0, 0],
    flags: 2,
    ttl: 64,
    lengthBytes: LEAST_BYTES,
  };
  while (words.length > 0) readClause(words, parts);
  if (parts.macs.length === 0) throw new WordsError("expected 'eth SRC→DST' first");
  return assemble(parts);
}

function readClause(words: string[], parts: Parts): void {
  const word = words.shift()!;
  const clause = CLAUSES[word];
  if (clause === undefined) {
    throw new WordsError(`expected one of ${Object.keys(CLAUSES).join(', ')}, got '${word}'`);
  }
  clause(parts, words);
}

const CLAUSES: Record<string, (parts: Parts, words: string[]) => void> = {
  eth(parts, words) {
    const [source, destination] = pair(words, 'eth', 'a MAC address', parseMac);
    parts.macs = Buffer.concat([macBytes(destination), macBytes(source)]);
  },
  vlan(parts, words) {
    const [vid, priority = '0'] = (words.shift() ?? '').split(',');
    const tci = number(vid, 'vlan', 4095) | (number(priority, 'vlan priority', 7) << 13);
    parts.tags.push(tci);
  },
  arp: (parts, words) => readIps(parts, words, TYPE_ARP),
  ipv4: (parts, words) => readIps(parts, words, TYPE_IPV4),
  ipv6: (parts, words) => readIps(parts, words, TYPE_IPV6),
  udp: (parts, words) => readPorts(parts, words, UDP),
  tcp(parts, words) {
    readPorts(parts, words, TCP);
    const names = (words[0] ?? '').toLowerCase().split(',');
    if (!names.every(name => TCP_FLAGS.includes(name))) return;
    words.shift();
    parts.flags = names.reduce((bits, name) => bits | (1 << TCP_FLAGS.indexOf(name)), 0);
  },
  icmp(parts) {
    parts.protocol = parts.type === TYPE_IPV6 ? ICMP6 : ICMP;
  },
  type(parts, words) {
    parts.type = number(words.shift(), 'type', 0xffff);
  },
  ttl(parts, words) {
    parts.ttl = number(words.shift(), 'ttl', 255);
  },
  length(parts, words) {
    parts.lengthBytes = number(words.shift(), 'length', MOST_BYTES);
  },
};

function readIps(parts: Parts, words: string[], type: number): void {
  const name = type === TYPE_ARP ? 'arp' : type === TYPE_IPV4 ? 'ipv4' : 'ipv6';
  const bytes = type === TYPE_IPV6 ? 16 : 4;
  parts.type = type;
  parts.ips = pair(words, name, `an address of ${bytes} bytes`, text => {
    const ip = parseIp(text);
    return ip?.length === bytes ? ip : undefined;
  });
}

function readPorts(parts: Parts, words: string[], protocol: number): void {
  parts.protocol = protocol;
  parts.ports = pair(words, protocol === TCP ? 'tcp' : 'udp', 'a port', text =>
    /^\d{1,5}$/.test(text) && Number(text) <= 0xffff ? Number(text) : undefined,
  );
}

/** The two sides of `A>B`. */
function pair<T>(
  words: string[],
  what: string,
  expected: string,
  parse: (text: string) => T | undefined,
): [T, T] {
  const word = words.shift() ?? '';
  const sides = word.split('>').map(parse);
  const [from, to] = sides;
  if (sides.length !== 2 || from === undefined || to === undefined) {
    throw new WordsError(`${what}: expected ${expected} on each side of an arrow, got '${word}'`);
  }
  return [from, to];
}

function number(text: string | undefined, what: string, most: number): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text ?? '') ? Number(text) : -1;
  if (value < 0 || value > most) {
    throw new WordsError(`${what}: expected 0..${most}, got '${text ?? ''}'`);
  }
  return value;
}

function assemble(parts: Parts): Uint8Array {
  const tags = parts.tags.map(tci => words16(TPID_CUSTOMER, tci));
  const head = Buffer.concat([parts.macs, ...tags, words16(parts.type)]);
  const room = Math.max(0, parts.lengthBytes - head.length);
  const body = Buffer.concat([head, parts.ips === undefined ? Buffer.alloc(0) : l3(parts, room)]);
  return Buffer.concat([body, Buffer.alloc(Math.max(0, parts.lengthBytes - body.length))]);
}

/** The network header and what follows it, `room` bytes where the headers leave that. */
function l3(parts: Parts, room: number): Buffer {
  const [source, destination] = parts.ips!;
  if (parts.type === TYPE_ARP) return arp(parts, source, destination);
  const isIpv6 = parts.type === TYPE_IPV6;
  const l4 = transport(parts, Math.max(0, room - (isIpv6 ? 40 : 20)));
  const protocol = parts.protocol ?? 255; // 255: reserved, RFC 1700
  if (isIpv6) {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(0x60000000, 0);
    header.writeUInt16BE(l4.length, 4);
    header.writeUInt8(protocol, 6);
    header.writeUInt8(parts.ttl, 7);
    return Buffer.concat([header, source, destination, l4]);
  }
  const header = Buffer.concat([Buffer.alloc(12), source, destination]);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(20 + l4.length, 2);
  header.writeUInt8(parts.ttl, 8);
  header.writeUInt8(protocol, 9);
  header.writeUInt16BE(internetChecksum(header), 10);
  return Buffer.concat([header, l4]);
}

function arp(parts: Parts, source: Uint8Array, destination: Uint8Array): Buffer {
  const sender = parts.macs.subarray(6, 12);
  const fixed = Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]); // RFC 826: a request
  return Buffer.concat([fixed, sender, source, Buffer.alloc(6), destination]);
}

/** Layer 4 of at least its header and at most `room` bytes, checksum right. */
function transport(parts: Parts, room: number): Buffer {
  const { protocol, ports, flags } = parts;
  if (protocol === undefined) return Buffer.alloc(room);
  const isTcp = protocol === TCP;
  const l4 = Buffer.alloc(Math.max(room, isTcp ? 20 : 8));
  if (protocol === ICMP || protocol === ICMP6) {
    l4.writeUInt8(protocol === ICMP ? 8 : 128, 0); // echo request: RFC 792, RFC 4443 §4.1
    l4.writeUInt16BE(checksumOf(parts, l4, protocol === ICMP), 2);
    return l4;
  }
  l4.writeUInt16BE(ports[0], 0);
  l4.writeUInt16BE(ports[1], 2);
  if (isTcp) {
    l4.writeUInt8(0x50, 12);
    l4.writeUInt8(flags, 13);
    l4.writeUInt16BE(0xffff, 14);
    l4.writeUInt16BE(checksumOf(parts, l4, false), 16);
    return l4;
  }
  l4.writeUInt16BE(l4.length, 4);
  l4.writeUInt16BE(checksumOf(parts, l4, false) || 0xffff, 6); // RFC 768: zero means none
  return l4;
}

function checksumOf(parts: Parts, l4: Buffer, isBare: boolean): number {
  if (isBare) return internetChecksum(l4);
  const [source, destination] = parts.ips ?? [new Uint8Array(4), new Uint8Array(4)];
  const tail = words16(0, l4.length, 0, parts.protocol!);
  return internetChecksum(source, destination, tail, l4);
}

function words16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => bytes.writeUInt16BE(value, 2 * i));
  return bytes;
}
