/**
 * Schedulers: each against what features VS-4 says of it, written down a second time here, on
 * random backends and random comings and goings of connections. SLUICE_SEED for others.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseIp } from '../../src/frame/address.js';
import type { SchedulerName } from '../../src/service/model.js';
import { seen, serverIp } from '../support/nat-rig.js';
import { seededRandom } from '../support/random.js';
import {
  type BackendWords,
  CLIENT,
  ServiceRig,
  VIP_PORT,
  hostNumber,
} from '../support/service-rig.js';

const HOSTS = Array.from({ length: 20 }, (_, i) => 10 + i);
const ROUNDS = 400;

interface Known {
  n: number;
  weight: number;
  active: number;
  inactive: number;
}

/** What a scheduler must choose, by what backends have; of equals the first. */
const LEAST: Partial<Record<SchedulerName, (of: Known) => number>> = {
  lc: ({ active, inactive }) => active * 256 + inactive,
  wlc: ({ active, inactive, weight }) => (active * 256 + inactive) / weight,
  sed: ({ active, weight }) => (active + 1) / weight,
  nq: ({ active, weight }) => (active === 0 ? -1 : (active + 1) / weight),
  fo: ({ weight }) => -weight,
  ovf: ({ weight, active }) => (active < weight ? -weight : Infinity),
};

function expected(of: (one: Known) => number, backends: readonly Known[]): number | undefined {
  let best: Known | undefined;
  for (const one of backends) {
    if (one.weight === 0 || of(one) === Infinity) continue;
    if (best === undefined || of(one) < of(best)) best = one;
  }
  return best?.n;
}

function known(rig: ServiceRig, backends: readonly BackendWords[]): Known[] {
  return backends.map(({ n, weight = 1 }) => {
    const { active, inactive } = rig.counts(n)!;
    return { n, weight, active, inactive };
  });
}

for (const [scheduler, of] of Object.entries(LEAST) as [SchedulerName, (of: Known) => number][]) {
  test(`${scheduler}: the one that the rule says, whatever has happened`, () => {
    const random = seededRandom(`schedulers ${scheduler}`, 11);
    for (const count of [1, 3, 8, 20]) {
      const hosts = HOSTS.slice(0, count);
      const rig = ServiceRig.create(hosts, { sizes: { Flows: 4096 } });
      const drawn = (): BackendWords[] => hosts.map(n => ({ n, weight: random(5) }));
      let backends = drawn();
      rig.services({ scheduler, backends });
      for (let round = 0; round < ROUNDS; round++) {
        if (random(50) === 0) {
          backends = drawn();
          rig.services({ scheduler, backends });
        }
        const want = expected(of, known(rig, backends));
        const port = 1024 + round;
        const got = rig.choose(port);
        assert.is(got, want, `${count} backends, round ${round}`);
        if (got === undefined) continue;
        if (random(2) === 0) rig.establish(got, port);
        if (random(3) === 0) endOne(rig, random);
      }
    }
  });
}

function endOne(rig: ServiceRig, random: (below: number) => number): void {
  const flows = [...rig.zone.core.zones.flows()];
  if (flows.length > 0) rig.zone.core.zones.removeFlow(flows[random(flows.length)]!);
}

test('rr, wrr: a cycle gives each what it weighs, spread over it', () => {
  const weights = [4, 3, 2, 1, 0];
  const backends = weights.map((weight, i) => ({ n: HOSTS[i]!, weight }));
  const draw = (scheduler: SchedulerName, count: number): number[] => {
    const rig = ServiceRig.create(HOSTS).services({ scheduler, backends });
    return Array.from({ length: count }, (_, i) => rig.choose(20000 + i)!);
  };
  assert.equal(draw('rr', 8), [10, 11, 12, 13, 10, 11, 12, 13]);
  // Rounds of weight 4, 3, 2, 1.
  const cycle = [10, 10, 11, 10, 11, 12, 10, 11, 12, 13];
  assert.equal(draw('wrr', 30), [...cycle, ...cycle, ...cycle]);
  const rig = ServiceRig.create(HOSTS).services({
    scheduler: 'wrr',
    backends: [
      { n: 10, weight: 65535, upper: 1 },
      { n: 11, weight: 1 },
    ],
  });
  // One that weighs much and can take nothing does not make the others wait.
  assert.equal(
    Array.from({ length: 4 }, (_, i) => rig.choose(20000 + i)),
    [10, 11, 11, 11],
  );
});

