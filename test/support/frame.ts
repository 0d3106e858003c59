/**
 * Builds frames for tests: `eth().vlan(10).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2)
 * .payload('hi').bytes()`. Lengths and checksums are right unless `partial` asks for the
 * sum that a device with checksum offload expects.
 */
import { parseIp } from '../../src/frame/address.js';
import { slowChecksum, slowSum } from './checksum.js';

export const BROADCAST = 'ff:ff:ff:ff:ff:ff';
export const ETHERNET = 14;
const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMP6 = 58;
/** Where the checksum is, from the start of layer 4. */
const CHECKSUM_AT: Record<number, number> = { [ICMP]: 2, [TCP]: 16, [UDP]: 6, [ICMP6]: 2 };
const DONT_FRAGMENT = 0x4000;

export interface TagOptions {
  priority?: number;
  dropEligible?: boolean;
  tpid?: number;
}
export interface TcpOptions {
  sequence?: number;
  acknowledged?: number;
  flags?: number;
  /** As it is on the wire. */
  window?: number;
  options?: Uint8Array;
}
export interface IpOptions {
  /** Or hop limit. */
  ttl?: number;
  /** Or traffic class. */
  tos?: number;
}
export interface Ipv4Options extends IpOptions {
  id?: number;
  isDf?: boolean;
  options?: Uint8Array;
}
export interface VxlanOptions {
  /** Byte 0. */
  flags?: number;
  /** Bytes 1-3, and byte 7. */
  reserved?: readonly [number, number];
}
export interface GeneveOptions {
  version?: number;
  /** Byte 1. */
  flags?: number;
  protocol?: number;
  /** Whole words. */
  options?: Uint8Array;
  reserved?: number;
}

/** `'02:00:00:00:00:01'`, or a number of it, as 6 bytes. */
export function mac(text: string | number): Uint8Array {
  if (typeof text === 'string') return Uint8Array.from(text.split(':').map(b => parseInt(b, 16)));
  return Uint8Array.from([2, 0, text >>> 24, text >>> 16, text >>> 8, text].map(b => b & 0xff));
}

