/**
 * Nothing leaves a masquerading zone with a source of its inside (DESIGN §1.8): thousands of
 * packets with random faults in checksums, flags, lengths, options and fragments, of flows
 * that exist and that do not, and errors that quote them.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Filtering, Mapping, ZoneOption } from '../../assembly/zone-abi.js';
import { ETHERNET, hex } from '../support/frame.js';
import { mutate, soundFrame } from '../support/nat-frames.js';
import { IN, NatRig, OUT, inward } from '../support/nat-rig.js';
import { seededRandom } from '../support/random.js';
import type { Outcome } from '../support/test-switch.js';
import { natRules } from '../support/zone-rig.js';

const ROUNDS = 20000;
const IP = ETHERNET;

/** What left by the outside has a source of the outside. */
function expectNoLeak({ sent }: Outcome, given: Uint8Array): number {
  const left = sent.filter(({ port }) => port === OUT);
  for (const { bytes } of left) {
    const source = Buffer.from(bytes).readUInt16BE(12) === 0x0800 ? bytes.subarray(IP + 12) : [];
    assert.is.not(source[0], 10, `leaked: ${hex(bytes)}\ngiven: ${hex(given)}`);
  }
  return left.length;
}

const RULES: Record<string, { rule: string; mapping?: Mapping }> = {
  'masquerade by subnet': { rule: '-A POSTROUTING -s 10.0.1.0/24 -o out -j MASQUERADE' },
  'masquerade, ports at random': { rule: '-A POSTROUTING -o out -j MASQUERADE --random' },
  'a range of addresses': {
    rule: '-A POSTROUTING -o out -j SNAT --to-source 203.0.113.10-203.0.113.11',
  },
  'mapped endpoints, open to anybody': {
    rule: '-A POSTROUTING -o out -j MASQUERADE',
    mapping: Mapping.Endpoint,
  },
};

for (const [name, { rule, mapping }] of Object.entries(RULES)) {
  test(`leak: ${name}: no private source leaves by the outside`, () => {
    const random = seededRandom(`leak: ${name}`);
    const rig = NatRig.create({ rules: natRules(rule), isClean: false });
    rig.configure(ZoneOption.Mapping, mapping ?? Mapping.AddressAndPort);
    rig.configure(ZoneOption.Filtering, Filtering.Endpoint);
    let left = 0;
    for (let i = 0; i < ROUNDS; i++) {
      if (i % 4 === 0) {
        const answer = inward(2 + random(2)).udp(7777, 40000 + random(4));
        rig.send(OUT, random(2) === 0 ? answer : mutate(answer.bytes(), random));
      }
      const frame = mutate(soundFrame(random).bytes(), random);
      left += expectNoLeak(rig.send(IN, frame), frame);
      if (random(500) === 0) rig.wait(random(40000));
    }
    assert.ok(left > ROUNDS / 20, `only ${left} of ${ROUNDS} left`);
  });
}

test.run();
