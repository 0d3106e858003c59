/** Hints of free ports against a plain set of those in use. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../support/random.js';
import { Unit } from '../../support/unit.js';

const NO_PORT = 0xffffffff;
const WORD = 64;
const random = seededRandom('port hints');

class Hints {
  readonly used = new Set<number>();
  private readonly unit = Unit.create();
  private readonly at: number;
  private readonly start: number;

  constructor(flows: number) {
    this.at = this.unit.place(new Uint8Array(this.unit.call('portHintsBytes', flows)));
    this.unit.call('createPortHints', this.at, flows, random(1 << 30));
    this.start = this.unit.call('portHintsStart', this.at, random(1 << 30), 17);
  }

  set(port: number, isUsed: boolean): void {
    if (isUsed) this.used.add(port);
    else this.used.delete(port);
    this.unit.call(isUsed ? 'markPort' : 'clearPort', this.at, this.start, port);
  }

  pick(near: number, first: number, last: number): number {
    return this.unit.call('pickPort', this.at, this.start, near, first, last);
  }

  skipFull(near: number, last: number): number {
    return this.unit.call('skipFullPorts', this.at, this.start, near, last);
  }

  /** Ports of the word of `port` with its parity, round about from it on. */
  likeIn(port: number): number[] {
    const word = port - (port % WORD);
    return Array.from({ length: WORD / 2 }, (_, i) => word + ((port + 2 * i) % WORD));
  }
}

test('port hints: what is picked is the next free one of its word, and in the range', () => {
  const hints = new Hints(1000);
  for (let round = 0; round < 3000; round++) {
    hints.set(1024 + random(300), random(4) !== 0);
    const first = 1024 + random(200);
    const last = first + random(100);
    const near = first + random(last - first + 1);
    const free = hints.likeIn(near).filter(port => !hints.used.has(port));
    const want = free.find(port => port >= first && port <= last) ?? NO_PORT;
    assert.is(hints.pick(near, first, last), want);
  }
});

test('port hints: full words are passed over, of each parity by itself', () => {
  const hints = new Hints(1000);
  const isFull = (port: number): boolean => hints.likeIn(port).every(one => hints.used.has(one));
  for (let port = 0; port < 65536; port++)
    if (port % 2 === 0 || port > 30000) hints.set(port, true);
  for (let round = 0; round < 400; round++) {
    hints.set(random(65536), random(2) === 0);
    const near = random(65536);
    const last = near + random(65536 - near);
    let want = near;
    while (want - (want % WORD) <= last && isFull(want)) want += WORD;
    if (want - (want % WORD) > last) want = NO_PORT;
    assert.is(hints.skipFull(near, last), want);
  }
});

test('port hints: addresses are apart in a table with room', () => {
  const unit = Unit.create();
  const at = unit.place(new Uint8Array(unit.call('portHintsBytes', 1 << 16)));
  unit.call('createPortHints', at, 1 << 16, 5);
  const starts = [1, 2, 3, 4].map(address => unit.call('portHintsStart', at, address, 17));
  assert.is(new Set(starts).size, 4);
  assert.ok(starts.every(start => start % WORD === 0));
});

test.run();
