/**
 * One direction between two ends of a link. A frame meets, in this order: partition, MTU,
 * the queue before the rate, loss, duplication, and for each copy delay, jitter and being
 * held back. A partition loses what is sent while it lasts; what is under way arrives.
 */
import type { EventQueue } from './event-queue.js';
import { type SimFrame, mtuBytesOf } from './frame.js';
import { type Impairments, isParted } from './impairments.js';
import type { End } from './link.js';
import type { Observer } from './observer.js';
import { Random } from './random.js';
import { tooBigAnswer } from './too-big.js';

/** Why a link lost a frame. Names are those of the summary. */
export enum LossReason {
  Partition = 'partition',
  TooBig = 'tooBig',
  Queue = 'queue',
  Loss = 'loss',
}

export interface PathCounts {
  /** Frames that one end sent for the other. */
  sent: number;
  /** Additional copies. */
  duplicated: number;
  delivered: number;
  lost: Record<LossReason, number>;
  /** Frames delayed so that others may overtake them. */
  heldBack: number;
  /** Frames delivered behind one that was sent after them. */
  reordered: number;
  /** Neither delivered nor lost yet. */
  inFlight: number;
}

/** What paths share. */
export interface PathContext {
  seed: number;
  events: EventQueue;
  observe: Observer;
}

const NS_PER_SEC = 1e9;
const BYTE_BITS = 8;

export class Path {
  readonly from: End;
  readonly to: End;
  readonly counts: PathCounts = {
    sent: 0,
    duplicated: 0,
    delivered: 0,
    lost: { partition: 0, tooBig: 0, queue: 0, loss: 0 },
    heldBack: 0,
    reordered: 0,
    inFlight: 0,
  };
  /** Called with a router's answer to a frame that was too big. */
  onAnswer: (frame: SimFrame) => void = () => undefined;

  private readonly random: Random;
  /** When the last bit of what waits for the rate will have left. */
  private freeNs = 0;
  /** Arrival of the last frame that was not held back. */
  private lastNs = 0;
  private sequence = 0;
  private highest = 0;

  constructor(
    private readonly link: string,
    ends: { from: End; to: End },
    private readonly impairments: Impairments,
    private readonly context: PathContext,
  ) {
    this.from = ends.from;
    this.to = ends.to;
    this.random = Random.of(context.seed, `${link} ${ends.from.name} ${ends.to.name}`);
  }

  send(frame: SimFrame): void {
    const { mtuBytes } = this.impairments;
    if (this.isParted) this.carry(frame);
    else if (mtuBytes !== 0 && mtuBytesOf(frame) > mtuBytes) this.refuse(frame);
    else this.carry(frame);
  }

  /** Sends what has not to fit the MTU: a router's answer comes from before the narrow part. */
  carry(frame: SimFrame): void {
    const { counts, impairments, random } = this;
    counts.sent++;
    if (this.isParted) return this.lose(frame, LossReason.Partition);
    if (this.isFull(frame)) return this.lose(frame, LossReason.Queue);
    const leftNs = this.leave(frame);
    if (random.chance(impairments.lossPercent)) return this.lose(frame, LossReason.Loss);
    const isTwice = random.chance(impairments.duplicatePercent);
    this.launch(frame, leftNs);
    if (!isTwice) return;
    counts.duplicated++;
    this.launch(frame, leftNs);
  }

  private get isParted(): boolean {
    const { impairments, context, from, to } = this;
    return isParted(impairments, context.events.nowNs, [from.name, to.name]);
  }

  private lose(frame: SimFrame, reason: LossReason): void {
    this.counts.lost[reason]++;
    const where = `${this.link} ${this.from.name}>${this.to.name}`;
    const atNs = this.context.events.nowNs;
    this.context.observe({ kind: 'lost', atNs, where, frame, reason });
  }

  private refuse(frame: SimFrame): void {
    const { tooBig, mtuBytes, routers } = this.impairments;
    this.counts.sent++;
    this.lose(frame, LossReason.TooBig);
    const answer = tooBig === 'icmp' ? tooBigAnswer(frame, mtuBytes, routers) : undefined;
    if (answer !== undefined) this.onAnswer(answer);
  }

  /** Whether a frame finds no place among those that wait for the rate. */
  private isFull({ bytes }: SimFrame): boolean {
    const { rateBitsPerSec, queueBytes } = this.impairments;
    if (rateBitsPerSec === 0) return false;
    const waitNs = Math.max(0, this.freeNs - this.context.events.nowNs);
    const waitingBytes = (waitNs * rateBitsPerSec) / NS_PER_SEC / BYTE_BITS;
    return waitingBytes > 0 && waitingBytes + bytes.length > queueBytes;
  }

  /** When the last bit of a frame leaves. */
  private leave({ bytes }: SimFrame): number {
    const { rateBitsPerSec } = this.impairments;
    const { nowNs } = this.context.events;
    if (rateBitsPerSec === 0) return nowNs;
    const takesNs = Math.ceil((bytes.length * BYTE_BITS * NS_PER_SEC) / rateBitsPerSec);
    this.freeNs = Math.max(this.freeNs, nowNs) + takesNs;
    return this.freeNs;
  }

  private launch(frame: SimFrame, leftNs: number): void {
    const { counts, random } = this;
    const { delayNs, jitterNs, reorderPercent, reorderNs } = this.impairments;
    const jitter = jitterNs === 0 ? 0 : random.below(jitterNs + 1);
    const arriveNs = Math.max(this.lastNs, leftNs + delayNs + jitter);
    const isHeld = random.chance(reorderPercent);
    if (isHeld) counts.heldBack++;
    else this.lastNs = arriveNs;
    const sequence = ++this.sequence;
    counts.inFlight++;
    this.context.events.push(isHeld ? arriveNs + reorderNs : arriveNs, () =>
      this.deliver(frame, sequence),
    );
  }

  private deliver(frame: SimFrame, sequence: number): void {
    const { counts } = this;
    counts.inFlight--;
    counts.delivered++;
    if (sequence < this.highest) counts.reordered++;
    else this.highest = sequence;
    this.to.receive(frame);
  }
}
