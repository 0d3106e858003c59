/** One link between ends that only keep what they get. */
import * as assert from 'uvu/assert';
import {
  type Impairments,
  type LinkCounts,
  NO_IMPAIRMENTS,
  type SimFrame,
} from '../../src/simulate/index.js';
import { EventQueue } from '../../src/simulate/event-queue.js';
import { type End, Link } from '../../src/simulate/link.js';

/** An end that keeps what it gets. */
export class Probe implements End {
  readonly got: { atNs: number; frame: SimFrame }[] = [];

  constructor(
    readonly name: string,
    private readonly events: EventQueue,
    readonly addresses: readonly string[] = [],
  ) {}

  receive(frame: SimFrame): void {
    this.got.push({ atNs: this.events.nowNs, frame });
  }

  /** First bytes of what came, as numbers. */
  get numbers(): number[] {
    return this.got.map(({ frame }) => Buffer.from(frame.bytes).readUInt32BE(0));
  }
}

/** A link by itself. */
export interface Rig {
  link: Link;
  ends: Probe[];
  events: EventQueue;
  lost: string[];
}

/** `names`: of its ends, a letter each; the address of end a is 10.0.0.97, its character code. */
export function rig(impairments: Partial<Impairments>, names = ['a', 'b'], seed = 1): Rig {
  const events = new EventQueue();
  const ends = names.map(name => new Probe(name, events, [`10.0.0.${name.charCodeAt(0)}`]));
  const lost: string[] = [];
  const observe = ({ where, reason }: { where: string; reason?: string }): void => {
    lost.push(`${where} ${reason}`);
  };
  const link = new Link(
    'wire',
    ends,
    { ...NO_IMPAIRMENTS, ...impairments },
    {
      seed,
      events,
      observe,
    },
  );
  return { link, ends, events, lost };
}

export function lostOf({ lost }: LinkCounts): number {
  return Object.values(lost).reduce((sum, frames) => sum + frames, 0);
}

/** What must hold of every link at any moment. */
export function expectBalance(counts: LinkCounts): void {
  const { sent, duplicated, delivered, inFlight } = counts;
  assert.is(sent + duplicated, delivered + lostOf(counts) + inFlight);
  assert.is(counts.transmitted + counts.copies + counts.answers, sent + counts.unclaimed);
}
