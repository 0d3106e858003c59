/**
 * Builds frames for tests: `eth().vlan(10).ipv4('10.0.0.1', '10.0.0.2').udp(1, 2)
 * .payload('hi').bytes()`. Lengths and checksums are right unless `partial` asks for the
 * sum that a device with checksum offload expects.
 */
import { slowChecksum, slowSum } from './checksum.js';

export const BROADCAST = 'ff:ff:ff:ff:ff:ff';
export const ETHERNET = 14;
const TCP = 6;
const UDP = 17;

export interface TagOptions {
  priority?: number;
  dropEligible?: boolean;
  tpid?: number;
}
export interface TcpOptions {
  sequence?: number;
  flags?: number;
  options?: Uint8Array;
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

function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split('.').map(Number));
}

function ipv6Bytes(text: string): Uint8Array {
  const [head = '', tail = ''] = text.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':').map(w => parseInt(w, 16)));
  const [before, after] = [words(head), words(tail)];
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return Buffer.concat([...before, ...zeros, ...after].map(u16));
}

export class Frame {
  private readonly tags: Uint8Array[] = [];
  private ethertype = 0x88b5; // local experiments, IEEE 802.3-2018 table 1
  private network: 'none' | 'ipv4' | 'ipv6' = 'none';
  private source: Uint8Array = new Uint8Array();
  private target: Uint8Array = new Uint8Array();
  private id = 0;
  private ipOptions: Uint8Array = new Uint8Array();
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

  ipv4(source: string, target: string, options: { id?: number; options?: Uint8Array } = {}): this {
    this.network = 'ipv4';
    this.source = ipv4Bytes(source);
    this.target = ipv4Bytes(target);
    this.id = options.id ?? 0;
    this.ipOptions = Uint8Array.from(options.options ?? []);
    return this.type(0x0800);
  }

  ipv6(source: string, target: string): this {
    this.network = 'ipv6';
    this.source = ipv6Bytes(source);
    this.target = ipv6Bytes(target);
    return this.type(0x86dd);
  }

  tcp(sourcePort: number, targetPort: number, options: TcpOptions = {}): this {
    const { sequence = 1, flags = 0x10, options: extra = new Uint8Array() } = options;
    const header = Buffer.alloc(20);
    header.writeUInt16BE(sourcePort, 0);
    header.writeUInt16BE(targetPort, 2);
    header.writeUInt32BE(sequence, 4);
    header.writeUInt32BE(7, 8);
    header[12] = ((20 + extra.length) / 4) << 4;
    header[13] = flags;
    header.writeUInt16BE(502, 14);
    this.protocol = TCP;
    this.l4 = Buffer.concat([header, extra]);
    return this;
  }

  udp(sourcePort: number, targetPort: number): this {
    this.protocol = UDP;
    this.l4 = Buffer.concat([u16(sourcePort), u16(targetPort), u16(0), u16(0)]);
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
    return this.l3At + (this.network === 'ipv4' ? 20 + this.ipOptions.length : 40);
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
    const bytes = Buffer.concat([this.l4, this.data]);
    if (this.protocol === 0) return bytes;
    if (this.protocol === UDP) bytes.writeUInt16BE(bytes.length, 4);
    const length = [bytes.length >> 16, (bytes.length >> 8) & 0xff, bytes.length & 0xff];
    const pseudo = Buffer.concat([this.source, this.target, Buffer.from([0, ...length])]);
    const sum = slowSum(Uint8Array.of(0, this.protocol), slowSum(pseudo));
    const field = this.isPartial ? sum : slowChecksum(bytes, sum);
    const written = this.protocol === UDP && field === 0 ? 0xffff : field;
    bytes.writeUInt16BE(written, this.protocol === UDP ? 6 : 16);
    return bytes;
  }

  private ipHeader(l4Bytes: number): Uint8Array {
    if (this.network === 'none') return new Uint8Array();
    const header = Buffer.alloc(this.network === 'ipv4' ? 20 : 40);
    if (this.network === 'ipv6') {
      header.writeUInt32BE(0x60000000);
      header.writeUInt16BE(l4Bytes & 0xffff, 4);
      header[6] = this.protocol;
      header[7] = 64;
      return Buffer.concat([header.subarray(0, 8), this.source, this.target]);
    }
    header[0] = 0x45 + this.ipOptions.length / 4;
    header.writeUInt16BE((20 + this.ipOptions.length + l4Bytes) & 0xffff, 2);
    header.writeUInt16BE(this.id, 4);
    header[8] = 64;
    header[9] = this.protocol;
    header.set(this.source, 12);
    header.set(this.target, 16);
    const whole = Buffer.concat([header, this.ipOptions]);
    whole.writeUInt16BE(slowChecksum(whole), 10);
    return whole;
  }
}

/** A frame from one MAC address to another; numbers stand for 02:00:… addresses. */
export function eth(from: string | number = 1, to: string | number = BROADCAST): Frame {
  return new Frame(from, to);
}
