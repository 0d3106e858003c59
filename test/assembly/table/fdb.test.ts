/**
 * The forwarding database against a Map, and how full it gets: measures that no insert
 * fails below the limit, for addresses in every regular order a stranger may choose.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FdbKind, Region, SegmentCounter, SegmentOption, Status } from '../../../assembly/abi.js';
import type { FdbEntry } from '../../../src/core.js';
import { eth, macNumber } from '../../support/frame.js';
import { portsOf } from '../../support/expect.js';
import { seededRandom } from '../../support/random.js';
import { TestSwitch } from '../../support/test-switch.js';

const random = seededRandom('fdb');

function table(entries: number, seed: bigint): TestSwitch {
  const build = entries > 10000 ? 'release' : 'test';
  return TestSwitch.create({ seed, build, capacities: { FdbEntries: entries, Domains: 64 } });
}

const entryAt = (mac: bigint, domain = 1, port = 1): Omit<FdbEntry, 'ageMs'> => ({
  mac,
  domain,
  port,
  kind: FdbKind.Static,
});

/** Orders of 48-bit addresses: what somebody who wants collisions would try first. */
const ORDERS: Record<string, (i: number) => bigint> = {
  'last byte first': i => 0x020000000000n + BigInt(i),
  'first byte first': i => (BigInt(i & 0xff) << 41n) | BigInt(i >> 8) | 0x10000n,
  'steps of 2^16': i => BigInt(i + 1) << 16n,
  'steps of 2^24': i => (BigInt(i & 0xffffff) << 24n) | BigInt(i >> 24) | 1n,
  'bits reversed': i => BigInt(reversed(i)) << 9n,
};

function reversed(i: number): number {
  let out = 0;
  for (let bit = 0; bit < 32; bit++) out = (out << 1) | ((i >>> bit) & 1);
  return out >>> 0;
}

/** Inserts up to the limit; how many found no place. */
function fill(to: TestSwitch, entries: number, order: (i: number) => bigint): number {
  let failed = 0;
  for (let i = 0; i < entries; i++) {
    if (to.core.fdbInsert(entryAt(order(i) || 1n)) !== Status.Ok) failed++;
  }
  return failed;
}

function report(entries: number, what: string, to: TestSwitch, failed: number): void {
  const bytes = to.core.end - to.core.region(Region.Rx);
  const empty = table(1, 1n).core;
  const perEntry = (bytes - (empty.end - empty.region(Region.Rx))) / entries;
  console.log(`fdb: ${entries} ${what}: ${failed} found no place, ${perEntry.toFixed(1)} B/entry`);
}

for (const [name, order] of Object.entries(ORDERS)) {
  test(`fdb: 131072 addresses, ${name}, all find a place`, () => {
    for (let round = 0; round < 2; round++) {
      const to = table(131072, BigInt(random(1 << 30)));
      const failed = fill(to, 131072, order);
      report(131072, name, to, failed);
      assert.is(failed, 0);
    }
  });
}

test('fdb: a million addresses all find a place, and each is found', () => {
  const entries = 1048576;
  const to = table(entries, BigInt(random(1 << 30)));
  const failed = fill(to, entries, ORDERS['last byte first']!);
  report(entries, 'last byte first', to, failed);
  assert.is(failed, 0);
  assert.is(to.core.fdbInsert(entryAt(1n)), Status.Full);
  for (let i = 0; i < entries; i += 97) {
    assert.is(to.core.fdbRemove(ORDERS['last byte first']!(i), 1), Status.Ok);
  }
});

test('fdb: the same 32 addresses in each of 2048 domains find a place, whatever the seed', () => {
  const [hosts, domains] = [32, 2048];
  const capacities = { FdbEntries: hosts * domains, Domains: domains + 1 };
  for (let round = 0; round < 12; round++) {
    const seed = BigInt(random(1 << 30));
    const { core } = TestSwitch.create({ seed, build: 'release', capacities });
    let failed = 0;
    for (let domain = 1; domain <= domains; domain++) {
      core.configureSegment(0, SegmentOption.Domain, domain);
      for (let host = 0; host < hosts; host++) {
        const entry = entryAt(0x0242ac110002n + BigInt(host), domain);
        if (core.fdbInsert(entry) !== Status.Ok) failed++;
      }
    }
    // Random numbers leave one of 65536 without a place in one table of 1500.
    assert.ok(failed <= 1, `seed ${seed}: ${failed}`);
  }
});

