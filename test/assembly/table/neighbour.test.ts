/** The neighbours against a Map, and how full the table gets. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Region, SegmentCounter, Status } from '../../../assembly/abi.js';
import { formatIpv4, formatIpv6, parseIp } from '../../../src/frame/address.js';
import type { Neighbour } from '../../../src/neighbour-table.js';
import { macNumber } from '../../support/frame.js';
import { seededRandom } from '../../support/random.js';
import { TestSwitch } from '../../support/test-switch.js';

const random = seededRandom('neighbour');

function table(entries: number, seed = 1n): TestSwitch {
  const build = entries > 10000 ? 'release' : 'test';
  return TestSwitch.create({ seed, build, segments: 3, capacities: { Neighbours: entries } });
}

function neighbour(ip: string, changes: Partial<Neighbour> = {}): Neighbour {
  return { ip: parseIp(ip)!, domain: 1, mac: macNumber(9), isRouter: false, ...changes };
}

const textOf = ({ ip, domain, mac, isRouter }: Neighbour): string =>
  `${domain} ${ip.length === 4 ? formatIpv4(ip) : formatIpv6(ip)} ${mac.toString(16)} ${isRouter}`;
const all = (to: TestSwitch): string[] => [...to.core.neighbours.entries()].map(textOf).sort();

test('neighbour: both families are kept as given, apart by domain', () => {
  const to = table(16);
  const entries = [
    neighbour('10.0.0.2'),
    neighbour('10.0.0.2', { domain: 2, mac: macNumber(8) }),
    neighbour('fd00::2', { isRouter: true }),
    neighbour('::ffff:10.0.0.2'),
    neighbour('::10.0.0.2'),
    neighbour('255.255.255.255'),
    neighbour('0.0.0.0'),
  ];
  for (const entry of entries) assert.is(to.core.neighbours.insert(entry), Status.Ok);
  assert.equal(all(to), entries.map(textOf).sort());
});

test('neighbour: an address that is there already takes the new MAC and flags', () => {
  const to = table(1);
  to.core.neighbours.insert(neighbour('fd00::2', { isRouter: true }));
  const changed = neighbour('fd00::2', { mac: macNumber(8) });
  assert.is(to.core.neighbours.insert(changed), Status.Ok);
  assert.equal(all(to), [textOf(changed)]);
});

test('neighbour: what no neighbour can be is refused', () => {
  const { neighbours } = table(16).core;
  const refused = (entry: Neighbour): void => {
    assert.is(neighbours.insert(entry), Status.OutOfRange, textOf(entry));
  };
  refused(neighbour('ff02::1'));
  refused(neighbour('10.0.0.2', { mac: 0n }));
  refused(neighbour('10.0.0.2', { mac: 0x010000000001n }));
  for (const domain of [0, 4, 64, 65, 65535]) refused(neighbour('10.0.0.2', { domain }));
  assert.equal([...neighbours.entries()], []);
});

test('neighbour: one that is not there, or was removed, is not found', () => {
  const to = table(16);
  const { neighbours } = to.core;
  const ip = parseIp('10.0.0.2')!;
  neighbours.insert(neighbour('10.0.0.2'));
  assert.is(neighbours.remove(ip, 2), Status.NotFound);
  assert.is(neighbours.remove(ip, 1), Status.Ok);
  assert.is(neighbours.remove(ip, 1), Status.NotFound);
  // A free place has domain 0, and still the address.
  assert.is(neighbours.remove(ip, 0), Status.NotFound);
  assert.equal(all(to), []);
});

test('neighbour: a full table refuses, and counts it', () => {
  const to = table(8);
  for (let i = 1; i <= 8; i++) {
    assert.is(to.core.neighbours.insert(neighbour(`10.0.0.${i}`)), Status.Ok);
  }
  assert.is(to.core.neighbours.insert(neighbour('10.0.0.9', { domain: 2 })), Status.Full);
  assert.is(to.core.segmentCounter(1, SegmentCounter.NeighboursRefused), 1n);
  assert.is(to.core.neighbours.insert(neighbour('10.0.0.8')), Status.Ok, 'one that is there');
  to.core.neighbours.remove(parseIp('10.0.0.1')!, 1);
  assert.is(to.core.neighbours.insert(neighbour('10.0.0.9')), Status.Ok);
  assert.is(all(to).length, 8);
});

test('neighbour: a table of no entries refuses all', () => {
  assert.is(table(0).core.neighbours.insert(neighbour('10.0.0.1')), Status.Full);
});

/** Orders of addresses that operators use. */
const ORDERS: Record<string, (i: number) => Uint8Array> = {
  'IPv4, last byte first': i => Uint8Array.of(10, i >> 16, i >> 8, i),
  'IPv4, first byte first': i => Uint8Array.of(i, i >> 8, i >> 16, 1),
  'IPv6, last byte first': i => Uint8Array.of(0xfd, ...Array(12).fill(0), i >> 16, i >> 8, i),
  'IPv6, last byte of a /64 first': i =>
    Uint8Array.of(0xfd, 0, 0, 0, 0, i >> 16, i >> 8, i, ...Array(7).fill(0), 1),
  'IPv6, first byte first': i => Uint8Array.of(0xfd, i, i >> 8, i >> 16, ...Array(11).fill(0), 1),
};

