/**
 * TCP windows as a kernel checks them with nf_conntrack_tcp_be_liberal=0: segments in and out of
 * them, packet by packet, and what both know of the connection in the end.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ZoneCounter } from '../../assembly/zone-abi.js';
import { whyNoNetfilter } from '../support/netfilter.js';
import { Pair, USUAL_SEED } from '../support/netfilter-pair.js';
import { expectSameFlow } from '../support/netfilter-flows.js';
import { seededRandom } from '../support/random.js';
import { WindowTalk } from '../support/window-traffic.js';
import { saveText } from '../support/zone-rig.js';

const reason = whyNoNetfilter();
if (reason !== undefined) console.log(`skipped: netfilter: ${reason}`);
const check = reason === undefined ? test : test.skip;

/** TTL and DSCP of what comes out say how it was judged. */
const STATES = saveText('mangle', [
  '-A FORWARD -m conntrack --ctstate NEW -j TTL --ttl-set 21',
  '-A FORWARD -m conntrack --ctstate ESTABLISHED -j TTL --ttl-set 22',
  '-A FORWARD -m conntrack --ctstate INVALID -j TTL --ttl-set 24',
  '-A FORWARD -m conntrack --ctdir REPLY -j DSCP --set-dscp 0x02',
]);
const HOSTS = { side: 'in', source: '10.0.1.2', destination: '203.0.113.2' } as const;
const FIRST = 21;
const ESTABLISHED = 22;
const INVALID = 24;
const REFUSED = ' INVALID';
const TTL_AT = 22;
const TALKS = 300;
const SEGMENTS = 25;
const FIRST_PORT = 1024;

/** Segments that passed ours, and were not believed. */
function ignoredBy(pair: Pair): bigint {
  return pair.rig.core.zones.counter(0, ZoneCounter.WindowIgnored);
}

/** Sends the segments of a talk. Undefined: the two are to differ from here on. */
async function play(pair: Pair, talk: WindowTalk): Promise<string[] | undefined> {
  const lines: string[] = [];
  for (let step = 0; step < 3 + SEGMENTS && !talk.isOver; step++) {
    const { side, frame, what } = step < 3 ? talk.opening(step as 0 | 1 | 2) : talk.any();
    lines.push(what);
    const ignored = ignoredBy(pair);
    const answer = await pair.send(side, frame);
    const [state, own] = [answer.kernel, answer.ours].map(came => came[0]?.bytes[TTL_AT]);
    if (state === ESTABLISHED && own === FIRST) return undefined; // DIFFERENCES, 'reopened'
    const isRounded = state === INVALID && own === ESTABLISHED && ignoredBy(pair) > ignored;
    if (isRounded) return undefined; // DIFFERENCES, 'rounded'
    pair.compare(frame, answer, `\n${lines.join('\n')}\n`);
    if (state === INVALID) lines.push(`${lines.pop()}${REFUSED}`);
    talk.passed(state !== INVALID);
    if (step > 0 && state === FIRST) break; // another connection
  }
  return lines;
}

check('netfilter: TCP segments in and out of windows are judged alike', async () => {
  const random = seededRandom('netfilter-window', USUAL_SEED);
  const counts = { invalid: 0, passed: 0, unclear: 0, apart: 0 };
  await Pair.with({ rules: STATES, liberal: false }, async pair => {
    for (let i = 0; i < TALKS; i++) {
      const port = FIRST_PORT + i;
      const talk = new WindowTalk(random, { ...HOSTS, ports: [port, 80] });
      const lines = await play(pair, talk);
      if (lines === undefined) {
        counts.apart++;
        continue;
      }
      expectSameFlow(pair, port, lines.join('\n'), !talk.isUnclear);
      if (talk.isUnclear) counts.unclear++;
      counts.invalid += lines.filter(line => line.endsWith(REFUSED)).length;
      counts.passed += lines.filter(line => !line.endsWith(REFUSED)).length;
    }
  });
  console.log(`netfilter-window: ${JSON.stringify(counts)}`);
  assert.ok(counts.invalid > TALKS, `only ${counts.invalid} were invalid`);
  assert.ok(counts.apart < TALKS / 20, `${counts.apart} talks differed as they are meant to`);
  assert.ok(counts.unclear < TALKS / 2, `${counts.unclear} times were not compared`);
  assert.ok(counts.passed > TALKS * 3, `only ${counts.passed} passed`);
});

test.run();
