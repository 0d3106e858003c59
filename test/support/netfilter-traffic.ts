/** Random packets between the hosts of a Pair: new ones, answers, and later ones of flows. */
import { type Frame, eth } from './frame.js';
import { HOSTS, ROUTER_MAC, type Side, macOf } from './netfilter-pair.js';
import type { Random } from './random-switch.js';

const PORTS = [22, 53, 80, 443, 5353, 8000, 8080, 30000];
export const FLAG = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 } as const;

export interface Flow {
  protocol: 'tcp' | 'udp' | 'icmp';
  side: Side;
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
  /** TCP: what comes next of the two ends. */
  next: [number, number];
  /** TCP: packets so far. */
  packets: number;
}

export function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[random(choices.length)]!;
}

export function otherSide(side: Side): Side {
  return side === 'in' ? 'out' : 'in';
}

/** A frame from a host of a side to the router, with an IP id of its own. */
export class Sender {
  private id = 0;

  frame(
    side: Side,
    source: string,
    destination: string,
    more: { ttl?: number; tos?: number; isDf?: boolean; options?: Uint8Array } = {},
  ): Frame {
    this.id = (this.id % 0xffff) + 1;
    return eth(macOf(source), ROUTER_MAC[side]).ipv4(source, destination, { id: this.id, ...more });
  }
}

/** The next segment of one end, which counts what it has sent and acknowledges all it got. */
export function tcpSegment(
  sender: Sender,
  flow: Flow,
  {
    isBack,
    flags,
    payload = 0,
    ttl = 64,
  }: { isBack: boolean; flags: number; payload?: number; ttl?: number },
): { side: Side; frame: Frame } {
  const [own, other] = isBack ? ([1, 0] as const) : ([0, 1] as const);
  const sequence = flow.next[own];
  flow.next[own] += payload + ((flags & (FLAG.syn | FLAG.fin)) === 0 ? 0 : 1);
  const acknowledged = (flags & FLAG.ack) === 0 ? 0 : flow.next[other];
  const side = isBack ? otherSide(flow.side) : flow.side;
  const [from, to] = isBack ? [flow.destination, flow.source] : [flow.source, flow.destination];
  const ports: [number, number] = isBack
    ? [flow.destinationPort, flow.sourcePort]
    : [flow.sourcePort, flow.destinationPort];
  const head = sender.frame(side, from, to, { ttl });
  return { side, frame: head.tcp(...ports, { sequence, acknowledged, flags }).payload(payload) };
}

export class Traffic {
  private readonly flows: Flow[] = [];
  private readonly sender = new Sender();

  constructor(private readonly random: Random) {}

  next(): { side: Side; frame: Frame } {
    const { random } = this;
    if (this.flows.length === 0 || random(3) === 0) this.flows.push(this.flow());
    const flow = oneOf(random, this.flows.slice(-6));
    const isBack = random(3) === 0;
    const side = isBack ? otherSide(flow.side) : flow.side;
    const [from, to] = isBack ? [flow.destination, flow.source] : [flow.source, flow.destination];
    const [sport, dport] = isBack
      ? [flow.destinationPort, flow.sourcePort]
      : [flow.sourcePort, flow.destinationPort];
    const ttl = oneOf(random, [64, 64, 64, 64, 5, 128]);
    const head = this.sender.frame(side, from, to, {
      ttl,
      tos: oneOf(random, [0, 0, 0x10, 0x28, 0x04]),
    });
    const payload = random(3) === 0 ? random(120) : random(8);
    if (flow.protocol === 'udp') return { side, frame: head.udp(sport, dport).payload(payload) };
    if (flow.protocol === 'icmp') {
      const type = isBack ? 0 : 8;
      const word = flow.sourcePort * 65536 + random(4);
      return { side, frame: head.icmp(type, 0, word).payload(payload) };
    }
    return this.segment(flow, payload);
  }

  /** A connection that opens, talks and ends; sometimes it opens in its middle, or again. */
  private segment(flow: Flow, payload: number): { side: Side; frame: Frame } {
    const { random } = this;
    const step = flow.packets++;
    const opens = step < 2 && random(5) > 0;
    const isBack = opens ? step === 1 : random(2) === 0;
    const isOver = step > 2 && random(5) === 0;
    const flags = opens
      ? FLAG.syn | (isBack ? FLAG.ack : 0)
      : isOver
        ? FLAG.ack | oneOf(random, [FLAG.fin, FLAG.rst])
        : FLAG.ack | (random(2) * FLAG.psh);
    if ((flags & FLAG.rst) !== 0) this.flows.splice(this.flows.indexOf(flow), 1);
    const isBare = (flags & (FLAG.syn | FLAG.rst)) !== 0;
    return tcpSegment(this.sender, flow, { isBack, flags, payload: isBare ? 0 : payload });
  }

  private flow(): Flow {
    const { random } = this;
    const side = oneOf(random, ['in', 'in', 'out'] as const);
    return {
      protocol: oneOf(random, ['tcp', 'tcp', 'udp', 'icmp'] as const),
      side,
      source: oneOf(random, HOSTS[side]),
      destination: oneOf(random, HOSTS[otherSide(side)]),
      sourcePort: oneOf(random, [...PORTS, 20000 + random(10000)]),
      destinationPort: oneOf(random, PORTS),
      next: [100, 5000],
      packets: 0,
    };
  }
}
