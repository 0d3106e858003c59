/** Rules of the filter and mangle tables: kernel netfilter and sluice judge alike. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { whyNoNetfilter } from '../support/netfilter.js';
import { Pair, USUAL_SEED } from '../support/netfilter-pair.js';
import { randomRulesText } from '../support/netfilter-rules.js';
import { Traffic } from '../support/netfilter-traffic.js';
import { seededRandom } from '../support/random.js';

const reason = whyNoNetfilter();
if (reason !== undefined) console.log(`skipped: netfilter: ${reason}`);
const check = reason === undefined ? test : test.skip;

const RULE_SETS = 12;
const PACKETS = 120;

/** The lines that say something. */
function spoken(text: string): string {
  return text
    .split('\n')
    .filter(line => !/^(COMMIT|:.* (ACCEPT|-) .*)?$/.test(line))
    .join('\n');
}

check('netfilter: random rules of filter and mangle judge random packets alike', async () => {
  const random = seededRandom('netfilter-filter', USUAL_SEED);
  const counts = { sent: 0, out: 0 };
  for (let i = 0; i < RULE_SETS; i++) {
    const rules = randomRulesText(random);
    await Pair.with({ rules }, async pair => {
      const traffic = new Traffic(random);
      for (let n = 0; n < PACKETS; n++) {
        const { side, frame } = traffic.next();
        await pair.same(side, frame, `in rule set ${i}, packet ${n}:\n${spoken(rules)}`);
      }
      counts.sent += pair.counts.sent;
      counts.out += pair.counts.out;
    });
  }
  console.log(`netfilter-filter: ${counts.sent} packets, ${counts.out} came out`);
  assert.ok(counts.out > counts.sent / 10, 'too few packets came out');
});

test.run();
