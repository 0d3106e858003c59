/** Masquerading and published ports, and ICMP errors about them, as kernel netfilter has them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { whyNoNetfilter } from '../support/netfilter.js';
import { Pair, USUAL_SEED } from '../support/netfilter-pair.js';
import { Conversations } from '../support/netfilter-conversations.js';
import { seededRandom } from '../support/random.js';
import { saveText } from '../support/zone-rig.js';

const reason = whyNoNetfilter();
if (reason !== undefined) console.log(`skipped: netfilter: ${reason}`);
const check = reason === undefined ? test : test.skip;

const ROUNDS = 6;
const PACKETS = 300;

/** A container host: hosts inside are masqueraded, two ports are published, all else is shut. */
const RULES =
  saveText('nat', [
    '-A PREROUTING -d 203.0.113.1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.1.2:80',
    '-A PREROUTING -d 203.0.113.1 -p udp -m udp --dport 5353 -j DNAT --to-destination 10.0.1.3:53',
    '-A POSTROUTING -s 10.0.1.0/24 -o out -j MASQUERADE',
  ]) +
  [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -i in -o out -j ACCEPT',
    '-A FORWARD -i out -o in -m conntrack --ctstate DNAT -j ACCEPT',
    'COMMIT',
    '',
  ].join('\n');

check('netfilter: masqueraded and published flows, and errors about them', async () => {
  const random = seededRandom('netfilter-nat', USUAL_SEED);
  const counts = { sent: 0, out: 0, named: 0, errors: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    await Pair.with({ rules: RULES }, async pair => {
      const talk = new Conversations(random, pair);
      for (let n = 0; n < PACKETS; n++) await talk.step(`in round ${round}, packet ${n}`);
      counts.sent += pair.counts.sent;
      counts.out += pair.counts.out;
      counts.named += pair.counts.named;
      counts.errors += talk.errorsOut;
    });
  }
  console.log(`netfilter-nat: ${JSON.stringify(counts)}`);
  assert.ok(counts.out > counts.sent / 4, 'too few packets came out');
  assert.ok(counts.named > ROUNDS, 'too few ports were changed');
  assert.ok(counts.errors > 10 * ROUNDS, 'too few errors came out');
});

test.run();
