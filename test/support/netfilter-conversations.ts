/**
 * Conversations across a router that translates, played to both lanes of a Pair: each flow is
 * answered at the address and port that the lane gave it, and gets ICMP errors about its last
 * packets, whole or cut, right or damaged.
 */
import { type Frame, eth } from './frame.js';
import { HOSTS, type Lane, type Pair, ROUTER_MAC, type Side, macOf } from './netfilter-pair.js';
import { type Ports, portsOf } from './netfilter-seen.js';
import { FLAG, oneOf, otherSide } from './netfilter-traffic.js';
import type { Random } from './random-switch.js';

const L2 = 14;
const ROUTER = '203.0.113.1';
const TCP = 6;
const UDP = 17;
const ICMP = 1;
const BARE = 20 + 8;
/** First sequence numbers of the two ends. */
const CALL_AT = 100;
const ANSWER_AT = 5000;
/** Types and codes of errors, and their second word. */
const ERRORS = [
  [3, 1, 0],
  [3, 3, 0],
  [3, 4, 1280],
  [3, 10, 0],
  [11, 0, 0],
  [4, 0, 0],
  [12, 0, 0x08000000],
] as const;
/** Low, middle and high: of each this many, so that several hosts want the same outside. */
const SOURCE_PORTS = [500, 700, 20000, 40000];
const PORTS_EACH = 8;
const SERVICE = 53;

interface Talk {
  protocol: number;
  side: Side;
  /** Its first packet: who calls whom. */
  call: Pick<Ports, 'source' | 'destination' | 'sourcePort' | 'destinationPort'>;
  /** Who the called one thinks it talks to, by lane; unknown as long as nothing came. */
  seen?: Record<Lane, Ports>;
  /** The last packet that came out on the called one's and on the caller's side, by lane. */
  there?: Record<Lane, Uint8Array>;
  back?: Record<Lane, Uint8Array>;
  next: [number, number];
  steps: number;
}

export class Conversations {
  private readonly talks: Talk[] = [];
  /** Each talks once, and to one: DIFFERENCES, 'same port'. */
  private readonly used = new Set<string>();
  private id = 0;
  /** ICMP errors that were passed on. */
  errorsOut = 0;

  constructor(
    private readonly random: Random,
    private readonly pair: Pair,
  ) {}

  async step(what: string): Promise<void> {
    const { random } = this;
    if (this.talks.length === 0 || random(4) === 0) this.talks.push(this.newTalk());
    const talk = oneOf(random, this.talks.slice(-6));
    const action = talk.seen === undefined ? 0 : random(8);
    if (action < 3) return await this.forward(talk, what);
    if (action < 6) return await this.backward(talk, what);
    return await this.error(talk, what);
  }

  private newTalk(): Talk {
    const { random } = this;
    const protocol = oneOf(random, [TCP, TCP, UDP, UDP, ICMP]);
    const isPublished = protocol !== ICMP && random(3) === 0;
    const side = isPublished ? 'out' : 'in';
    const source = oneOf(random, HOSTS[side]);
    const sourcePort = oneOf(random, SOURCE_PORTS) + random(PORTS_EACH);
    const key = `${protocol} ${source} ${sourcePort}`;
    if (this.used.has(key) || this.pair.hasChosen(protocol, sourcePort)) return this.newTalk();
    this.used.add(key);
    const published = protocol === TCP ? 8080 : 5353;
    return {
      protocol,
      side,
      call: {
        source,
        destination: isPublished ? ROUTER : HOSTS.out[sourcePort % HOSTS.out.length]!,
        sourcePort,
        destinationPort: protocol === ICMP ? sourcePort : isPublished ? published : SERVICE,
      },
      next: [CALL_AT, ANSWER_AT],
      steps: 0,
    };
  }

  private header(side: Side, source: string, destination: string): Frame {
    return eth(macOf(source), ROUTER_MAC[side]).ipv4(source, destination, { id: this.id });
  }

  private filled(
    head: Frame,
    talk: Talk,
    ports: [number, number],
    how: { isBack: boolean; flags: number; payload: number },
  ): Frame {
    const { isBack, flags, payload } = how;
    if (talk.protocol === UDP) return head.udp(...ports).payload(payload);
    if (talk.protocol === ICMP)
      return head.icmp(isBack ? 0 : 8, 0, ports[0] * 65536 + talk.steps).payload(payload);
    const sequence = talk.next[isBack ? 1 : 0];
    const acknowledged = (flags & FLAG.ack) === 0 ? 0 : talk.next[isBack ? 0 : 1];
    return head.tcp(...ports, { sequence, acknowledged, flags }).payload(payload);
  }