for (const [name, order] of Object.entries(ORDERS)) {
  test(`neighbour: 65536 addresses, ${name}, all find a place`, () => {
    const to = table(65536, BigInt(random(1 << 30)));
    let failed = 0;
    for (let i = 0; i < 65536; i++) {
      const entry = { ...neighbour('::'), ip: order(i) };
      if (to.core.neighbours.insert(entry) !== Status.Ok) failed++;
    }
    assert.is(failed, 0);
    for (let i = 0; i < 65536; i += 97) {
      assert.is(to.core.neighbours.remove(order(i), 1), Status.Ok);
    }
  });
}

test('neighbour: the bytes an entry takes are those documented', () => {
  const bytes = (to: TestSwitch): number => to.core.end - to.core.region(Region.Rx);
  const perEntry = (bytes(table(65536)) - bytes(table(0))) / 65536;
  console.log(`neighbour: 65536 entries: ${perEntry.toFixed(1)} B/entry`);
  assert.ok(perEntry <= 128);
});

type Model = Map<string, Neighbour>;
const keyOf = ({ ip, domain }: Pick<Neighbour, 'ip' | 'domain'>): string => `${domain} ${ip}`;

function randomIp(): Uint8Array {
  const last = random(100);
  return parseIp(random(2) === 0 ? `10.0.0.${last}` : `fd00::${last}`)!;
}

/** One random change to both. */
function change(to: TestSwitch, model: Model): void {
  const { neighbours } = to.core;
  const key = { ip: randomIp(), domain: 1 + random(3) };
  const what = random(1000);
  if (what < 650) {
    const entry = { ...key, mac: macNumber(random(1 << 30)), isRouter: random(2) === 0 };
    const made = neighbours.insert(entry);
    if (made === Status.Ok) model.set(keyOf(key), entry);
    else assert.ok(model.size > 380 && !model.has(keyOf(key)), 'refused too early');
  } else if (what < 999) {
    const was = model.delete(keyOf(key));
    assert.is(neighbours.remove(key.ip, key.domain), was ? Status.Ok : Status.NotFound);
  } else {
    const gone = [...model.values()].filter(({ domain }) => domain === key.domain);
    for (const entry of gone) model.delete(keyOf(entry));
    assert.is(neighbours.flush(key.domain), gone.length);
  }
}

test('neighbour: random changes agree with a Map', () => {
  const to = table(400, BigInt(random(1 << 30)));
  const model: Model = new Map();
  for (let i = 0; i < 20000; i++) {
    change(to, model);
    if (i % 500 === 0) assert.equal(all(to), [...model.values()].map(textOf).sort());
  }
  assert.is(to.core.neighbours.flush(), model.size);
  assert.equal(all(to), []);
});

test('neighbour: a walk of more than scratch holds gives each once', () => {
  const to = table(5000);
  for (let i = 0; i < 5000; i++) {
    to.core.neighbours.insert({ ...neighbour('::'), ip: Uint8Array.of(10, 0, i >> 8, i) });
  }
  assert.is(new Set(all(to)).size, 5000);
});

test('neighbour: the layout depends on the seed and on nothing else', () => {
  const layout = (seed: bigint): string => {
    const to = table(1024, seed);
    for (let i = 0; i < 200; i++) to.core.neighbours.insert(neighbour(`10.0.1.${i}`));
    return [...to.core.neighbours.entries()].map(textOf).join();
  };
  assert.is(layout(7n), layout(7n));
  assert.is.not(layout(7n), layout(8n));
  assert.is.not(layout(1n << 40n), layout(1n << 41n));
});

test.run();