test('fdb: random addresses fill small tables of every size to the limit', () => {
  for (let entries = 1; entries <= 300; entries++) {
    const to = table(entries, BigInt(random(1 << 30)));
    let inserted = 0;
    for (let i = 0; i < entries; i++) {
      const mac = (BigInt(random(1 << 24)) << 24n) | BigInt(i + 1);
      if (to.core.fdbInsert(entryAt(mac)) === Status.Ok) inserted++;
    }
    // Tiny tables have few buckets, so now and then one address finds both of its full.
    assert.ok(inserted >= entries - 1, `${inserted} of ${entries}`);
    assert.is([...to.core.fdbEntries()].length, inserted);
  }
});

test('fdb: a full table is refused and counted, and frames still pass', () => {
  const to = table(16, 5n);
  for (let host = 1; host <= 16; host++) to.inject(1, eth(host));
  assert.is(to.core.segmentCounter(0, SegmentCounter.Refused), 0n);
  assert.is(to.core.fdbInsert(entryAt(99n)), Status.Full);
  assert.equal(portsOf(to.inject(1, eth(17))), [2, 3]);
  assert.is(to.core.segmentCounter(0, SegmentCounter.Refused), 1n);
  assert.is(to.core.segmentCounter(0, SegmentCounter.Entries), 16n);
  to.core.fdbRemove(macNumber(1), 1);
  to.inject(1, eth(17));
  assert.is(to.core.segmentCounter(0, SegmentCounter.Entries), 16n);
});

type Model = Map<string, FdbEntry>;
const keyOf = ({ mac, domain }: { mac: bigint; domain: number }) => `${domain}/${mac}`;

/** One random change to both. */
function change(to: TestSwitch, model: Model): void {
  const mac = BigInt(1 + random(400));
  const domain = 1 + random(3);
  const what = random(100);
  if (what < 60) {
    const kind: FdbKind = random(3);
    const port = kind === FdbKind.Permanent ? to.capacities.Ports : domain;
    const entry = { mac, domain, port, kind };
    const made = to.core.fdbInsert(entry);
    if (made === Status.Ok) model.set(keyOf(entry), { ...entry, ageMs: 0 });
    else assert.ok(model.size > 500 && !model.has(keyOf(entry)), 'refused too early');
  } else if (what < 99) {
    const was = model.delete(keyOf({ mac, domain }));
    assert.is(to.core.fdbRemove(mac, domain), was ? Status.Ok : Status.NotFound);
  } else {
    flush(to, model);
  }
}

function flush(to: TestSwitch, model: Model): void {
  const [port, domain, all] = [1 + random(3), 1 + random(3), random(2) === 0];
  const gone = [...model.values()].filter(
    entry =>
      entry.port === port && entry.domain === domain && (all || entry.kind === FdbKind.Dynamic),
  );
  for (const entry of gone) model.delete(keyOf(entry));
  assert.is(to.core.fdbFlush({ port, domain, all }), gone.length);
}

function compare(to: TestSwitch, model: Model): void {
  const text = (entry: FdbEntry) => `${keyOf(entry)} ${entry.port} ${FdbKind[entry.kind]}`;
  const entries = [...to.core.fdbEntries()].map(text).sort();
  assert.equal(entries, [...model.values()].map(text).sort());
  for (let segment = 0; segment < 3; segment++) {
    const dynamic = [...model.values()].filter(
      ({ domain, kind }) => domain === segment + 1 && kind === FdbKind.Dynamic,
    );
    const counted = to.core.segmentCounter(segment, SegmentCounter.Entries);
    assert.is(counted, BigInt(dynamic.length), 'learned entries');
  }
}

test('fdb: random inserts, removals and flushes agree with a Map', () => {
  const capacities = { FdbEntries: 600, Domains: 64 };
  const to = TestSwitch.create({ segments: 3, seed: BigInt(random(1 << 30)), capacities });
  to.port(2, { Segment: 2 }).port(3, { Segment: 3 });
  const model: Model = new Map();
  for (let i = 0; i < 20000; i++) {
    change(to, model);
    if (i % 500 === 0) compare(to, model);
  }
  compare(to, model);
});

test('fdb: the layout depends on the seed and on nothing else', () => {
  const layout = (seed: bigint) => {
    const to = table(1024, seed);
    fill(to, 200, ORDERS['last byte first']!);
    return [...to.core.fdbEntries()].map(({ mac }) => mac).join();
  };
  assert.is(layout(7n), layout(7n));
  assert.is.not(layout(7n), layout(8n));
  assert.is.not(layout(1n << 40n), layout(1n << 41n));
});

test.run();