  /** Flags and length of the next packet; counts them. */
  private plan(talk: Talk, isBack: boolean): { isBack: boolean; flags: number; payload: number } {
    const { random } = this;
    this.id = (this.id % 0xffff) + 1;
    talk.steps++;
    const opens = talk.next[1] === ANSWER_AT; // nobody has answered: the caller calls again
    if (opens) talk.next[0] = isBack ? CALL_AT + 1 : CALL_AT;
    const ends = talk.steps > 3 && random(6) === 0;
    const flags = opens
      ? FLAG.syn | (isBack ? FLAG.ack : 0)
      : FLAG.ack | (ends ? oneOf(random, [FLAG.fin, FLAG.rst]) : FLAG.psh);
    const isBare = talk.protocol === TCP && (flags & (FLAG.syn | FLAG.rst)) !== 0;
    return { isBack, flags, payload: isBare ? 0 : random(40) };
  }

  private advance(talk: Talk, { isBack, flags, payload }: ReturnType<Conversations['plan']>): void {
    if (talk.protocol !== TCP) return;
    talk.next[isBack ? 1 : 0] += payload + ((flags & (FLAG.syn | FLAG.fin)) === 0 ? 0 : 1);
    if ((flags & FLAG.rst) !== 0) this.talks.splice(this.talks.indexOf(talk), 1);
  }

  private async forward(talk: Talk, what: string): Promise<void> {
    const { source, destination, sourcePort, destinationPort } = talk.call;
    const plan = this.plan(talk, false);
    const head = this.header(talk.side, source, destination);
    const frame = this.filled(head, talk, [sourcePort, destinationPort], plan);
    const { kernel, ours } = await this.pair.same(talk.side, frame, what);
    this.advance(talk, plan);
    const [theirs, own] = [kernel[0], ours[0]].map(came => came && portsOf(came.bytes));
    if (theirs === undefined || own === undefined || kernel[0]!.side === talk.side) return;
    talk.seen ??= { kernel: theirs, ours: own };
    talk.there = { kernel: kernel[0]!.bytes, ours: ours[0]!.bytes };
  }

  private async backward(talk: Talk, what: string): Promise<void> {
    const plan = this.plan(talk, true);
    const side = otherSide(talk.side);
    const made = (lane: Lane): Frame => {
      const { source, destination, sourcePort, destinationPort } = talk.seen![lane];
      const head = this.header(side, destination, source);
      return this.filled(head, talk, [destinationPort, sourcePort], plan);
    };
    const { kernel, ours } = await this.pair.same(side, made, what);
    this.advance(talk, plan);
    if (kernel.length !== 1 || kernel[0]!.side === side) return;
    talk.back = { kernel: kernel[0]!.bytes, ours: ours[0]!.bytes };
  }

  /** An error about the last packet that came out on a side, from there. */
  private async error(talk: Talk, what: string): Promise<void> {
    const { random } = this;
    this.id = (this.id % 0xffff) + 1;
    const isBack = talk.back !== undefined && random(2) === 0;
    const quoted = isBack ? talk.back! : talk.there!;
    const side = isBack ? talk.side : otherSide(talk.side);
    const [type, code, word] = oneOf(random, ERRORS);
    const cut = random(2) === 0 ? BARE : BARE + random(60);
    const spoils = random(8) === 0 ? 1 + random(2) : 0;
    const isFromRouterThere = random(3) === 0;
    const made = (lane: Lane): Uint8Array => {
      const ports = portsOf(quoted[lane])!;
      const from = isFromRouterThere ? HOSTS[side][2] : ports.destination;
      const quote = Buffer.from(quoted[lane].subarray(L2, L2 + cut));
      if (spoils === 1) quote.writeUInt16BE((ports.sourcePort + 7) & 0xffff, 20); // of no flow
      const bytes = this.header(side, from, ports.source)
        .icmp(type, code, word)
        .payload(quote)
        .bytes();
      if (spoils === 2) bytes[L2 + 22]! ^= 0x55; // the checksum
      return bytes;
    };
    const { kernel } = await this.pair.same(
      side,
      made,
      `${what}, an error ${type}/${code}, spoilt ${spoils}`,
    );
    this.errorsOut += kernel.length;
  }
}
