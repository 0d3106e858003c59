/** What filters ask of a frame: addresses, VLANs, protocol, ports. One object serves all. */

/** `host`: either. */
export type Side = 'host' | 'src' | 'dst';

const MAC_BYTES = 6;
const TYPE_OFFSET = 12;
const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;
const VID_MASK = 0xfff;
const TPIDS = [0x8100, 0x88a8];

const TYPE_IPV4 = 0x0800;
const TYPE_ARP = 0x0806;
const TYPE_IPV6 = 0x86dd;

// Offsets from the start of each header: RFC 791 §3.1, RFC 8200 §3, RFC 826.
const IPV4_BYTES = 20;
const IPV4_FRAGMENT = 6;
const IPV4_PROTOCOL = 9;
const IPV4_SOURCE = 12;
const IPV4_DESTINATION = 16;
const IPV6_BYTES = 40;
const IPV6_NEXT = 6;
const IPV6_SOURCE = 8;
const IPV6_DESTINATION = 24;
const ARP_SENDER = 14;
const ARP_TARGET = 24;
const ARP_BYTES = 28;
const FRAGMENT_OFFSET_MASK = 0x1fff;

// IPv6 headers between the fixed one and the payload, RFC 8200 §4.
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const FRAGMENT_BYTES = 8;
const EXTENSION_UNIT_BYTES = 8;

const WITH_PORTS = [6, 17, 132];
const PORTS_BYTES = 4;

export class FrameHeaders {
  private frame: Uint8Array = new Uint8Array(0);
  /** Type behind any tags; -1 when the frame ends before it. */
  type = -1;
  /** Outermost first. */
  readonly vids: number[] = [];
  /** Protocol of the IP payload; -1: no IP, or cut. */
  protocol = -1;
  private l3 = 0;
  /** Where the ports are; -1: nowhere. */
  private ports = -1;

  read(frame: Uint8Array): void {
    this.frame = frame;
    this.vids.length = 0;
    this.protocol = this.ports = this.type = -1;
    let at = TYPE_OFFSET;
    while (TPIDS.includes(this.u16(at)) && at + TAG_BYTES + 2 <= frame.length) {
      this.vids.push(this.u16(at + 2) & VID_MASK);
      at += TAG_BYTES;
    }
    this.type = this.u16(at);
    this.l3 = at + ETHERNET_BYTES - TYPE_OFFSET;
    if (this.type === TYPE_IPV4) this.readIpv4();
    if (this.type === TYPE_IPV6) this.readIpv6();
  }

  private u16(at: number): number {
    if (at + 2 > this.frame.length) return -1;
    return (this.frame[at]! << 8) | this.frame[at + 1]!;
  }

  private readIpv4(): void {
    const { frame, l3 } = this;
    if (l3 + IPV4_BYTES > frame.length) return;
    this.protocol = frame[l3 + IPV4_PROTOCOL]!;
    const isFirst = (this.u16(l3 + IPV4_FRAGMENT) & FRAGMENT_OFFSET_MASK) === 0;
    if (isFirst) this.findPorts(l3 + (frame[l3]! & 15) * 4);
  }

  private readIpv6(): void {
    const { frame, l3 } = this;
    if (l3 + IPV6_BYTES > frame.length) return;
    let next = frame[l3 + IPV6_NEXT]!;
    let at = l3 + IPV6_BYTES;
    while (at + EXTENSION_UNIT_BYTES <= frame.length) {
      if (next === FRAGMENT) {
        const isFirst = this.u16(at + 2) >> 3 === 0;
        next = frame[at]!;
        at += FRAGMENT_BYTES;
        if (!isFirst) break;
        continue;
      }
      if (next !== HOP_BY_HOP && next !== ROUTING && next !== DESTINATION_OPTIONS) {
        this.protocol = next;
        return this.findPorts(at);
      }
      next = frame[at]!;
      at += (frame[at + 1]! + 1) * EXTENSION_UNIT_BYTES;
    }
    this.protocol = next;
  }

  private findPorts(at: number): void {
    const hasThem = WITH_PORTS.includes(this.protocol) && at + PORTS_BYTES <= this.frame.length;
    if (hasThem) this.ports = at;
  }

  get isGroup(): boolean {
    return ((this.frame[0] ?? 0) & 1) !== 0;
  }

  get isBroadcast(): boolean {
    if (this.frame.length < MAC_BYTES) return false;
    return this.frame.subarray(0, MAC_BYTES).every(byte => byte === 0xff);
  }

  hasMac(mac: Uint8Array, side: Side): boolean {
    return this.hasAt(mac, side, MAC_BYTES, 0);
  }

  /** Of the IP header, or the protocol addresses of an ARP packet. */
  hasAddress(address: Uint8Array, side: Side): boolean {
    const { l3, frame } = this;
    const isIpv4 = address.length === 4;
    if (this.type === TYPE_IPV4 && isIpv4 && l3 + IPV4_BYTES <= frame.length) {
      return this.hasAt(address, side, l3 + IPV4_SOURCE, l3 + IPV4_DESTINATION);
    }
    if (this.type === TYPE_ARP && isIpv4 && l3 + ARP_BYTES <= frame.length) {
      return this.hasAt(address, side, l3 + ARP_SENDER, l3 + ARP_TARGET);
    }
    if (this.type !== TYPE_IPV6 || isIpv4 || l3 + IPV6_BYTES > frame.length) return false;
    return this.hasAt(address, side, l3 + IPV6_SOURCE, l3 + IPV6_DESTINATION);
  }

  hasPort(port: number, side: Side): boolean {
    if (this.ports < 0) return false;
    if (side !== 'dst' && this.u16(this.ports) === port) return true;
    return side !== 'src' && this.u16(this.ports + 2) === port;
  }

  private hasAt(bytes: Uint8Array, side: Side, source: number, destination: number): boolean {
    if (side !== 'dst' && this.isAt(bytes, source)) return true;
    return side !== 'src' && this.isAt(bytes, destination);
  }

  private isAt(bytes: Uint8Array, at: number): boolean {
    if (at + bytes.length > this.frame.length) return false;
    return bytes.every((byte, index) => byte === this.frame[at + index]);
  }
}
