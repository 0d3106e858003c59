/**
 * Routes against a plain list that is searched from end to end: nested prefixes, both
 * families, many zones, and what a full table and a removed route leave behind.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatIpv4, formatIpv6, parseIp } from '../../../src/frame/address.js';
import { seededRandom } from '../../support/random.js';
import { Unit, type UnitBuild } from '../../support/unit.js';

const random = seededRandom('route');
const ADDRESS_BYTES = 16;
const RECORD_BYTES = 32;

interface Prefix {
  zone: number;
  ip: Uint8Array;
  bits: number;
}
interface Route extends Prefix {
  value: number;
}

const familyOf = (ip: Uint8Array): number => (ip.length === 4 ? 4 : 6);
const format = (ip: Uint8Array): string => (ip.length === 4 ? formatIpv4(ip) : formatIpv6(ip));

/** The first `bits` bits of an address, zeros behind. */
function masked(ip: Uint8Array, bits: number): Uint8Array {
  return ip.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff);
}

function textOf({ zone, ip, bits, value }: Route): string {
  return `${zone} ${format(masked(ip, bits))}/${bits} ${value}`;
}

/** `'10.0.0.0/8'` in a zone. */
function prefix(text: string, zone = 0): Prefix {
  const [ip, bits] = text.split('/');
  return { zone, ip: parseIp(ip!)!, bits: Number(bits) };
}

class Table {
  private constructor(
    private readonly unit: Unit,
    private readonly table: number,
    private readonly ip: number,
    private readonly record: number,
  ) {}

  static create(routes: number, zones = 4, build: UnitBuild = 'test'): Table {
    const unit = Unit.create(build, 32 << 20);
    const table = unit.place(new Uint8Array(unit.call('routesBytes', routes, zones)));
    unit.call('createRoutes', table, routes, zones);
    return new Table(unit, table, unit.place(ADDRESS_BYTES), unit.place(RECORD_BYTES));
  }

  insert({ zone, ip, bits }: Prefix, value: number): boolean {
    const at = this.placed(ip);
    return this.unit.call('insertRoute', this.table, zone, at, bits, familyOf(ip), value) === 1;
  }

  remove({ zone, ip, bits }: Prefix): boolean {
    return (
      this.unit.call('removeRoute', this.table, zone, this.placed(ip), bits, familyOf(ip)) === 1
    );
  }

  /** Value, and length of the prefix. */
  lookup(ip: Uint8Array, zone = 0): [number, number] {
    const value = this.unit.call('lookupRoute', this.table, zone, this.placed(ip), familyOf(ip));
    return [value, this.unit.call('hitBits', this.table)];
  }

  find(text: string, zone = 0): [number, number] {
    return this.lookup(parseIp(text)!, zone);
  }

  flush(zone: number): number {
    return this.unit.call('flushRoutes', this.table, zone);
  }

  get routes(): number {
    return this.unit.call('routesUsed', this.table);
  }

  get nodes(): number {
    return this.unit.call('routeNodesUsed', this.table);
  }

  *walk(): Generator<Route> {
    for (let row = 0; ;) {
      row = this.unit.call('nextRoute', this.table, row, this.record);
      if (row === 0) return;
      const [zone, family, bits, value] = this.unit.readWords(this.record + ADDRESS_BYTES, 4);
      const ip = this.unit.read(this.record, family === 4 ? 4 : 16);
      yield { zone: zone!, ip, bits: bits!, value: value! };
    }
  }

  all(): string[] {
    return [...this.walk()].map(textOf).sort();
  }

  /** ns a lookup, of addresses of one family. */
  time(ips: readonly Uint8Array[], family: number): number {
    const bytes = new Uint8Array(ips.length * ADDRESS_BYTES);
    ips.forEach((ip, i) => bytes.set(ip, i * ADDRESS_BYTES));
    const at = this.unit.place(bytes);
    const started = process.hrtime.bigint();
    this.unit.call('lookupRoutes', this.table, 0, at, ips.length, family);
    return Number(process.hrtime.bigint() - started) / ips.length;
  }

  /** Bytes that were free before hold what was there. */
  private placed(ip: Uint8Array): number {
    this.unit.bytes.fill(0xa5, this.ip, this.ip + ADDRESS_BYTES);
    this.unit.bytes.set(ip, this.ip);
    return this.ip;
  }
}

test('route: the longest prefix wins, in whatever order they came', () => {
  const prefixes = ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3/32'];
  for (const order of [prefixes, [...prefixes].reverse()]) {
    const table = Table.create(5);
    for (const text of order) assert.ok(table.insert(prefix(text), prefix(text).bits + 1));
    assert.equal(table.find('10.1.2.3'), [33, 32]);
    assert.equal(table.find('10.1.2.4'), [25, 24]);
    assert.equal(table.find('10.1.3.3'), [17, 16]);
    assert.equal(table.find('10.2.0.0'), [9, 8]);
    assert.equal(table.find('11.0.0.0'), [1, 0]);
    assert.equal(table.find('2001:db8::1'), [0, 0]);
  }
});

