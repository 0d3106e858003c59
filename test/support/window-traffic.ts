/**
 * Random TCP segments of a connection, in and out of its windows: what two ends would say, and
 * what somebody else might. What a segment did to the connection is told by `passed`.
 */
import { type Frame, type TcpOptions, eth } from './frame.js';
import { type Side, ROUTER_MAC, macOf } from './netfilter-pair.js';
import { FLAG, oneOf, otherSide } from './netfilter-traffic.js';
import type { Random } from './random-switch.js';

/** Windows as they are on the wire: eleven bits, which our table holds exactly. */
const WINDOWS = [0, 1, 100, 1000, 1460, 2000, 2047];
const LENGTHS = [0, 0, 1, 10, 500, 1400];
const LATE = 66000;
const HALF = 0x80000000;

interface End {
  next: number;
  /** The last segment's first number. */
  last: number;
  acknowledged: number;
  window: number;
  scale: number;
  takesSack: boolean;
}

export interface Segment {
  side: Side;
  frame: Frame;
  /** For the report of a failure. */
  what: string;
}

export interface Hosts {
  side: Side;
  source: string;
  destination: string;
  ports: [number, number];
}

export class WindowTalk {
  private readonly ends: [End, End];
  private said: { isBack: boolean; flags: number; sequence: number; end: number } & Omit<
    TcpOptions,
    'flags' | 'sequence'
  > = { isBack: false, flags: 0, sequence: 0, end: 0 };
  private id = 0;
  /** A reset has ended it: what comes now is of no connection. */
  isOver = false;
  /** Segments in a row of one end, of which one differs: DIFFERENCES, 'said again'. */
  isUnclear = false;
  private run = { isBack: false, length: 0, what: '' };
  /** Those that passed and ended nothing: it goes on, and gets no other. */
  private resets = 0;
  /** The last segment that passed. */
  private lastEnd = { isBack: false, end: 0 };
  /** A SYN in the middle was the last that passed: only answers to it make sense. */
  private challenge: number | undefined;

  constructor(
    private readonly random: Random,
    private readonly hosts: Hosts,
  ) {
    const end = (): End => {
      const at = oneOf(random, [1000, 0xfffff000, random(HALF)]);
      const scale = oneOf(random, [-1, 0, 1, 3, 7, 14]);
      const takesSack = random(2) === 0;
      return { next: at, last: at, acknowledged: 0, window: 0, scale, takesSack };
    };
    this.ends = [end(), end()];
  }

  /** The three segments of a handshake, one after the other. */
  opening(step: 0 | 1 | 2): Segment {
    const isBack = step === 1;
    const own = this.ends[isBack ? 1 : 0];
    own.window = oneOf(this.random, WINDOWS.slice(3));
    if (step === 2) return this.made({ isBack, flags: FLAG.ack });
    const flags = FLAG.syn | (isBack ? FLAG.ack : 0);
    return this.made({ isBack, flags, options: callOptions(own) });
  }

  /** Any segment of what is open. */
  any(): Segment {
    const { random } = this;
    if (this.challenge !== undefined) return this.answerToCall();
    const isBack = random(2) === 0;
    const own = this.ends[isBack ? 1 : 0];
    if (random(3) === 0) own.window = oneOf(random, WINDOWS);
    switch (random(24)) {
      case 0:
        return this.resets > 0 ? this.old(isBack) : this.reset(isBack);
      case 1:
        return this.callAgain();
      case 2:
        return this.made({ isBack, flags: FLAG.fin | FLAG.ack });
      case 3:
      case 4:
      case 5:
        return this.again(isBack);
      case 6:
      case 7:
      case 8:
        return this.selective(isBack);
      case 9:
      case 10:
      case 11:
      case 12:
        return this.ahead(isBack);
      case 13:
      case 14:
        return this.old(isBack);
      case 15:
      case 16:
      case 17:
        return this.acknowledging(isBack);
      default:
        return this.made({ isBack, flags: FLAG.ack | FLAG.psh, bytes: oneOf(random, LENGTHS) });
    }
  }

