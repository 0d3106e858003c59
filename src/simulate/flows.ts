/**
 * Flows between stations, which check themselves:
 *
 * - a ping train: echo requests of one identifier, numbered; how many answers came, and how
 *   long they took;
 * - a numbered stream: UDP datagrams with a sequence number, as a bulk transfer would send
 *   them; the receiver says which were lost, came twice, or came behind a later one.
 */
import { ICMP, ICMP6, UDP, u16 } from './frame.js';
import { icmpMessage, ipPacket, udpDatagram, words16 } from './build.js';
import type { Station } from './station.js';
import { type Arrived, isSame } from './station-io.js';

export interface Schedule {
  atNs: number;
  count: number;
  intervalNs: number;
}

export interface FlowOptions extends Schedule {
  from: Station;
  /** Of the same family as one of the sender's addresses. */
  to: Uint8Array;
  /** Payload of ICMP or UDP. */
  sizeBytes: number;
  /** IPv4: Don't Fragment. */
  df: boolean;
}

/** Least, mean and most of some times, in milliseconds; null: there were none. */
export interface Spread {
  leastMs: number | null;
  meanMs: number | null;
  mostMs: number | null;
}

export interface PingCounts {
  sent: number;
  received: number;
  /** Sent, and not answered so far. */
  lost: number;
  duplicated: number;
  rtt: Spread;
}

export interface StreamCounts {
  sent: number;
  /** Different datagrams that came. */
  received: number;
  lost: number;
  duplicated: number;
  /** Came behind a later one. */
  reordered: number;
  latency: Spread;
}

const NS_PER_MS = 1e6;
const REPLIES = new Map([
  [ICMP, 0],
  [ICMP6, 129],
]);
const REQUEST_IPV4 = 8;
const REQUEST_IPV6 = 128;
export const LEAST_STREAM_BYTES = 8;
const UDP_BYTES = 8;
const STREAM_MARK = 0x736c7563;

/** The address a station would send from. */
function sourceOf(station: Station, to: Uint8Array): Uint8Array {
  const own = station.ips.find(({ length }) => length === to.length);
  if (own === undefined) throw new Error(`${station.name}: no address of that family`);
  return own;
}

class Times {
  private sum = 0;
  private count = 0;
  private least = Infinity;
  private most = 0;

  add(ns: number): void {
    this.sum += ns;
    this.count++;
    this.least = Math.min(this.least, ns);
    this.most = Math.max(this.most, ns);
  }

  get spread(): Spread {
    if (this.count === 0) return { leastMs: null, meanMs: null, mostMs: null };
    const ms = (ns: number): number => Math.round(ns) / NS_PER_MS;
    return { leastMs: ms(this.least), meanMs: ms(this.sum / this.count), mostMs: ms(this.most) };
  }
}

export class PingTrain {
  private readonly sentNs: number[] = [];
  private readonly answered = new Set<number>();
  private readonly times = new Times();
  private duplicated = 0;
  private readonly source: Uint8Array;

  /** `id`: of all trains of the sender, only this one has it. */
  constructor(
    private readonly id: number,
    private readonly options: FlowOptions,
  ) {
    this.source = sourceOf(options.from, options.to);
    options.from.onEcho.push(arrived => this.take(arrived));
  }

  /** Sends request `index`, from 0. */
  send(index: number): void {
    const { from, to, sizeBytes, df } = this.options;
    const ends = { from: this.source, to };
    const isIpv4 = to.length === 4;
    const type = isIpv4 ? REQUEST_IPV4 : REQUEST_IPV6;
    const rest = Buffer.concat([words16(this.id, index), Buffer.alloc(sizeBytes, index)]);
    const message = icmpMessage(ends, { type, code: 0 }, rest);
    this.sentNs[index] = from.nowNs;
    from.sendIp(to, ipPacket(ends, isIpv4 ? ICMP : ICMP6, message, { df }));
  }

  get counts(): PingCounts {
    const [sent, received] = [this.sentNs.length, this.answered.size];
    const { duplicated, times } = this;
    return { sent, received, lost: sent - received, duplicated, rtt: times.spread };
  }

  private take({ ip, l4 }: Arrived): void {
    const isOurs = l4[0] === REPLIES.get(ip.protocol) && u16(l4, 4) === this.id;
    if (!isOurs || !isSame(ip.from, this.options.to)) return;
    const index = u16(l4, 6);
    const sentNs = this.sentNs[index];
    if (sentNs === undefined) return;
    if (this.answered.has(index)) {
      this.duplicated++;
      return;
    }
    this.answered.add(index);
    this.times.add(this.options.from.nowNs - sentNs);
  }
}

export interface StreamOptions extends FlowOptions {
  receiver: Station;
  /** Of all streams to the receiver, only this one has it. */
  udpPort: number;
}

export class NumberedStream {
  private readonly sentNs: number[] = [];
  private readonly seen: boolean[] = [];
  private readonly times = new Times();
  private received = 0;
  private duplicated = 0;
  private reordered = 0;
  private highest = -1;
  private readonly source: Uint8Array;

  constructor(private readonly options: StreamOptions) {
    const { from, to, receiver, udpPort } = options;
    this.source = sourceOf(from, to);
    receiver.onUdp.set(udpPort, arrived => this.take(arrived));
  }

  /** Sends datagram `index`, from 0. */
  send(index: number): void {
    const { from, to, sizeBytes, df, udpPort } = this.options;
    const ends = { from: this.source, to };
    const payload = Buffer.alloc(Math.max(sizeBytes, LEAST_STREAM_BYTES), index);
    payload.writeUInt32BE(STREAM_MARK, 0);
    payload.writeUInt32BE(index, 4);
    const datagram = udpDatagram(ends, { from: udpPort, to: udpPort }, payload);
    this.sentNs[index] = from.nowNs;
    from.sendIp(to, ipPacket(ends, UDP, datagram, { df }));
  }

  get counts(): StreamCounts {
    const { received, duplicated, reordered, times } = this;
    const sent = this.sentNs.length;
    const lost = sent - received;
    return { sent, received, lost, duplicated, reordered, latency: times.spread };
  }

  private take({ ip, l4 }: Arrived): void {
    const payload = Buffer.from(l4.subarray(UDP_BYTES));
    const isOurs = payload.length >= LEAST_STREAM_BYTES && payload.readUInt32BE(0) === STREAM_MARK;
    if (!isOurs || !isSame(ip.from, this.source)) return;
    const index = payload.readUInt32BE(4);
    const sentNs = this.sentNs[index];
    if (sentNs === undefined) return;
    if (this.seen[index]) {
      this.duplicated++;
      return;
    }
    this.seen[index] = true;
    this.received++;
    if (index < this.highest) this.reordered++;
    this.highest = Math.max(this.highest, index);
    this.times.add(this.options.receiver.nowNs - sentNs);
  }
}
