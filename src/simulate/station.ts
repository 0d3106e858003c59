/**
 * A station: a simple end host of one MAC address, some IP addresses and perhaps a VLAN tag.
 * It answers ARP, neighbour discovery and ICMP echo, and carries the flows of flows.ts. All
 * addresses are on its link: it has no gateway. What it receives it verifies: a wrong
 * checksum or length is counted as malformed, and goes nowhere.
 */
import { internetChecksum } from '../frame/checksum.js';
import { icmpMessage, ipPacket, l4Checksum, ethernet, typeOf } from './build.js';
import type { EventQueue } from './event-queue.js';
import {
  ETHERNET_BYTES,
  ICMP,
  ICMP6,
  type IpPacket,
  type SimFrame,
  TAG_BYTES,
  TPID_CUSTOMER,
  TYPE_ARP,
  UDP,
  ipPacketOf,
  isPartial,
  payloadOf,
  u16,
} from './frame.js';
import type { End, Link } from './link.js';
import type { Observer } from './observer.js';
import { type Arrived, type StationIo, isSame } from './station-io.js';
import { StationNeighbours } from './station-neighbours.js';

export interface StationOptions {
  mac: Uint8Array;
  ips: readonly Uint8Array[];
  /** Its frames carry this VLAN tag; 0: none. */
  vid: number;
}

export interface StationContext {
  events: EventQueue;
  observe: Observer;
}

const GROUP_BIT = 1;
const VID_MASK = 0xfff;
const ECHO_REPLIES = new Set([0, 129]);
const ECHO_REQUESTS = new Map([
  [8, 0], // RFC 792
  [128, 129], // RFC 4443 §4
]);
const HEADER_BYTES = 8;

export class Station implements End, StationIo {
  readonly addresses: readonly string[] = [];
  readonly neighbours: StationNeighbours;
  link: Link | undefined;
  /** Frames that came in, and those of them that were put in by hand. */
  received = 0;
  injected = 0;
  sent = 0;
  /** Not for us: another MAC address or VLAN. */
  foreign = 0;
  /** Wrong checksums and lengths. */
  malformed = 0;
  /** What a router said did not fit. */
  tooBig = 0;
  /** Takes echo replies. */
  readonly onEcho: ((arrived: Arrived) => void)[] = [];
  /** Takes UDP datagrams, by port. */
  readonly onUdp = new Map<number, (arrived: Arrived) => void>();

  constructor(
    readonly name: string,
    private readonly options: StationOptions,
    private readonly context: StationContext,
  ) {
    this.neighbours = new StationNeighbours(this);
  }

  get mac(): Uint8Array {
    return this.options.mac;
  }

  get ips(): readonly Uint8Array[] {
    return this.options.ips;
  }

  get nowNs(): number {
    return this.context.events.nowNs;
  }

  after(delayNs: number, run: () => void): void {
    this.context.events.push(this.nowNs + delayNs, run);
  }

  sendTo(mac: Uint8Array, type: number, payload: Uint8Array): void {
    const bytes = ethernet({ from: this.mac, to: mac }, this.options.vid, type, payload);
    const frame = { bytes };
    this.sent++;
    this.context.observe({ kind: 'out', atNs: this.nowNs, where: this.name, frame });
    this.link?.transmit(this, frame);
  }

  /** Sends an IP packet once the MAC address of its destination is known. */
  sendIp(to: Uint8Array, packet: Uint8Array): void {
    this.neighbours.resolve(to, mac => this.sendTo(mac, typeOf(to), packet));
  }

  receive(frame: SimFrame): void {
    const { bytes } = frame;
    this.received++;
    this.context.observe({ kind: 'in', atNs: this.nowNs, where: this.name, frame });
    if (!this.isOurs(bytes)) {
      this.foreign++;
      return;
    }
    const payload = payloadOf(bytes);
    if (payload?.type === TYPE_ARP) return this.neighbours.arp(bytes.subarray(payload.at));
    const ip = ipPacketOf(bytes);
    if (ip !== undefined) this.receiveIp(frame, ip);
  }

  private isOurs(bytes: Uint8Array): boolean {
    const { vid } = this.options;
    const isTagged = u16(bytes, ETHERNET_BYTES - 2) === TPID_CUSTOMER;
    const tag = isTagged ? u16(bytes, ETHERNET_BYTES) & VID_MASK : 0;
    const isGroup = ((bytes[0] ?? 0) & GROUP_BIT) !== 0;
    return tag === vid && (isGroup || isSame(bytes.subarray(0, 6), this.mac));
  }

  private receiveIp(frame: SimFrame, ip: IpPacket): void {
    const { bytes } = frame;
    const l4 = bytes.subarray(ip.l4, ip.end);
    if (ip.isFragment) return;
    if (!isSound(frame, ip, l4)) {
      this.malformed++;
      return;
    }
    const arrived = { frame, ip, l4 };
    if (ip.protocol === UDP) this.onUdp.get(u16(l4, 2))?.(arrived);
    else if (ip.protocol === ICMP || ip.protocol === ICMP6) this.receiveIcmp(arrived);
  }

  private receiveIcmp(arrived: Arrived): void {
    const { ip, l4 } = arrived;
    if (ip.version === 6 && this.neighbours.discovery(arrived)) return;
    const type = l4[0]!;
    const reply = ECHO_REQUESTS.get(type);
    if (reply !== undefined && this.ips.some(own => isSame(own, ip.to))) {
      const ends = { from: Uint8Array.from(ip.to), to: Uint8Array.from(ip.from) };
      const message = icmpMessage(ends, { type: reply, code: 0 }, l4.subarray(4));
      this.sendIp(ends.to, ipPacket(ends, ip.protocol, message));
    } else if (ECHO_REPLIES.has(type)) {
      for (const take of this.onEcho) take(arrived);
    } else if (isTooBig(ip, l4)) this.tooBig++;
  }
}

function isTooBig({ version }: IpPacket, l4: Uint8Array): boolean {
  return version === 4 ? l4[0] === 3 && l4[1] === 4 : l4[0] === 2;
}

/** Lengths and checksums; one left to us to fill in counts as right. */
function isSound(frame: SimFrame, ip: IpPacket, l4: Uint8Array): boolean {
  const { bytes } = frame;
  const { l3, version, protocol } = ip;
  if (version === 4 && internetChecksum(bytes.subarray(l3, ip.l4)) !== 0) return false;
  if (![UDP, ICMP, ICMP6].includes(protocol)) return true;
  if (l4.length < HEADER_BYTES) return false;
  if (protocol === UDP && u16(l4, 4) !== l4.length) return false;
  if (isPartial(frame)) return true;
  if (protocol === ICMP) return internetChecksum(l4) === 0;
  const isUnsummed = protocol === UDP && u16(l4, 6) === 0; // RFC 768; RFC 8200 §8.1 forbids it
  if (isUnsummed) return version === 4;
  return l4Checksum(ip, protocol, l4) === 0;
}

/** Bytes of Ethernet before the payload of a station's frames. */
export function headerBytesOf(vid: number): number {
  return ETHERNET_BYTES + (vid === 0 ? 0 : TAG_BYTES);
}
