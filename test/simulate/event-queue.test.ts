import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EventQueue } from '../../src/simulate/event-queue.js';
import { seededRandom } from '../support/random.js';

test('event queue: earlier first, and of one time in the order it was asked for', () => {
  const random = seededRandom('event queue');
  const queue = new EventQueue();
  const ran: [number, number][] = [];
  let asked = 0;
  const ask = (): void => {
    const [atNs, number] = [queue.nowNs + random(20), asked++];
    queue.push(atNs, () => {
      ran.push([atNs, number]);
      assert.is(queue.nowNs, atNs);
      if (asked < 5000 && random(2) === 0) for (let i = random(4); i > 0; i--) ask();
    });
  };
  for (let i = 0; i < 1000; i++) ask();
  while (queue.step());
  assert.is(ran.length, asked);
  assert.is(queue.taken, asked);
  for (let i = 1; i < ran.length; i++) {
    const [[before, first], [after, second]] = [ran[i - 1]!, ran[i]!];
    assert.ok(before < after || (before === after && first < second), `event ${i}`);
  }
});

test('event queue: the past is now', () => {
  const queue = new EventQueue();
  const ran: string[] = [];
  queue.push(10, () => queue.push(3, () => ran.push(`late at ${queue.nowNs}`)));
  while (queue.step());
  assert.equal(ran, ['late at 10']);
  assert.is(queue.nextNs, undefined);
});

test.run();