test('twos: shares follow weights, the same for the same seed', () => {
  const backends = [1, 2, 5].map((weight, i) => ({ n: HOSTS[i]!, weight }));
  const draw = (seed: bigint): (number | undefined)[] => {
    const options = { seed, sizes: { Flows: 4096 } };
    const rig = ServiceRig.create(HOSTS, options).services({ scheduler: 'twos', backends });
    return Array.from({ length: 1600 }, (_, i) => rig.choose(20000 + i));
  };
  const order = draw(3n);
  assert.equal(draw(3n), order);
  assert.not.equal(draw(4n), order);
  const shares = backends.map(({ n }) => order.filter(got => got === n).length / 1600);
  [1 / 8, 2 / 8, 5 / 8].forEach((want, i) => assert.ok(Math.abs(shares[i]! - want) < 0.03));
});

test('sh, mh: a client has its backend, with its port if that is to count', () => {
  for (const scheduler of ['sh', 'mh'] as const) {
    const backends = HOSTS.slice(0, 5).map(n => ({ n }));
    const rig = ServiceRig.create(HOSTS).services({ scheduler, backends });
    const ofClients = new Set<number | undefined>();
    for (let client = 0; client < 60; client++) {
      const source = `198.51.${client}.7`;
      const n = rig.choose(1000, source);
      ofClients.add(n);
      assert.is(rig.choose(1001, source), n);
    }
    assert.is(ofClients.size, 5, scheduler);
    const flag = `${scheduler}-port` as const;
    const byPort = ServiceRig.create(HOSTS).services({ scheduler, flags: [flag], backends });
    const ofPorts = Array.from({ length: 60 }, (_, i) => byPort.choose(1000 + i));
    assert.is(new Set(ofPorts).size, 5, `${scheduler}, by port`);
  }
});

test('sh, mh: whom the hash chooses may be unfit: nobody, or with fallback another', () => {
  for (const scheduler of ['sh', 'mh'] as const) {
    const draw = (isFallback: boolean): (number | undefined)[] => {
      const flags = isFallback ? ([`${scheduler}-fallback`] as const) : [];
      const backends = [{ n: 10, upper: 1 }, { n: 11 }];
      const rig = ServiceRig.create(HOSTS).services({ scheduler, flags, backends });
      return Array.from({ length: 40 }, (_, i) => rig.choose(1000, `198.51.${i}.7`));
    };
    const alone = draw(false);
    assert.ok(alone.includes(undefined), scheduler);
    assert.is(alone.filter(n => n === 10).length, 1);
    const helped = draw(true);
    assert.not(helped.includes(undefined), scheduler);
    assert.is(helped.filter(n => n === 10).length, 1);
  }
});

test('dh, lblc, lblcr: a destination has its backend', () => {
  for (const scheduler of ['dh', 'lblc', 'lblcr'] as const) {
    const backends = HOSTS.slice(0, 4).map(n => ({ n }));
    const rig = ServiceRig.create(HOSTS);
    const vips = Array.from({ length: 40 }, (_, i) => `203.0.113.${100 + i}`);
    rig.services({ scheduler, backends });
    for (const vip of vips) {
      const key = { address: parseIp(vip)!, protocol: 6, port: VIP_PORT, iface: 0 };
      assert.is(rig.zone.core.services.addKey(0, key), 0);
    }
    const first = vips.map((vip, i) => rig.choose(1000 + i, serverIp(CLIENT), vip));
    assert.is(new Set(first).size, 4, scheduler);
    const again = vips.map((vip, i) => rig.choose(3000 + i, serverIp(CLIENT), vip));
    assert.equal(again, first, scheduler);
  }
});

test('lblc moves a destination, lblcr shares it, when its backend is busy and another idle', () => {
  for (const scheduler of ['lblc', 'lblcr'] as const) {
    const backends = HOSTS.slice(0, 2).map(n => ({ n, weight: 4 }));
    const rig = ServiceRig.create(HOSTS).services({ scheduler, backends, protocol: 'udp' });
    const order = Array.from({ length: 8 }, (_, i) =>
      hostNumber(seen(rig.send(rig.fromClient().udp(1000 + i, VIP_PORT)).sent[0]!)),
    );
    // More than four active at the first: the second, which has less than two, is asked.
    assert.equal(order.slice(0, 5), [10, 10, 10, 10, 10], scheduler);
    assert.equal(order.slice(5), [11, 11, 11], scheduler);
  }
});

test.run();
