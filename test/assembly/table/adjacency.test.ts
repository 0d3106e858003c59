/** The neighbours of router interfaces against a Map, and what a full table gives up. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Status } from '../../../assembly/abi.js';
import { AdjacentRig } from '../../support/adjacent-rig.js';
import { seededRandom } from '../../support/random.js';

const random = seededRandom('adjacency');

test('adjacency: one is made for an address of an interface, and found again', () => {
  const rig = AdjacentRig.create({ rows: 32 });
  const ips = ['10.0.0.2', '10.0.0.3', 'fd00::2', 'fe80::2', '::', '0.0.0.0'];
  const made = ips.flatMap(ip => [rig.to(ip, 0), rig.to(ip, 1)]);
  assert.is(new Set(made).size, 12, 'apart by address and interface');
  assert.not(made.includes(0));
  const found = ips.flatMap(ip => [rig.find(ip, 0), rig.find(ip, 1)]);
  assert.equal(found, made);
  assert.equal(
    ips.map(ip => rig.to(ip)),
    ips.map(ip => rig.find(ip)),
  );
  assert.is(rig.table.used, 12);
  assert.is(rig.find('10.0.0.4'), 0);
  assert.is(rig.read(made[0]!)!.state, 'Incomplete');
});

test('adjacency: a reference does not name the next neighbour in its row', () => {
  const rig = AdjacentRig.create({ rows: 1 });
  const first = rig.to('10.0.0.2');
  rig.call('removeAdjacency', first);
  assert.is(rig.read(first), undefined);
  rig.seconds(1); // the list lets go of the row
  const second = rig.to('10.0.0.3');
  assert.is(second & 0xffff, first & 0xffff, 'the same row');
  assert.is(rig.read(first), undefined);
  assert.is(rig.read(second)!.state, 'Incomplete');
  for (const nobody of [0, 2, 0xffff, second + 0x10000]) assert.is(rig.read(nobody), undefined);
});

test('adjacency: another MAC address is written, and its place forgotten', () => {
  const rig = AdjacentRig.create();
  const neighbour = rig.to('10.0.0.2');
  rig.confirm(neighbour, 2);
  rig.call('placeAdjacency', neighbour, 7);
  rig.confirm(neighbour, 2);
  rig.learn(neighbour, 2);
  assert.equal(rig.read(neighbour), {
    state: 'Reachable',
    waiting: 0,
    asks: 0,
    mac: '020000000002',
    isOpen: true,
    place: 7,
  });
  rig.learn(neighbour, 3);
  const { state, mac, place } = rig.read(neighbour)!;
  assert.equal([state, mac, place], ['Stale', '020000000003', 0]);
});

test('adjacency: what was configured is not learned otherwise', () => {
  const rig = AdjacentRig.create();
  assert.is(rig.insert('10.0.0.2', 2), Status.Ok);
  const neighbour = rig.find('10.0.0.2');
  rig.learn(neighbour, 3);
  rig.confirm(neighbour, 3);
  rig.call('useAdjacency', neighbour);
  rig.seconds(120);
  assert.is(rig.read(neighbour)!.mac, '020000000002');
  assert.is(rig.state('10.0.0.2'), 'Permanent');
});

test('adjacency: an unsound neighbour is not configured', () => {
  const rig = AdjacentRig.create({ rows: 1 });
  assert.is(rig.insert('10.0.0.2', 0), Status.OutOfRange);
  assert.is(rig.insert('10.0.0.2', '01:00:5e:00:00:01'), Status.OutOfRange);
  assert.is(rig.insert('ff02::1', 2), Status.OutOfRange);
  assert.is(rig.insert('10.0.0.1', 2), Status.OutOfRange, 'an address of the interface');
  assert.is(rig.remove('10.0.0.2'), Status.NotFound);
  assert.is(rig.insert('10.0.0.2', 2), Status.Ok);
  assert.is(rig.insert('10.0.0.3', 2), Status.Full);
  assert.is(rig.insert('10.0.0.2', 3), Status.Ok, 'one that is there');
  assert.is(rig.remove('10.0.0.2', 1), Status.NotFound);
  assert.is(rig.remove('10.0.0.2'), Status.Ok);
  assert.equal(rig.walk(), []);
});

test('adjacency: an interface loses its neighbours, no other one does', () => {
  const rig = AdjacentRig.create();
  rig.insert('10.0.0.2', 2);
  rig.to('fd00::2');
  rig.to('fd00::2', 1);
  assert.is(rig.flush(0), 2);
  assert.equal(rig.walk(), ['1 fd00::2 Incomplete']);
  assert.is(rig.table.used, 1);
});

test('adjacency: a full table refuses when all are of use, and counts it', () => {
  const rig = AdjacentRig.create({ rows: 3 });
  rig.insert('10.0.0.2', 2);
  rig.confirm(rig.to('10.0.0.3'), 3);
  rig.to('10.0.0.4');
  assert.is(rig.to('10.0.0.5'), 0);
  assert.equal([rig.table.used, rig.table.refused, rig.table.reclaimed], [3, 1, 0]);
  assert.not.equal(rig.to('10.0.0.4'), 0, 'one that is there');
});

test('adjacency: a full table gives up one that did not answer first', () => {
  const rig = AdjacentRig.create({ rows: 3 });
  const stale = rig.to('10.0.0.2');
  rig.learn(stale, 2);
  rig.confirm(rig.to('10.0.0.3'), 3);
  const failed = rig.to('10.0.0.4');
  rig.seconds(4);
  assert.is(rig.state('10.0.0.4'), 'Failed');
  const made = rig.to('10.0.0.5');
  assert.is(made & 0xffff, failed & 0xffff);
  assert.is(rig.read(failed), undefined);
  assert.is(rig.read(stale)!.state, 'Stale');
  assert.is(rig.table.reclaimed, 1);
});

test('adjacency: of those unconfirmed it gives up one that was not used', () => {
  const rig = AdjacentRig.create({ rows: 3 });
  const ips = ['10.0.0.2', '10.0.0.3', '10.0.0.4'];
  for (const [i, ip] of ips.entries()) rig.learn(rig.to(ip), 2 + i);
  rig.attend(); // the list lets go of them
  assert.not.equal(rig.to('fd00::1:1'), 0, 'all were used: the first one goes');
  rig.learn(rig.find('fd00::1:1'), 9);
  rig.attend();
  // The hand spared the others once. 10.0.0.3 is used since.
  assert.equal(
    ips.map(ip => rig.state(ip)),
    ['None', 'Stale', 'Stale'],
  );
  rig.to('10.0.0.3');
  rig.to('fd00::1:2');
  assert.equal(
    ips.map(ip => rig.state(ip)),
    ['None', 'Stale', 'None'],
  );
});

test('adjacency: who tries all addresses takes half the table, and no longer than a failure', () => {
  const rig = AdjacentRig.create({ rows: 64 });
  const known = Array.from({ length: 20 }, (_, i) => rig.to(`10.0.0.${100 + i}`));
  for (const neighbour of known) rig.learn(neighbour, 2);
  const scanned = Array.from({ length: 100 }, (_, i) => rig.to(`fd00::${i + 100}`));
  assert.is(scanned.filter(neighbour => neighbour !== 0).length, 33);
  assert.equal([rig.table.unresolved, rig.table.refused, rig.table.reclaimed], [33, 67, 0]);
  assert.is(rig.insert('10.0.0.2', 2), Status.Ok, 'one that is known to be there');
  assert.is(rig.table.unresolved, 33);
  rig.seconds(4);
  assert.is(rig.table.unresolved, 0);
  assert.not.equal(rig.to('fd00::999'), 0);
  for (const neighbour of known) assert.is(rig.read(neighbour)?.state, 'Stale');
});

test('adjacency: a table of no rows refuses all', () => {
  const rig = AdjacentRig.create({ rows: 0 });
  assert.is(rig.to('10.0.0.2'), 0);
  assert.equal(rig.seconds(2), []);
});

test('adjacency: 30000 of IPv6 find a place and are listed', () => {
  const rig = AdjacentRig.create({ rows: 30000, build: 'release' });
  for (let i = 0; i < 30000; i++) {
    const neighbour = rig.to(`fd00::${i.toString(16)}:2`);
    assert.ok(neighbour !== 0);
    rig.confirm(neighbour, 2);
  }
  assert.is(new Set(rig.walk()).size, 30000);
});

test('adjacency: the bytes of a neighbour are those documented', () => {
  const rig = AdjacentRig.create();
  const bytes = (rows: number): number => rig.core.unit.call('adjacenciesBytes', rows);
  const perRow = (bytes(65535) - bytes(1)) / 65534;
  assert.ok(perRow > 95 && perRow <= 128, `${perRow}`);
});

test('adjacency: random changes agree with a Map', () => {
  const rig = AdjacentRig.create({ rows: 40 });
  const model = new Map<string, number>();
  const gone: number[] = [];
  for (let i = 0; i < 8000; i++) {
    const iface = random(2);
    const ip = random(2) === 0 ? `10.0.0.${2 + random(30)}` : `fd00::${2 + random(30)}`;
    const key = `${iface} ${ip}`;
    const known = model.get(key);
    const what = random(10);
    if (what < 6) {
      const got = rig.to(ip, iface);
      if (known !== undefined) assert.is(got, known);
      else if (got !== 0) {
        model.set(key, got);
        if (random(3) > 0) rig.confirm(got, 2);
      } else if (rig.table.unresolved <= 20)
        assert.ok(model.size + rig.table.listed >= 40, 'refused too early');
    } else if (known !== undefined) {
      rig.call('removeAdjacency', known);
      model.delete(key);
      gone.push(known);
    }
    // All are confirmed, so nobody is given up.
    for (const each of random(8) === 0 ? model.values() : []) rig.confirm(each, 2);
    if (random(8) === 0) rig.open(1).attend();
    assert.is(rig.find(ip, iface), model.get(key) ?? 0);
    if (i % 200 === 0) {
      assert.equal(
        rig.walk().map(line => line.replace(/ \w+$/, '')),
        [...model.keys()].sort(),
      );
      for (const old of gone.slice(-50)) assert.is(rig.read(old), undefined);
    }
  }
  assert.is(rig.table.used, model.size);
  assert.is(rig.table.reclaimed, 0);
  const left = rig.walk().filter(line => line.endsWith('Incomplete'));
  assert.is(rig.table.unresolved, left.length);
});

test.run();