test('route: IPv6 has all lengths, beside IPv4', () => {
  const table = Table.create(8);
  table.insert(prefix('::/0'), 1);
  table.insert(prefix('2001:db8::/64'), 2);
  table.insert(prefix('2001:db8::/65'), 3);
  table.insert(prefix('2001:db8::8000:0:0:1/128'), 4);
  table.insert(prefix('0.0.0.0/0'), 5);
  assert.equal(table.find('2001:db8::1'), [3, 65]);
  assert.equal(table.find('2001:db8::8000:0:0:0'), [2, 64]);
  assert.equal(table.find('2001:db8::8000:0:0:1'), [4, 128]);
  assert.equal(table.find('2001:db9::'), [1, 0]);
  assert.equal(table.find('32.1.13.184'), [5, 0]);
});

test('route: a prefix of group addresses is listed in its family', () => {
  const table = Table.create(2);
  table.insert(prefix('ff00::/8'), 1);
  table.insert(prefix('224.0.0.0/4'), 2);
  assert.equal(table.find('ff02::1'), [1, 8]);
  assert.equal(table.find('239.1.1.1'), [2, 4]);
  assert.equal(table.all(), ['0 224.0.0.0/4 2', '0 ff00::/8 1']);
});

test('route: zones do not see each other', () => {
  const table = Table.create(4, 64);
  table.insert(prefix('10.0.0.0/8', 1), 1);
  table.insert(prefix('10.0.0.0/8', 63), 2);
  assert.equal(table.find('10.0.0.1', 1), [1, 8]);
  assert.equal(table.find('10.0.0.1', 63), [2, 8]);
  assert.equal(table.find('10.0.0.1', 0), [0, 0]);
  assert.equal(table.find('10.0.0.1', 2), [0, 0]);
});

test('route: one that is there takes the new value; bits behind the prefix do not matter', () => {
  const table = Table.create(1);
  assert.ok(table.insert(prefix('10.0.0.0/8'), 1));
  assert.ok(table.insert(prefix('10.255.1.2/8'), 7));
  assert.equal(table.all(), ['0 10.0.0.0/8 7']);
  assert.ok(table.remove(prefix('10.9.9.9/8')));
  assert.equal(table.all(), []);
});

test('route: only a route of just this prefix is removed', () => {
  const table = Table.create(4);
  table.insert(prefix('10.0.0.0/24'), 1);
  table.insert(prefix('10.0.1.0/24'), 2);
  for (const text of ['10.0.0.0/23', '10.0.0.0/22', '10.0.0.0/25', '10.0.2.0/24', '0.0.0.0/0']) {
    assert.not(table.remove(prefix(text)), text);
  }
  assert.not(table.remove(prefix('10.0.0.0/24', 1)));
  assert.is(table.routes, 2);
  assert.not(table.remove(prefix('a00::/24')));
});

test('route: a full table refuses a route, and a route in the place of a fork', () => {
  const table = Table.create(2);
  assert.ok(table.insert(prefix('10.0.0.0/24'), 1));
  assert.ok(table.insert(prefix('10.0.1.0/24'), 2));
  assert.not(table.insert(prefix('10.0.2.0/24'), 3));
  assert.not(table.insert(prefix('10.0.0.0/23'), 3), 'both hang from a node with this prefix');
  assert.ok(table.insert(prefix('10.0.1.0/24'), 4), 'one that is there');
  assert.equal(table.all(), ['0 10.0.0.0/24 1', '0 10.0.1.0/24 4']);
  assert.equal(table.find('10.0.2.1'), [0, 0]);
  assert.ok(table.remove(prefix('10.0.0.0/24')));
  assert.ok(table.insert(prefix('10.0.0.0/23'), 3));
  assert.equal(table.find('10.0.0.1'), [3, 23]);
});

test('route: a table of no routes refuses all', () => {
  const table = Table.create(0);
  assert.not(table.insert(prefix('0.0.0.0/0'), 1));
  assert.equal(table.find('10.0.0.1'), [0, 0]);
});

test('route: a walk meets what stays once, while others come and go', () => {
  const table = Table.create(200);
  for (let i = 0; i < 100; i++) table.insert(prefix(`10.0.${i}.0/24`), 1 + i);
  const met: string[] = [];
  let i = 0;
  for (const route of table.walk()) {
    if (route.ip[0] === 10 && route.ip[2]! % 2 === 0) met.push(textOf(route));
    if (i < 100 && i % 2 === 1) table.remove(prefix(`10.0.${i}.0/24`));
    if (i < 100) table.insert(prefix(`11.0.${i}.0/24`), 1);
    i++;
  }
  const stayed = Array.from({ length: 50 }, (_, k) => `0 10.0.${2 * k}.0/24 ${1 + 2 * k}`);
  assert.equal(met.sort(), stayed.sort());
});

