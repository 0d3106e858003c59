/**
 * Frames as fields, for people: explain, capture lines, differences. Reads what is there
 * and stops where the frame does; decides nothing.
 */
import { formatIpv4, formatIpv6 } from './address.js';
import { formatMac } from './mac.js';

/** One field of a header: where it is and what it says. */
export interface Field {
  /** `eth.dst`, `vlan.vid`, `ipv4.src`, `tcp.dport`, `payload`. */
  name: string;
  offset: number;
  length: number;
  text: string;
}

const TYPE_IPV4 = 0x0800;
const TYPE_ARP = 0x0806;
const TYPE_IPV6 = 0x86dd;
const TPIDS = new Set([0x8100, 0x88a8]);
const PROTOCOL_NAMES = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmp6'],
  [132, 'sctp'],
]);
const TCP_FLAG_NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];
const ARP_OPERATIONS = new Map([
  [1, 'request'],
  [2, 'reply'],
]);

/** Fields of a frame, in order, with no gap; the last one is what was not understood. */
export function dissect(frame: Uint8Array): Field[] {
  const reader = new FieldReader(frame);
  reader.ethernet();
  reader.rest();
  return reader.fields;
}

/** The field that holds byte `offset`. */
export function fieldAt(fields: readonly Field[], offset: number): Field | undefined {
  return fields.find(field => offset >= field.offset && offset < field.offset + field.length);
}

/** One line: `02:…:02 > 02:…:03 vlan 10 ipv4 10.0.0.2:1 > 10.0.0.3:2 udp length 46`. */
export function summarize(frame: Uint8Array): string {
  const fields = dissect(frame);
  const all = (name: string): string[] =>
    fields.filter(field => field.name === name).map(field => field.text);
  const [destination] = all('eth.dst');
  if (destination === undefined) return `${frame.length} bytes, no Ethernet header`;
  const tags = all('vlan.vid').map(vid => ` vlan ${vid}`);
  return `${all('eth.src')[0]} > ${destination}${tags.join('')} ${network(fields)} length ${frame.length}`;
}

function network(fields: readonly Field[]): string {
  const text = (name: string): string | undefined =>
    fields.find(field => field.name === name)?.text;
  for (const family of ['ipv4', 'ipv6']) {
    const source = text(`${family}.src`);
    if (source === undefined) continue;
    const protocol = text(`${family}.protocol`) ?? '';
    const port = (side: string): string => {
      const number = text(`${protocol}.${side}`);
      return number === undefined ? '' : `:${number}`;
    };
    const flags = text('tcp.flags');
    return (
      `${family} ${source}${port('sport')} > ${text(`${family}.dst`)}${port('dport')} ${protocol}` +
      (flags === undefined ? '' : ` [${flags}]`)
    );
  }
  const operation = text('arp.operation');
  if (operation !== undefined) return `arp ${operation} ${text('arp.spa')} > ${text('arp.tpa')}`;
  return `type ${fields.filter(field => field.name === 'eth.type').at(-1)?.text ?? 'cut'}`;
}