  /** What was last made has passed, or not. */
  passed(isIt: boolean): void {
    const { isBack, flags, end, sequence, acknowledged = 0 } = this.said;
    if (!isIt) return;
    this.count();
    if ((flags & FLAG.rst) !== 0) {
      this.isOver = sequence === 0 || this.isExact(isBack, sequence);
      this.resets++;
      return;
    }
    this.lastEnd = { isBack, end };
    if (flags === FLAG.syn && this.ends[1].acknowledged !== 0) {
      this.challenge = end;
      return;
    }
    const own = this.ends[isBack ? 1 : 0];
    if (isAfter(end, own.next)) own.next = end;
    own.last = sequence;
    const acks = (flags & FLAG.ack) !== 0;
    if (acks && (own.acknowledged === 0 || isAfter(acknowledged, own.acknowledged))) {
      own.acknowledged = acknowledged;
    }
  }

  private pair(isBack: boolean): [own: End, other: End] {
    return isBack ? [this.ends[1], this.ends[0]] : [this.ends[0], this.ends[1]];
  }

  /** Behind what the other end says it takes. */
  private edge(isBack: boolean): number {
    const [, other] = this.pair(isBack);
    return other.acknowledged + other.window * 2 ** Math.max(0, other.scale);
  }

  /** Whether it is clear how often one end has said the same. */
  private count(): void {
    const { isBack, flags, end, sequence, acknowledged } = this.said;
    if ((flags & ~FLAG.psh) !== FLAG.ack) return;
    const own = this.ends[isBack ? 1 : 0];
    const what = [sequence, end, acknowledged, own.window].join();
    const goesOn = this.run.isBack === isBack && this.run.length > 0;
    if (!goesOn) this.isUnclear = false;
    else if (what !== this.run.what && this.run.length >= 2) this.isUnclear = true;
    this.run = { isBack, length: goesOn ? this.run.length + 1 : 1, what };
  }

  /** Whether a reset is where a segment of its sender is due. */
  private isExact(isBack: boolean, sequence: number): boolean {
    const [, other] = this.pair(isBack);
    const isNext = this.lastEnd.isBack === isBack && this.lastEnd.end === sequence;
    return sequence === other.acknowledged || isNext;
  }

  private again(isBack: boolean): Segment {
    const [own] = this.pair(isBack);
    const bytes = (own.next - own.last) >>> 0;
    return this.made({ isBack, flags: FLAG.ack, from: own.last, bytes: Math.min(bytes, 1400) });
  }

  private ahead(isBack: boolean): Segment {
    const from = this.edge(isBack) + oneOf(this.random, [-1, 0, 1, 2, 500, 2047, 70000, HALF - 1]);
    return this.made({ isBack, flags: FLAG.ack, from, bytes: oneOf(this.random, LENGTHS) });
  }

  private old(isBack: boolean): Segment {
    const [own, other] = this.pair(isBack);
    const width = other.window * 2 ** Math.max(0, other.scale);
    const bytes = oneOf(this.random, LENGTHS);
    const back = oneOf(this.random, [1, width - 1, width, width + 1, width + 5000, 100000]);
    return this.made({ isBack, flags: FLAG.ack, from: own.next - bytes - back, bytes });
  }

  private acknowledging(isBack: boolean): Segment {
    const [, other] = this.pair(isBack);
    const offset = oneOf(this.random, [
      1,
      2,
      5000,
      HALF - 1,
      -1,
      -LATE,
      -LATE - 1,
      1 - LATE,
      -HALF,
    ]);
    const bytes = oneOf(this.random, LENGTHS);
    return this.made({ isBack, flags: FLAG.ack, acknowledged: other.next + offset, bytes });
  }