/** Addresses near each other, so that prefixes nest and meet. */
function randomIp(): Uint8Array {
  if (random(2) === 0) return Uint8Array.of(10, random(3), random(256), random(256));
  const ip = new Uint8Array(16).map((_, i) => (random(4) === 0 ? random(256) : i));
  return ip.fill(0xfd, 0, 1 + random(9));
}

const keyOf = ({ zone, ip, bits }: Prefix): string => `${zone} ${masked(ip, bits)}/${bits}`;

/** The longest prefix in a list. */
function longest(model: Map<string, Route>, ip: Uint8Array, zone: number): [number, number] {
  let best: [number, number] = [0, 0];
  for (const route of model.values()) {
    if (route.zone !== zone || route.ip.length !== ip.length) continue;
    if (format(masked(ip, route.bits)) !== format(masked(route.ip, route.bits))) continue;
    if (best[0] === 0 || route.bits > best[1]) best = [route.value, route.bits];
  }
  return best;
}

/** A prefix: a new one, or one that is there, or one around it. */
function randomPrefix(model: Map<string, Route>): Prefix {
  const known = [...model.values()];
  if (known.length > 0 && random(3) === 0) {
    const { zone, ip, bits } = known[random(known.length)]!;
    return { zone, ip, bits: random(2) === 0 ? bits : random(bits + 1) };
  }
  const ip = randomIp();
  const bits = random(20) === 0 ? 0 : random(8 * ip.length + 1);
  return { zone: random(3), ip, bits };
}

test('route: random changes agree with a list', () => {
  const most = 120;
  const table = Table.create(most, 3);
  const model = new Map<string, Route>();
  for (let i = 0; i < 12000; i++) {
    const key = randomPrefix(model);
    const isKnown = model.has(keyOf(key));
    if (random(100) < (i % 4000 < 2000 ? 60 : 35)) {
      const value = 1 + random(1 << 20);
      const isTaken = isKnown || model.size < most;
      assert.is(table.insert(key, value), isTaken, keyOf(key));
      if (isTaken) model.set(keyOf(key), { ...key, value });
    } else {
      assert.is(table.remove(key), isKnown, keyOf(key));
      model.delete(keyOf(key));
    }
    assert.ok(table.nodes <= Math.max(0, 2 * model.size - 1), `${table.nodes} of ${model.size}`);
    const { zone, ip } = randomPrefix(model);
    assert.equal(table.lookup(ip, zone), longest(model, ip, zone), format(ip));
    if (i % 500 === 0) assert.equal(table.all(), [...model.values()].map(textOf).sort());
  }
  const inZone = [...model.values()].filter(({ zone }) => zone === 1).length;
  assert.is(table.flush(1), inZone);
  for (const route of model.values()) if (route.zone !== 1) assert.ok(table.remove(route));
  assert.is(table.nodes, 0, 'nodes leaked');
  assert.is(table.routes, 0);
});

/** What operators have: subnets of one block, spread prefixes, single addresses. */
const ORDERS: Record<string, (i: number) => Prefix> = {
  'IPv4, subnets in a row': i => ({
    zone: 0,
    ip: Uint8Array.of(10 + (i >> 16), i >> 8, i, 0),
    bits: 24,
  }),
  'IPv4, spread': () => ({ zone: 0, ip: spread(4), bits: 12 + random(21) }),
  'IPv6, subnets in a row': i => ({
    zone: 0,
    ip: Uint8Array.of(0xfd, 0, 0, 0, 0, i >> 16, i >> 8, i, ...Array(8).fill(0)),
    bits: 64,
  }),
  'IPv6, spread': () => ({ zone: 0, ip: spread(16), bits: 32 + random(97) }),
};
const spread = (bytes: number): Uint8Array => new Uint8Array(bytes).map(() => random(256));

for (const [name, order] of Object.entries(ORDERS)) {
  test(`route: 100000 routes, ${name}: all find a place, and leave nothing behind`, () => {
    const table = Table.create(100000, 64, 'release');
    const prefixes = new Map<string, Prefix>();
    for (let i = 0; prefixes.size < 100000; i++) {
      const one = order(i);
      prefixes.set(keyOf(one), one);
    }
    for (const one of prefixes.values()) assert.ok(table.insert(one, 1 + one.bits));
    const ips = [...prefixes.values()].map(({ ip }) => ip);
    for (let i = 0; i < 100000; i += 97) assert.ok(table.lookup(ips[i]!)[0] !== 0);
    const nodes = table.nodes;
    const ns = table.time(ips, ips[0]!.length === 4 ? 4 : 6);
    console.log(`route: ${name}: ${(nodes * 32) / 100000} B a route, ${ns.toFixed(0)} ns`);
    for (const one of prefixes.values()) assert.ok(table.remove(one));
    assert.is(table.nodes, 0);
  });
}

test('route: the bytes of a route are those documented', () => {
  const unit = Unit.create('test');
  const bytes = (routes: number): number => unit.call('routesBytes', routes, 64);
  assert.is((bytes(100000) - bytes(0)) / 100000, 64);
});

test.run();