/** A MAC address as the host writes it: first byte highest. */
export function macNumber(text: string | number): bigint {
  return BigInt(`0x${hex(mac(text))}`);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

const IP_DEFAULTS = { ttl: 64, tos: 0, id: 0, isDf: false, options: new Uint8Array() };

export class Frame {
  private readonly tags: Uint8Array[] = [];
  private ethertype = 0x88b5; // local experiments, IEEE 802.3-2018 table 1
  private network: 'none' | 'ipv4' | 'ipv6' = 'none';
  private source: Uint8Array = new Uint8Array();
  private target: Uint8Array = new Uint8Array();
  private ip: Required<Ipv4Options> = IP_DEFAULTS;
  private tunnel: Uint8Array = new Uint8Array();
  private givenChecksum: number | undefined;
  private protocol = 0;
  private l4: Uint8Array = new Uint8Array();
  private data: Uint8Array = new Uint8Array();
  private isPartial = false;

  constructor(
    private readonly from: string | number,
    private readonly to: string | number,
  ) {}

  /** Adds a tag behind those already there. */
  vlan(vid: number, options: TagOptions = {}): this {
    const { priority = 0, dropEligible = false, tpid = 0x8100 } = options;
    const tci = (priority << 13) | (dropEligible ? 0x1000 : 0) | vid;
    this.tags.push(Buffer.concat([u16(tpid), u16(tci)]));
    return this;
  }

  type(ethertype: number): this {
    this.ethertype = ethertype;
    return this;
  }

  ipv4(source: string, target: string, options: Ipv4Options = {}): this {
    this.network = 'ipv4';
    return this.addressed(source, target, options).type(0x0800);
  }

  ipv6(source: string, target: string, options: IpOptions = {}): this {
    this.network = 'ipv6';
    return this.addressed(source, target, options).type(0x86dd);
  }

  private addressed(source: string, target: string, options: Ipv4Options): this {
    this.source = parseIp(source)!;
    this.target = parseIp(target)!;
    this.ip = { ...IP_DEFAULTS, ...options };
    return this;
  }

  tcp(sourcePort: number, targetPort: number, options: TcpOptions = {}): this {
    const { sequence = 1, acknowledged = 7, flags = 0x10, window = 502 } = options;
    const { options: extra = new Uint8Array() } = options;
    const header = Buffer.alloc(20);
    header.writeUInt16BE(sourcePort, 0);
    header.writeUInt16BE(targetPort, 2);
    header.writeUInt32BE(sequence, 4);
    header.writeUInt32BE(acknowledged, 8);
    header[12] = ((20 + extra.length) / 4) << 4;
    header[13] = flags;
    header.writeUInt16BE(window, 14);
    this.protocol = TCP;
    this.l4 = Buffer.concat([header, extra]);
    return this;
  }

  udp(sourcePort: number, targetPort: number): this {
    this.protocol = UDP;
    this.l4 = Buffer.concat([u16(sourcePort), u16(targetPort), u16(0), u16(0)]);
    return this;
  }

  /** ICMP, or ICMPv6 over IPv6; `rest`: the second word of the header. */
  icmp(type: number, code = 0, rest = 0): this {
    const header = Buffer.alloc(8);
    header.set([type, code]);
    header.writeUInt32BE(rest, 4);
    this.protocol = this.network === 'ipv6' ? ICMP6 : ICMP;
    this.l4 = header;
    return this;
  }

  /** Layer 4 of another protocol, as it is. */
  layer4(protocol: number, bytes: Uint8Array): this {
    this.protocol = protocol;
    this.l4 = bytes;
    return this;
  }

  /** Behind UDP, before `frame`; RFC 7348 §5. */
  vxlan(vni: number, options: VxlanOptions = {}): this {
    const { flags = 8, reserved = [0, 0] } = options;
    this.tunnel = Buffer.alloc(8);
    const header = this.tunnel as Buffer;
    header.writeUInt32BE(flags * 0x1000000 + reserved[0], 0);
    header.writeUInt32BE(vni * 256 + reserved[1], 4);
    return this;
  }

  /** Behind UDP, before `frame`; RFC 8926 §3.4. */
  geneve(vni: number, given: GeneveOptions = {}): this {
    const { version = 0, flags = 0, protocol = 0x6558, reserved = 0 } = given;
    const options = given.options ?? new Uint8Array();
    const header = Buffer.from([(version << 6) | (options.length / 4), flags, 0, 0, 0, 0, 0, 0]);
    header.writeUInt16BE(protocol, 2);
    header.writeUInt32BE(vni * 256 + reserved, 4);
    this.tunnel = Buffer.concat([header, options]);
    return this;
  }

  /** What a tunnel carries. */
  frame(inner: Frame | Uint8Array): this {
    return this.payload(inner instanceof Frame ? inner.bytes() : inner);
  }

  /** Writes this into the checksum field of layer 4, right or wrong; 0 in UDP: none. */
  checksum(value: number): this {
    this.givenChecksum = value;
    return this;
  }

  /** The number of a layer 4 that is payload here. */
  carrying(protocol: number): this {
    this.protocol = protocol;
    return this;
  }

  /** A text, bytes, or that many bytes of a pattern. */
  payload(what: string | Uint8Array | number): this {
    if (typeof what === 'string') this.data = Uint8Array.from(Buffer.from(what));
    else if (typeof what !== 'number') this.data = Uint8Array.from(what);
    else this.data = Uint8Array.from({ length: what }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
    return this;
  }

  /** Leaves the checksum of layer 4 to a device: the field holds the pseudo header's sum. */
  partial(): this {
    this.isPartial = true;
    return this;
  }

  /** Where layer 3 and layer 4 begin, from the start of the frame. */
  get l3At(): number {
    return ETHERNET + 4 * this.tags.length;
  }

  get l4At(): number {
    return this.l3At + (this.network === 'ipv4' ? 20 + this.ip.options.length : 40);
  }

  get headerBytes(): number {
    return this.l4At + this.l4.length;
  }

  bytes(): Uint8Array {
    const head = [mac(this.to), mac(this.from), ...this.tags, u16(this.ethertype)];
    const l4 = this.finishedL4();
    return Uint8Array.from(Buffer.concat([...head, this.ipHeader(l4.length), l4]));
  }

  private finishedL4(): Uint8Array {
    const bytes = Buffer.concat([this.l4, this.tunnel, this.data]);
    const at = CHECKSUM_AT[this.protocol];
    if (at === undefined) return bytes;
    if (this.protocol === UDP) bytes.writeUInt16BE(bytes.length & 0xffff, 4);
    bytes.writeUInt16BE(this.givenChecksum ?? this.l4Checksum(bytes), at);
    return bytes;
  }

  private l4Checksum(bytes: Uint8Array): number {
    if (this.protocol === ICMP) return slowChecksum(bytes);
    const length = [bytes.length >> 16, (bytes.length >> 8) & 0xff, bytes.length & 0xff];
    const pseudo = Buffer.concat([this.source, this.target, Buffer.from([0, ...length])]);
    const sum = slowSum(Uint8Array.of(0, this.protocol), slowSum(pseudo));
    const field = this.isPartial ? sum : slowChecksum(bytes, sum);
    return this.protocol === UDP && field === 0 ? 0xffff : field;
  }

  private ipHeader(l4Bytes: number): Uint8Array {
    if (this.network === 'none') return new Uint8Array();
    const header = Buffer.alloc(this.network === 'ipv4' ? 20 : 40);
    const { ttl, tos, id, isDf, options } = this.ip;
    if (this.network === 'ipv6') {
      header.writeUInt32BE(0x60000000 + (tos << 20));
      header.writeUInt16BE(l4Bytes & 0xffff, 4);
      header.set([this.protocol, ttl], 6);
      return Buffer.concat([header.subarray(0, 8), this.source, this.target]);
    }
    header.set([0x45 + options.length / 4, tos]);
    header.writeUInt16BE((20 + options.length + l4Bytes) & 0xffff, 2);
    header.writeUInt16BE(id, 4);
    header.writeUInt16BE(isDf ? DONT_FRAGMENT : 0, 6);
    header.set([ttl, this.protocol], 8);
    header.set(this.source, 12);
    header.set(this.target, 16);
    const whole = Buffer.concat([header, options]);
    whole.writeUInt16BE(slowChecksum(whole), 10);
    return whole;
  }
}

/** A frame from one MAC address to another; numbers stand for 02:00:… addresses. */
export function eth(from: string | number = 1, to: string | number = BROADCAST): Frame {
  return new Frame(from, to);
}
