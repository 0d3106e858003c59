/** What happens to flows, on its way from the loop's thread to whoever listens. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { JOURNAL_RECORDS, JournalKind } from '../../assembly/zone-abi.js';
import { type JournalPart, readJournal } from '../../src/journal-record.js';
import { LoopJournal, recordsIn } from '../../src/loop-journal.js';
import { Signal } from '../../src/loop-messages.js';
import { IN, NatRig, outward } from '../support/nat-rig.js';
import { natRules } from '../support/zone-rig.js';

const { New, Update, Destroy } = JournalKind;

class Rig {
  readonly nat = NatRig.create({ rules: natRules(), sizes: { Flows: 4 * JOURNAL_RECORDS } });
  readonly signal = new Int32Array(Signal.Count);
  readonly parts: JournalPart[] = [];
  readonly journal = new LoopJournal(
    this.nat.zone.core,
    this.signal,
    () => this.nat.zone.bridge.nowMs,
    event => {
      assert.is(event.kind, 'journal');
      if (event.kind === 'journal') this.parts.push(event.part);
    },
  );

  /** A batch with so many first packets. */
  begin(first: number, count = 1): this {
    const frames = Array.from({ length: count }, (_, i) => outward(2, 2).udp(first + i, 7777));
    this.nat.batch(frames.map(frame => ({ port: IN, frame })));
    this.journal.tell(false);
    return this;
  }

  /** Source ports of what came, and what was lost behind. */
  got(): { ports: number[]; lost: number } {
    const parts = this.parts.splice(0);
    const ports = parts.flatMap(readJournal).map(({ flow }) => flow.original.sourcePort);
    return { ports, lost: parts.reduce((sum, { lost }) => sum + lost, 0) };
  }
}

test('loop journal: nothing is posted that nobody listens to', () => {
  const rig = new Rig().begin(1000, 10);
  assert.is(rig.journal.isHeard, false);
  assert.equal(rig.parts, []);
  rig.journal.listen(Update | Destroy, true);
  rig.begin(2000, 10);
  assert.equal(rig.parts, []);
});

test('loop journal: a kind is told until the last of its listeners has gone', () => {
  const rig = new Rig();
  rig.journal.listen(New | Update, true);
  rig.journal.listen(New | Destroy, true);
  rig.journal.listen(New | Update, false);
  assert.equal(rig.begin(1000).got().ports, [1000]);
  rig.journal.listen(New | Destroy, false);
  assert.is(rig.journal.isHeard, false);
  assert.equal(rig.begin(1001).got().ports, []);
  assert.is(rig.nat.zone.core.zones.journal.count, 0);
});

test('loop journal: what is not dealt with stays in the ring; beyond it is lost, and told', () => {
  const rig = new Rig();
  rig.journal.listen(New, true);
  const numbers = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => first + i);
  let begun = 1000;
  const batches = (count: number): void => {
    for (let i = 0; i < count; i++, begun += 250) rig.begin(begun, 250);
  };
  batches(100);
  const waiting = Atomics.load(rig.signal, Signal.WaitingRecords);
  assert.is(waiting, 65 * 250);
  assert.is(
    rig.parts.reduce((sum, part) => sum + recordsIn(part), 0),
    waiting,
  );
  assert.equal(rig.got(), { ports: numbers(1000, waiting), lost: 0 });
  Atomics.sub(rig.signal, Signal.WaitingRecords, waiting);
  batches(1);
  const ringed = rig.got();
  assert.equal(ringed.ports, numbers(1000 + waiting, JOURNAL_RECORDS));
  assert.is(ringed.lost, 101 * 250 - waiting - JOURNAL_RECORDS);
  batches(1);
  assert.equal(rig.got(), { ports: numbers(begun - 250, 250), lost: 0 });
});

test('loop journal: what a request ended has happened just now, whatever the core thinks', () => {
  const rig = new Rig();
  rig.journal.listen(New | Destroy, true);
  rig.begin(1000);
  rig.nat.zone.core.zones.flushFlows();
  const before = Date.now();
  rig.nat.zone.bridge.nowMs += 60000; // no batch since
  rig.journal.tell(true);
  const [begun, ended] = rig.parts.flatMap(readJournal);
  assert.is(begun!.kind, New);
  assert.is(ended!.kind, Destroy);
  assert.ok(ended!.atMs >= before && ended!.atMs <= Date.now());
  assert.is(Math.round((ended!.atMs - ended!.beganMs) / 1000), 60);
});

test.run();