class FieldReader {
  readonly fields: Field[] = [];
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly frame: Uint8Array) {
    this.view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  }

  ethernet(): void {
    if (!this.has(14)) return;
    this.take('eth.dst', 6, formatMac);
    this.take('eth.src', 6, formatMac);
    let type = this.view.getUint16(this.at);
    while (TPIDS.has(type) && this.has(6)) {
      this.take('vlan.tpid', 2, hex);
      const tci = this.view.getUint16(this.at);
      this.take('vlan.tci', 2, () => `priority ${tci >> 13} dei ${(tci >> 12) & 1}`);
      this.fields.push({
        name: 'vlan.vid',
        offset: this.at - 2,
        length: 2,
        text: String(tci & 0xfff),
      });
      type = this.view.getUint16(this.at);
    }
    this.take('eth.type', 2, hex);
    if (type === TYPE_IPV4) this.ipv4();
    else if (type === TYPE_IPV6) this.ipv6();
    else if (type === TYPE_ARP) this.arp();
  }

  rest(): void {
    const length = this.frame.length - this.at;
    if (length > 0) this.take('payload', length, bytes => `${bytes.length} bytes`);
  }

  private arp(): void {
    if (!this.has(28)) return;
    this.take('arp.types', 6, hex);
    this.take('arp.operation', 2, bytes => named(ARP_OPERATIONS, (bytes[0]! << 8) | bytes[1]!));
    this.take('arp.sha', 6, formatMac);
    this.take('arp.spa', 4, formatIpv4);
    this.take('arp.tha', 6, formatMac);
    this.take('arp.tpa', 4, formatIpv4);
  }

  private ipv4(): void {
    if (!this.has(20)) return;
    const headerBytes = (this.frame[this.at]! & 15) * 4;
    if (headerBytes < 20 || !this.has(headerBytes)) return;
    const isFragment = (this.view.getUint16(this.at + 6) & 0x1fff) !== 0;
    this.take('ipv4.version', 1, hex);
    this.take('ipv4.tos', 1, hex);
    this.number('ipv4.length', 2);
    this.number('ipv4.id', 2);
    this.take('ipv4.fragment', 2, hex);
    this.number('ipv4.ttl', 1);
    const protocol = this.frame[this.at]!;
    this.take('ipv4.protocol', 1, () => named(PROTOCOL_NAMES, protocol));
    this.take('ipv4.checksum', 2, hex);
    this.take('ipv4.src', 4, formatIpv4);
    this.take('ipv4.dst', 4, formatIpv4);
    if (headerBytes > 20) this.take('ipv4.options', headerBytes - 20, hex);
    if (!isFragment) this.transport(protocol);
  }

  private ipv6(): void {
    if (!this.has(40)) return;
    this.take('ipv6.flow', 4, hex);
    this.number('ipv6.length', 2);
    const protocol = this.frame[this.at]!;
    this.take('ipv6.protocol', 1, () => named(PROTOCOL_NAMES, protocol));
    this.number('ipv6.hops', 1);
    this.take('ipv6.src', 16, formatIpv6);
    this.take('ipv6.dst', 16, formatIpv6);
    this.transport(protocol);
  }

  private transport(protocol: number): void {
    const name = named(PROTOCOL_NAMES, protocol);
    if (name === 'tcp') this.tcp();
    else if (name === 'udp') this.udp();
    else if (name === 'icmp' || name === 'icmp6') this.icmp(name);
  }

  private tcp(): void {
    if (!this.has(20)) return;
    const headerBytes = (this.frame[this.at + 12]! >> 4) * 4;
    if (headerBytes < 20 || !this.has(headerBytes)) return;
    this.number('tcp.sport', 2);
    this.number('tcp.dport', 2);
    this.number('tcp.seq', 4);
    this.number('tcp.ack', 4);
    this.take('tcp.offset', 1, hex);
    this.take('tcp.flags', 1, ([bits = 0]) =>
      TCP_FLAG_NAMES.filter((_, bit) => (bits >> bit) & 1).join(' '),
    );
    this.number('tcp.window', 2);
    this.take('tcp.checksum', 2, hex);
    this.number('tcp.urgent', 2);
    if (headerBytes > 20) this.take('tcp.options', headerBytes - 20, hex);
  }

  private udp(): void {
    if (!this.has(8)) return;
    this.number('udp.sport', 2);
    this.number('udp.dport', 2);
    this.number('udp.length', 2);
    this.take('udp.checksum', 2, hex);
  }

  private icmp(name: string): void {
    if (!this.has(8)) return;
    this.number(`${name}.type`, 1);
    this.number(`${name}.code`, 1);
    this.take(`${name}.checksum`, 2, hex);
    this.take(`${name}.rest`, 4, hex);
  }

  private has(bytes: number): boolean {
    return this.at + bytes <= this.frame.length;
  }

  private take(name: string, length: number, text: (bytes: Uint8Array) => string): void {
    const bytes = this.frame.subarray(this.at, this.at + length);
    this.fields.push({ name, offset: this.at, length, text: text(bytes) });
    this.at += length;
  }

  private number(name: string, length: number): void {
    this.take(name, length, bytes => String(bytes.reduce((sum, byte) => sum * 256 + byte, 0)));
  }
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

function named(names: ReadonlyMap<number, string>, value: number): string {
  return names.get(value) ?? String(value);
}
