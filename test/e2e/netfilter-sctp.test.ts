/**
 * What SCTP packets are to connection tracking: random orders of chunks with tags right and
 * wrong, packet by packet, in the kernel and here; and what both know of the association after
 * each of them.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eth } from '../support/frame.js';
import { whyNoNetfilter } from '../support/netfilter.js';
import { expectSameFlow, ownFlow } from '../support/netfilter-flows.js';
import { Pair, ROUTER_MAC, USUAL_SEED, macOf } from '../support/netfilter-pair.js';
import { oneOf, otherSide } from '../support/netfilter-traffic.js';
import { seededRandom } from '../support/random.js';
import type { Random } from '../support/random-switch.js';
import { CHUNK, type ChunkName, chunk, sctp } from '../support/sctp.js';
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
const HOSTS = ['10.0.1.2', '203.0.113.2'] as const;
const INVALID = 24;
const TTL_AT = 22;
const NAMES = Object.keys(CHUNK) as ChunkName[];
const FIRST_PORT = 1024;
const SERVICE = 7777;
const TAGS = [0x11111111, 0x22222222] as const;
const OPENED: [isBack: boolean, name: ChunkName][] = [
  [false, 'init'],
  [true, 'initAck'],
  [false, 'cookieEcho'],
  [true, 'cookieAck'],
];
const TALKS = 30;
const PACKETS = 8;

/** One packet of an association, and what it is for the report of a failure. */
function packet(random: Random, port: number, isBack: boolean, name: ChunkName, isWild: boolean) {
  const side = isBack ? otherSide('in') : 'in';
  const [from, to] = isBack ? [HOSTS[1], HOSTS[0]] : HOSTS;
  const ports: [number, number] = isBack ? [SERVICE, port] : [port, SERVICE];
  const [own, other] = isBack ? [TAGS[1], TAGS[0]] : TAGS;
  const right = name === 'init' ? 0 : other;
  const tag = isWild && random(4) === 0 ? oneOf(random, [0, own, other, 0x33333333]) : right;
  const initiateTag = isWild && random(6) === 0 ? 0x44444444 : own;
  const flags = isWild && random(3) === 0 ? 1 : 0;
  const first = chunk(name, { initiateTag, flags, ...damage(random, isWild) });
  const second = isWild && random(5) === 0 ? oneOf(random, NAMES) : undefined;
  const chunks = second === undefined ? [first] : [first, chunk(second, { initiateTag: own })];
  const head = eth(macOf(from), ROUTER_MAC[side]).ipv4(from, to, { id: 1 + random(0xfffe) });
  const what = `${isBack ? '<' : '>'} ${name} ${second ?? ''} tag ${tag.toString(16)} flags ${flags}`;
  return { side, frame: sctp(head, ports, tag, ...chunks), what } as const;
}

/** Sometimes a chunk that is cut off, or says a length that is not its own. */
function damage(random: Random, isWild: boolean): { valueBytes?: number; length?: number } {
  if (!isWild || random(20) !== 0) return {};
  return oneOf(random, [{ valueBytes: 0 }, { length: 0 }, { length: 3 }, { length: 4000 }]);
}

check('netfilter: SCTP packets in every order are judged alike', async () => {
  const random = seededRandom('netfilter-sctp', USUAL_SEED);
  const counts = { invalid: 0, sent: 0 };
  const states = new Set<string>();
  await Pair.with({ rules: STATES }, async pair => {
    for (let i = 0; i < TALKS; i++) {
      const port = FIRST_PORT + i;
      const opened = OPENED.slice(0, oneOf(random, [0, 1, 2, 3, 4, 4, 4]));
      const lines: string[] = [];
      for (let step = 0; step < opened.length + PACKETS; step++) {
        const known = opened[step] ?? [random(2) === 0, oneOf(random, NAMES)];
        const made = packet(random, port, ...known, step >= opened.length);
        lines.push(made.what);
        const { kernel } = await pair.same(made.side, made.frame, `\n${lines.join('\n')}\n`);
        counts.sent++;
        if (kernel[0]!.bytes[TTL_AT] === INVALID) counts.invalid++;
        expectSameFlow(pair, port, lines.join('\n'));
        states.add(ownFlow(pair, port)?.state ?? '');
      }
    }
  });
  console.log(`netfilter-sctp: ${JSON.stringify(counts)}, states ${[...states].join(' ')}`);
  assert.ok(
    counts.invalid > counts.sent / 10 && counts.invalid < counts.sent * 0.8,
    JSON.stringify(counts),
  );
  assert.ok(states.size >= 7, [...states].join());
});

test.run();
