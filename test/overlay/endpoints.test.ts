/** Who is where: records that overlap while endpoints move, and what the core is told. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type EndpointChange,
  type EndpointRecord,
  EndpointTable,
  type Place,
} from '../../src/overlay/endpoints.js';
import { seededRandom } from '../support/random.js';

const MAC = 0x02420a000003n;
const OTHER = 0x02420a000004n;
const A: Place = 'vtep fabric 192.168.0.3';
const B: Place = 'vtep fabric 192.168.0.4';

function endpoint(id: string, place: Place, rest: Partial<EndpointRecord> = {}): EndpointRecord {
  return { id, domain: 1, mac: MAC, ip: '10.0.0.3', place, ...rest };
}

/** Changes as words. */
function words(changes: readonly EndpointChange[]): string[] {
  return changes.map(change => {
    if (change.kind === 'place') return `${change.isUsed ? 'use' : 'leave'} ${change.place}`;
    if (change.kind === 'fdb') return `${change.mac.toString(16)} at ${change.place ?? 'nowhere'}`;
    return `${change.ip} is ${change.mac?.toString(16) ?? 'nobody'}`;
  });
}

test('endpoints: a record is an address at a place, and a neighbour', () => {
  const table = new EndpointTable();
  assert.equal(words(table.add(endpoint('e1', A))), [
    `use ${A}`,
    `2420a000003 at ${A}`,
    '10.0.0.3 is 2420a000003',
  ]);
  assert.equal(words(table.remove(1, 'e1')), [
    '2420a000003 at nowhere',
    '10.0.0.3 is nobody',
    `leave ${A}`,
  ]);
  assert.equal(table.remove(1, 'e1'), []);
});

test('endpoints: during a move the newest is in force, then the one that is left (OV-14)', () => {
  const table = new EndpointTable();
  table.add(endpoint('old', A));
  assert.equal(words(table.add(endpoint('new', B))), [`use ${B}`, `2420a000003 at ${B}`]);
  assert.equal(words(table.remove(1, 'old')), [`leave ${A}`]);
  table.add(endpoint('again', A));
  assert.equal(words(table.remove(1, 'again')), [`2420a000003 at ${B}`, `leave ${A}`]);
});

test('endpoints: one IP address with two MACs has the newest', () => {
  const table = new EndpointTable();
  table.add(endpoint('old', A));
  assert.equal(words(table.add(endpoint('new', A, { mac: OTHER }))), [
    `2420a000004 at ${A}`,
    '10.0.0.3 is 2420a000004',
  ]);
  assert.equal(words(table.remove(1, 'new')), [
    '2420a000004 at nowhere',
    '10.0.0.3 is 2420a000003',
  ]);
});

test('endpoints: records that agree share an entry, which goes with the last', () => {
  const table = new EndpointTable();
  table.add(endpoint('v4', A));
  assert.equal(words(table.add(endpoint('v6', A, { ip: 'fd00::3' }))), ['fd00::3 is 2420a000003']);
  assert.equal(words(table.remove(1, 'v4')), ['10.0.0.3 is nobody']);
  assert.equal(words(table.remove(1, 'v6')), [
    '2420a000003 at nowhere',
    'fd00::3 is nobody',
    `leave ${A}`,
  ]);
});

test('endpoints: the same again is no change, and no newer', () => {
  const table = new EndpointTable();
  table.add(endpoint('one', A));
  table.add(endpoint('two', B));
  assert.equal(table.add(endpoint('one', A)), []);
  assert.is(table.placesOf(1, MAC).at(-1)!.place, B);
});

test('endpoints: an id that says something else moves, as the newest', () => {
  const table = new EndpointTable();
  table.add(endpoint('one', A));
  table.add(endpoint('two', A));
  assert.equal(words(table.add(endpoint('one', B))), [`use ${B}`, `2420a000003 at ${B}`]);
  assert.equal(words(table.remove(1, 'one')), [`2420a000003 at ${A}`, `leave ${B}`]);
});

test('endpoints: halves are records too', () => {
  const table = new EndpointTable();
  assert.equal(words(table.add({ id: 'fdb', domain: 1, mac: MAC, place: A })), [
    `use ${A}`,
    `2420a000003 at ${A}`,
  ]);
  assert.equal(words(table.add({ id: 'neigh', domain: 1, mac: MAC, ip: '10.0.0.3' })), [
    '10.0.0.3 is 2420a000003',
  ]);
  assert.equal(words(table.remove(1, 'fdb')), ['2420a000003 at nowhere', `leave ${A}`]);
});

test('endpoints: domains know nothing of each other', () => {
  const table = new EndpointTable();
  table.add(endpoint('e1', A));
  assert.equal(words(table.add(endpoint('e1', A, { domain: 2 }))).length, 3);
  assert.equal(words(table.remove(2, 'e1')).at(-1), `leave ${A}`);
  assert.is(table.placesOf(1, MAC).length, 1);
});

test('endpoints: what the core was told is what is in force, whatever happens', () => {
  const below = seededRandom('endpoints');
  const table = new EndpointTable();
  const told = new Map<string, string>();
  const places: Place[] = [A, B, 'port web'];
  for (let step = 0; step < 5000; step++) {
    const id = `e${below(12)}`;
    const domain = 1 + below(2);
    const record: EndpointRecord = { id, domain, mac: BigInt(1 + below(4)) };
    if (below(4) > 0) record.place = places[below(3)]!;
    if (below(4) > 0) record.ip = `10.0.0.${below(4)}`;
    const changes = below(3) === 0 ? table.remove(domain, id) : table.add(record);
    for (const change of changes) tell(told, change);
    assert.equal([...told].sort(), expected(table).sort());
  }
});

function tell(told: Map<string, string>, change: EndpointChange): void {
  const { kind, domain } = change;
  const name = kind === 'fdb' ? change.mac : kind === 'neighbour' ? change.ip : change.place;
  const key = `${kind} ${domain} ${name}`;
  const value = kind === 'fdb' ? change.place : kind === 'neighbour' ? change.mac : change.isUsed;
  if (value === undefined || value === false) assert.ok(told.delete(key), key);
  else told.set(key, String(value));
}

/** From the records alone: the slow and obvious way. */
function expected(table: EndpointTable): [string, string][] {
  const found = new Map<string, string>();
  for (const { domain, mac, ip, place } of table.all()) {
    if (place !== undefined) found.set(`fdb ${domain} ${mac}`, place);
    if (ip !== undefined) found.set(`neighbour ${domain} ${ip}`, String(mac));
    if (place !== undefined) found.set(`place ${domain} ${place}`, 'true');
  }
  return [...found];
}

test.run();
