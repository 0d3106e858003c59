/** Random topologies under random impairments: whatever happens, no frame is lost track of. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { VNET_BYTES } from '../../assembly/abi.js';
import { type Impairments, Simulation } from '../../src/simulate/index.js';
import { eth } from '../support/frame.js';
import { seededRandom } from '../support/random.js';
import { randomFrame } from '../support/random-frame.js';
import type { Random } from '../support/random-switch.js';
import { MS, addStation, expectConserved, switchOf } from '../support/simulation.js';
import { GSO_TCP4, offloadOf } from '../support/virtio.js';

const ROUNDS = 20;
const FRAMES = 150;
const HOST_PORTS = 4;
const RUN_NS = 400 * MS;
const STEP_EVENTS = 2000;
/** Loops may multiply frames for ever, and what holds in the end holds at any moment. */
const MOST_STEPS = 10;

function randomConfig(random: Random) {
  const isAware = random(2) === 0;
  const vlan = (): string => {
    const modes = [
      'access, vid: 10',
      'access, vid: 1',
      "trunk, native: 1, allowed: '1'",
      "trunk, allowed: '1,10'",
    ];
    return isAware ? `, vlan: { mode: ${modes[random(modes.length)]} }` : '';
  };
  const flag = (name: string): string => (random(5) === 0 ? `, ${name}: true` : '');
  const ports = Array.from({ length: HOST_PORTS }, (_, i) => {
    const flags = ['hairpin', 'isolated', 'offload'].map(flag).join('');
    const mtu = random(4) === 0 ? ', mtuBytes: 100' : '';
    // A limit to floods, which otherwise double at every loop.
    const storm = ', storm: { broadcastPerSec: 200, multicastPerSec: 200, unicastPerSec: 200 }';
    return `  p${i}: { kind: memory, segment: lan${vlan()}${flags}${mtu}${storm} }`;
  });
  const limit = random(3) === 0 ? ', learnLimit: 4' : '';
  return switchOf(`segments: { lan: { vlanAware: ${isAware}, ageSec: 1${limit} } }
ports:\n${ports.join('\n')}`);
}

function randomImpairments(random: Random): Partial<Impairments> {
  const percent = (most: number): number => (random(2) === 0 ? 0 : random(most));
  const fromNs = random(RUN_NS);
  return {
    delayNs: MS / 10 + random(5 * MS),
    jitterNs: random(2) * random(3 * MS),
    lossPercent: percent(40),
    duplicatePercent: percent(20),
    reorderPercent: percent(30),
    reorderNs: random(10 * MS),
    mtuBytes: random(3) === 0 ? 68 + random(1500) : 0,
    tooBig: random(2) === 0 ? 'drop' : 'icmp',
    rateBitsPerSec: random(3) === 0 ? 1e5 + random(1e7) : 0,
    queueBytes: random(20000),
    partitions: random(3) === 0 ? [{ fromNs, toNs: fromNs + random(RUN_NS), ends: [] }] : [],
  };
}

/** Hosts, whose ports are joined in wires and LANs; what is left has stations, or nothing. */
function randomTopology(random: Random, seed: number): Simulation {
  const simulation = new Simulation({ seed, pollNs: random(2) * random(2 * MS) });
  const free: string[] = [];
  for (let host = 0; host < 2 + random(3); host++) {
    simulation.addHost(`h${host}`, randomConfig(random));
    for (let port = 0; port < HOST_PORTS; port++) free.push(`h${host}.p${port}`);
  }
  for (let i = 0; i < 4; i++) {
    addStation(simulation, `s${i}`, i + 1, random(3) === 0 ? 10 : 0);
    free.push(`s${i}`);
  }
  for (let link = 0; free.length > 5; link++) {
    const ends = Array.from({ length: 2 + (random(3) === 0 ? random(3) : 0) }, () => {
      return free.splice(random(free.length), 1)[0]!;
    });
    simulation.connect(`l${link}`, ends, randomImpairments(random));
  }
  return simulation;
}

function addTraffic(simulation: Simulation, random: Random): void {
  const ends = [...simulation.allEnds()].map(({ name }) => name);
  for (let i = 0; i < FRAMES; i++) {
    const frame = random(20) === 0 ? superFrame(random) : { bytes: randomFrame(random) };
    simulation.inject(ends[random(ends.length)]!, frame, random(RUN_NS / 2));
  }
  const stations = [...simulation.stations.values()];
  stations.forEach((from, i) => {
    const receiver = stations[(i + 1) % stations.length]!;
    const flow = { from, to: receiver.ips[random(2)]!, df: random(2) === 0 };
    const schedule = { atNs: random(RUN_NS / 4), count: 20, intervalNs: random(5 * MS) };
    const sizeBytes = 8 + random(1200);
    simulation.addPing(`p${i}`, { ...flow, ...schedule, sizeBytes });
    simulation.addStream(`t${i}`, { ...flow, ...schedule, sizeBytes, receiver, udpPort: 5001 });
  });
}

function superFrame(random: Random) {
  const frame = eth(1 + random(4), 1 + random(4))
    .ipv4('10.0.0.1', '10.0.0.2')
    .tcp(1, 2);
  const whole = frame.payload(2000 + random(20000)).partial();
  const virtio = offloadOf(whole, false, GSO_TCP4, 500 + random(1000));
  // Now and then one that contradicts itself.
  if (random(4) === 0) virtio[random(VNET_BYTES)]! ^= 1 << random(8);
  return { bytes: whole.bytes(), virtio };
}

test('simulate: random topologies and impairments keep conservation everywhere, at any moment', () => {
  const random = seededRandom('simulate');
  let delivered = 0;
  let lost = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const simulation = randomTopology(random, round);
    addTraffic(simulation, random);
    for (let steps = 0; steps < MOST_STEPS && !simulation.runUntil(RUN_NS, STEP_EVENTS); steps++) {
      expectConserved(simulation);
    }
    expectConserved(simulation);
    for (const { counts } of simulation.links.values()) {
      delivered += counts.delivered;
      lost += Object.values(counts.lost).reduce((sum, frames) => sum + frames, 0);
    }
    for (const flow of simulation.streams.values()) {
      const { sent, received, lost } = flow.counts;
      assert.is(sent, received + lost);
    }
  }
  assert.ok(
    delivered > ROUNDS * FRAMES && lost > ROUNDS * 10,
    `${delivered} delivered, ${lost} lost`,
  );
});

test.run();
