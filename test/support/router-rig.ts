/**
 * What rigs of a translating router have in common, whatever the family: stations inside at port
 * 1, outside at port 2. What the rigs of a file have sent is kept for tshark (§0), unless a rig
 * says that what it is given is damaged already.
 */
import * as assert from 'uvu/assert';
import type { Drop } from '../../assembly/abi.js';
import type { ZoneCounter, ZoneOption } from '../../assembly/zone-abi.js';
import type { Flow } from '../../src/zone-table.js';
import type { Frame } from './frame.js';
import type { Input, Outcome, Sent } from './test-switch.js';
import { expectClean } from './tshark.js';
import type { ZoneRig } from './zone-rig.js';

export const IN = 1;
export const OUT = 2;

const emitted: Uint8Array[] = [];

/** tshark finds no fault in what the rigs of this file have sent. */
export function expectAllClean(): void {
  assert.ok(emitted.length > 0);
  expectClean(emitted);
}

/** `Seen`: a frame taken apart. */
export abstract class RouterRig<Seen> {
  protected constructor(
    readonly zone: ZoneRig,
    private readonly isClean: boolean,
  ) {}

  protected abstract see(sent: Sent): Seen;

  configure(option: ZoneOption, value: number): this {
    this.zone.core.zones.configure(0, option, value);
    return this;
  }

  counter(column: ZoneCounter): number {
    return Number(this.zone.core.zones.counter(0, column));
  }

  /** Drops of a reason so far. */
  drops(reason: Drop): number {
    return Number(this.zone.core.dropTotals().get(reason) ?? 0n);
  }

  flows(): Flow[] {
    return [...this.zone.core.zones.flows()];
  }

  /** The one flow there is. */
  flow(): Flow {
    const [flow, ...others] = this.flows();
    assert.ok(flow !== undefined && others.length === 0, `${others.length + 1} flows`);
    return flow;
  }

  send(port: number, frame: Frame | Uint8Array): Outcome {
    return this.batch([{ port, frame }]);
  }

  batch(inputs: Input[]): Outcome {
    const outcome = this.zone.bridge.batch(inputs);
    if (this.isClean) emitted.push(...outcome.sent.map(({ bytes }) => bytes));
    return outcome;
  }

  /** The frame passes: one leaves by the other side. */
  pass(port: number, frame: Frame | Uint8Array): Seen {
    return this.see(this.passed(port, frame));
  }

  passed(port: number, frame: Frame | Uint8Array): Sent {
    const { sent, dropped } = this.send(port, frame);
    assert.equal(dropped, []);
    assert.equal(
      sent.map(({ port }) => port),
      [port === IN ? OUT : IN],
    );
    return sent[0]!;
  }

  /** Nothing at all leaves. Returns reasons, none for a frame that was consumed. */
  stop(port: number, frame: Frame | Uint8Array): (keyof typeof Drop)[] {
    const { sent, dropped } = this.send(port, frame);
    assert.equal(sent, []);
    return dropped.map(({ reason }) => reason);
  }
}
