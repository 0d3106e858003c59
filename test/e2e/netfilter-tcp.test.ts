/** What TCP packets are to connection tracking: every order of few packets, in both. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { whyNoNetfilter } from '../support/netfilter.js';
import { Pair, USUAL_SEED } from '../support/netfilter-pair.js';
import { LATER, OPENED, STATES, numbered, orders, play } from '../support/netfilter-tcp.js';
import { Sender, oneOf } from '../support/netfilter-traffic.js';
import { seededRandom } from '../support/random.js';

const reason = whyNoNetfilter();
if (reason !== undefined) console.log(`skipped: netfilter: ${reason}`);
const check = reason === undefined ? test : test.skip;

/** All orders of this many packets, and some of more that begin as connections do. */
const LENGTH = 3;
const MORE = { orders: 400, length: 5 };

check('netfilter: TCP packets in every order are judged alike', async () => {
  const random = seededRandom('netfilter-tcp', USUAL_SEED);
  const more = Array.from({ length: MORE.orders }, () =>
    OPENED.concat(Array.from({ length: MORE.length }, () => oneOf(random, LATER))),
  );
  await Pair.with({ rules: STATES }, async pair => {
    const sender = new Sender();
    for (const [i, order] of [...orders(LENGTH), ...more].entries()) {
      await play(pair, sender, order, numbered(i));
    }
    assert.is(pair.counts.out, pair.counts.sent);
  });
});

test.run();
