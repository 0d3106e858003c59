/**
 * Rounds of a zone: random rules beside a masquerade, packets of flows and of none, whole and
 * damaged, in both directions, and other rules amid the traffic. What must hold: each frame has one
 * fate and the books agree (test-switch.ts); nothing leaves by the outside with a source of the
 * inside; and no flow is left when all have died.
 */
import * as assert from 'uvu/assert';
import type { Build } from '../../src/core.js';
import { Filtering, Mapping, PortSelect, ZoneOption } from '../../assembly/zone-abi.js';
import { ETHERNET, hex } from '../support/frame.js';
import { mutate, soundFrame } from '../support/nat-frames.js';
import { IN, NatRig, OUT, inward } from '../support/nat-rig.js';
import { randomRulesText } from '../support/netfilter-rules.js';
import { type Random, pick } from '../support/random-switch.js';
import type { Input } from '../support/test-switch.js';
import { saveText } from '../support/zone-rig.js';

const BATCHES = 120;
const MOST_FRAMES = 24;
const PRIVATE_NETWORK = 10;
const [ETHERTYPE_AT, SOURCE_AT] = [12, ETHERNET + 12];
const IPV4 = 0x0800;
/** Longer than any flow lives, and sweeps after it. */
const ALL_DEAD_MS = 6 * 24 * 3600 * 1000;
const SWEEPS = 200;

/** Everything that leaves is masqueraded; some ports lead inside. */
function randomRules(random: Random): string {
  const port = 7000 + random(4);
  return (
    saveText('nat', [
      `-A PREROUTING -d 203.0.113.1 -p udp -m udp --dport ${port} -j DNAT --to-destination 10.0.1.2:7777`,
      `-A PREROUTING -d 203.0.113.1 -p tcp -j DNAT --to-destination 10.0.1.3-10.0.1.4`,
      `-A POSTROUTING -o out -j MASQUERADE${pick(random, ['', ' --random', ' --random-fully'])}`,
    ]) + randomRulesText(random)
  );
}

function randomInput(random: Random): Input {
  const trace = random(8) === 0;
  if (random(3) > 0) {
    const frame = soundFrame(random).bytes();
    return { port: IN, frame: random(2) === 0 ? frame : mutate(frame, random), trace };
  }
  // Not to the inside: who is called by its own address answers with it.
  const to = pick(random, ['203.0.113.1', '203.0.113.1', '203.0.113.10']);
  const ip = inward(2 + random(2), to);
  const [from, at] = [
    pick(random, [7777, 80]),
    pick(random, [40000 + random(4), 7000 + random(4)]),
  ];
  const whole = random(2) === 0 ? ip.udp(from, at) : ip.tcp(from, at, { flags: random(64) });
  const frame = whole.payload(random(60)).bytes();
  return { port: OUT, frame: random(2) === 0 ? frame : mutate(frame, random), trace };
}

/** One zone, some batches. Returns the number of frames. */
export function runZoneRound(random: Random, build: Build): number {
  const seed = BigInt(random(2 ** 31));
  const sizes = { Flows: pick(random, [16, 64, 1024]), Paths: pick(random, [0, 4, 256]) };
  const rig = NatRig.create({ rules: randomRules(random), isClean: false, build, seed, sizes });
  rig.configure(ZoneOption.Mapping, random(2) as Mapping);
  rig.configure(ZoneOption.Filtering, random(3) as Filtering);
  rig.configure(ZoneOption.PortSelect, random(3) as PortSelect);
  let frames = 0;
  for (let i = 0; i < BATCHES; i++) {
    if (random(10) === 0) rig.zone.rules(randomRules(random));
    if (random(20) === 0) rig.wait(random(200000));
    const inputs = Array.from({ length: 1 + random(MOST_FRAMES) }, () => randomInput(random));
    for (const { port, bytes } of rig.batch(inputs).sent) {
      const isIpv4 = Buffer.from(bytes).readUInt16BE(ETHERTYPE_AT) === IPV4;
      const isLeak = port === OUT && isIpv4 && bytes[SOURCE_AT] === PRIVATE_NETWORK;
      assert.not(isLeak, `leaked: ${hex(bytes)}`);
    }
    frames += inputs.length;
  }
  rig.zone.bridge.wait(ALL_DEAD_MS);
  for (let i = 0; i < SWEEPS; i++) rig.zone.bridge.wait(100);
  assert.equal(rig.flows(), [], 'flows that never die');
  return frames;
}