  private selective(isBack: boolean): Segment {
    const [own, other] = this.pair(isBack);
    const until = other.next + oneOf(this.random, [0, 0, 0, 1, 1000, -10]);
    const [first, second] = [until - 5, other.next - 20];
    const options = sackOption(
      [first, until],
      ...(this.random(2) === 0 ? [[second, second + 3]] : []),
    );
    const acknowledged = oneOf(this.random, [own.acknowledged, other.next]);
    return this.made({ isBack, flags: FLAG.ack, acknowledged, options });
  }

  private reset(isBack: boolean): Segment {
    const [own, other] = this.pair(isBack);
    const isLate = this.lastEnd.isBack === isBack && this.lastEnd.end !== own.next;
    const wanted = oneOf(this.random, [
      own.next,
      own.next,
      other.acknowledged,
      other.acknowledged - 1,
      other.acknowledged + 1,
      this.edge(isBack) + 1,
      own.next + 1,
    ]);
    const from = isLate && wanted === own.next ? wanted + 1 : wanted; // DIFFERENCES, 'last end'
    const flags = FLAG.rst | (this.random(2) * FLAG.ack);
    return this.made({ isBack, flags, from });
  }

  private callAgain(): Segment {
    const [own] = this.pair(false);
    return this.made({ isBack: false, flags: FLAG.syn, from: own.next + this.random(1 << 20) });
  }

  /** As a server answers a SYN in the middle: it challenges, or resets. */
  private answerToCall(): Segment {
    const called = this.challenge!;
    this.challenge = undefined;
    if (this.random(2) === 0) return this.made({ isBack: true, flags: FLAG.ack });
    return this.made({ isBack: true, flags: FLAG.rst | FLAG.ack, from: 0, acknowledged: called });
  }

  private made(how: {
    isBack: boolean;
    flags: number;
    from?: number;
    acknowledged?: number;
    bytes?: number;
    options?: Uint8Array;
  }): Segment {
    const { isBack, flags, bytes = 0, options = new Uint8Array() } = how;
    const [own, other] = this.pair(isBack);
    const sequence = (how.from ?? own.next) >>> 0;
    const acks = (flags & FLAG.ack) !== 0;
    const acknowledged = acks ? (how.acknowledged ?? other.next) >>> 0 : 0;
    const controls = (flags & (FLAG.syn | FLAG.fin)) === 0 ? 0 : 1;
    this.said = { isBack, flags, sequence, acknowledged, end: (sequence + bytes + controls) >>> 0 };
    const { side, source, destination, ports } = this.hosts;
    const [from, to] = isBack ? [destination, source] : [source, destination];
    const [sport, dport] = isBack ? [ports[1], ports[0]] : ports;
    const at = isBack ? otherSide(side) : side;
    this.id = (this.id % 0xffff) + 1;
    const { window } = own;
    const frame = eth(macOf(from), ROUTER_MAC[at])
      .ipv4(from, to, { id: this.id })
      .tcp(sport, dport, { sequence, acknowledged, flags, window, options })
      .payload(bytes);
    const scale = Math.max(0, own.scale);
    const what = `${isBack ? '<' : '>'} ${flags.toString(16)} ${sequence}+${bytes} ack ${acknowledged} window ${window}<<${scale} options ${Buffer.from(options).toString('hex')}`;
    return { side: at, frame, what };
  }
}

function isAfter(number: number, other: number): boolean {
  return ((number - other) | 0) > 0;
}

/** RFC 7323 §2.2, RFC 2018 §2; one byte of nothing between. */
function callOptions({ scale, takesSack }: End): Uint8Array {
  const options = [...(takesSack ? [4, 2] : []), ...(scale < 0 ? [] : [3, 3, scale])];
  while (options.length % 4 !== 0) options.push(1);
  return Uint8Array.from(options);
}

/** RFC 2018 §3. */
function sackOption(...blocks: number[][]): Uint8Array {
  const bytes = Buffer.alloc(4 + 8 * blocks.length);
  bytes.set([1, 1, 5, 2 + 8 * blocks.length]);
  blocks.flat().forEach((edge, i) => bytes.writeUInt32BE(edge >>> 0, 4 + 4 * i));
  return bytes;
}
