/**
 * Damaged IPv6 packets through a zone that translates: each has one fate (test-switch.ts checks
 * the books of every batch), no assertion of the core fails, nothing private leaves.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AUTHENTICATION,
  HOP_OPTIONS,
  MOBILITY,
  OPTIONS,
  ROUTING,
  extended,
  fragmentOf,
  type Extension,
} from '../support/extension.js';
import { ETHERNET } from '../support/frame.js';
import { fragmentsOf } from '../support/fragments.js';
import {
  EXTERNAL,
  IN,
  Nat6Rig,
  OUT,
  ROUTER,
  errorAbout,
  hostIp,
  inward,
  outward,
  seenIp,
} from '../support/nat6-rig.js';
import { seededRandom } from '../support/random.js';
import { natRules } from '../support/zone-rig.js';

const ROUNDS = 3000;
const MASQUERADE = natRules('-A POSTROUTING -o out -j MASQUERADE');
const random = seededRandom('ipv6 zone');
const one = <T>(of: readonly T[]): T => of[random(of.length)]!;
const CHAIN: Extension[] = [HOP_OPTIONS, OPTIONS, ROUTING, AUTHENTICATION, MOBILITY];

/** A frame that is sound, from one side or the other. */
function sound(isIn: boolean): Uint8Array {
  // Who asks for an inside address itself gets its answers from there.
  const inner = isIn ? [hostIp(2), '2001:db8:2::2', '2001:db8:77::1'] : [EXTERNAL];
  const to = one([...inner, EXTERNAL, ROUTER, 'fe80::1']);
  const base = isIn ? outward(2 + random(3), to) : inward(2, to);
  const [port, other] = [1000 + random(8), 7777];
  const quote = inward(2).udp(other, port).payload(20).bytes().subarray(ETHERNET);
  const frames = [
    () => base.udp(port, other).payload(random(300)),
    () => base.tcp(port, other, { flags: one([2, 0x12, 0x10, 0x11, 4]) }).payload(random(100)),
    () => base.icmp(one([128, 129]), 0, random(4) * 65536).payload(random(100)),
    () => (isIn ? outward(2, 2).icmp(1, 4).payload(quote) : errorAbout(2, quote)),
  ];
  const bytes = one(frames)().bytes();
  if (random(3) === 0)
    return extended(
      bytes,
      Array.from({ length: random(4) }, () => one(CHAIN)),
    );
  if (random(4) === 0) return extended(bytes, [fragmentOf(random(3), random(2), random(3))]);
  return random(4) === 0 ? one(fragmentsOf(bytes, 48, random(4))) : bytes;
}

/** With some bytes changed, cut off or added. */
function damaged(frame: Uint8Array): Uint8Array {
  const bytes = Buffer.from(frame);
  for (let i = random(4); i > 0; i--)
    bytes[ETHERNET + random(bytes.length - ETHERNET)] = random(256);
  if (random(5) === 0) return bytes.subarray(0, ETHERNET + random(bytes.length - ETHERNET));
  return random(5) === 0 ? Buffer.concat([bytes, Buffer.alloc(random(30), 0x60)]) : bytes;
}

/** The router itself answers as the address that it was asked at. */
const isPrivate = (bytes: Uint8Array): boolean =>
  bytes[ETHERNET + 8] === 0xfd && seenIp(bytes.subarray(ETHERNET)).source !== ROUTER;

test('ipv6: whatever comes has one fate, and no private source leaves by the outside', () => {
  const rig = Nat6Rig.create({ rules: MASQUERADE, isClean: false, sizes: { Flows: 64 } });
  let passed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const inputs = Array.from({ length: 1 + random(8) }, () => {
      const port = one([IN, OUT]);
      const frame = sound(port === IN);
      return { port, frame: random(2) === 0 ? damaged(frame) : frame };
    });
    const { sent } = rig.batch(inputs);
    for (const { port, bytes } of sent) {
      if (port !== OUT || bytes[12] !== 0x86) continue;
      assert.not.ok(isPrivate(bytes), Buffer.from(bytes).toString('hex'));
      passed++;
    }
    if (random(20) === 0) rig.zone.bridge.nowMs += random(40000);
    if (random(50) === 0) rig.settle();
    if (random(200) === 0) rig.zone.core.zones.flushFlows();
  }
  assert.ok(passed > ROUNDS / 10, `only ${passed} packets passed`);
  // Nothing is kept that nobody holds: as many new flows as the table takes.
  rig.zone.core.zones.flushFlows();
  rig.settle();
  for (let n = 0; n < 64; n++) rig.pass(IN, outward(2, 2).udp(20000 + n, 7777));
  assert.is(rig.flows().length, 64);
});

test.run();
