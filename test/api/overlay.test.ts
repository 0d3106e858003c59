/** Overlays over the API: tunnel ends, neighbours, endpoints that move, events. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ApiClient } from '../../src/api/client.js';
import type { EventView } from '../../src/api/overlay-views.js';
import { refusal, type Served, withServed } from '../support/served.js';

const PEER = '192.168.0.3';
const OTHER = '192.168.0.4';
const C2 = '02:42:0a:00:00:03';
const C3 = '02:42:0a:00:00:04';
const NET = `
capacities: { fdbEntries: 64, neighbours: 8, vteps: 4, peers: 8 }
underlays:
  fabric: { port: m0, addresses: [192.168.0.2/24] }
segments:
  web:
    overlay: { vni: 4097, underlay: fabric, peers: [${PEER}] }
    fdb: [{ mac: '${C2}', dst: ${PEER} }]
    neighbours: [{ ip: 10.0.0.3, mac: '${C2}' }]
  plain:
ports:
  c1: { kind: memory, segment: web }
  m0: { kind: memory }
  p1: { kind: memory, segment: plain }`;

const withApi = (run: (served: Served) => Promise<void>): Promise<void> =>
  withServed({ text: NET }, run);

/** Where the FDB says each address of web is. */
async function places(client: ApiClient): Promise<string[]> {
  const entries = await client.fdb({ segment: 'web' });
  return entries.map(({ mac, port, dst }) => `${mac} ${port ?? dst}`).sort();
}

async function ends(client: ApiClient): Promise<string[]> {
  return (await client.vteps()).map(({ ip, segments }) => `${ip} ${segments.join()}`).sort();
}

async function neighbours(client: ApiClient): Promise<string[]> {
  return (await client.neighbours()).map(({ ip, mac }) => `${ip} ${mac}`).sort();
}

test('api: segments, ports and tunnel ends say what they are of overlays', () =>
  withApi(async ({ client }) => {
    const [web, plain] = await client.segments();
    assert.equal(web!.overlay, {
      vni: 4097,
      underlay: 'fabric',
      encapsulation: 'vxlan',
      udpPort: 4789,
      peers: [PEER],
      bum: 'drop',
      group: null,
      learning: false,
      mtuBytes: 1450,
      port: 'vx-001001',
    });
    assert.equal([web!.ports, plain!.overlay], [['c1', 'vx-001001'], null]);
    const ports = await client.ports();
    assert.equal(
      ports.map(({ name, kind, underlay }) => [name, kind, underlay]),
      [
        ['c1', 'memory', null],
        ['m0', 'memory', 'fabric'],
        ['p1', 'memory', null],
        ['vx-001001', 'tunnel', null],
      ],
    );
    const [vtep] = await client.vteps();
    assert.is(vtep!.state, 'incomplete');
    assert.equal([vtep!.nextHop, vtep!.mac, vtep!.silentSec], [PEER, null, null]);
    assert.equal([vtep!.kind, vtep!.underlay, vtep!.mtuBytes], ['static', 'fabric', 1500]);
  }));

test('api: an endpoint that moves is at its newest place, and falls back (OV-14)', () =>
  withApi(async ({ client }) => {
    assert.equal(await places(client), [`${C2} ${PEER}`]);
    await client.addFdb({ mac: C2, dst: OTHER, segment: 'web' });
    assert.equal(await places(client), [`${C2} ${OTHER}`]);
    assert.equal(await ends(client), [`${PEER} web`, `${OTHER} web`]);
    await client.removeFdb({ mac: C2, dst: OTHER, segment: 'web' });
    assert.equal(await places(client), [`${C2} ${PEER}`]);
    assert.equal(await ends(client), [`${PEER} web`]);
    await client.addFdb({ mac: C2, port: 'c1' });
    assert.equal(await places(client), [`${C2} c1`]);
    assert.equal(await client.removeFdb({ mac: C2, segment: 'web' }), { removed: 1 });
    assert.equal(await places(client), []);
  }));

test('api: endpoints are shared by what says the same, and go by their id', () =>
  withApi(async ({ client }) => {
    const base = { segment: 'web', mac: C3, dst: OTHER };
    await client.addEndpoint({ ...base, id: 'a', ip: '10.0.0.4' });
    await client.addEndpoint({ ...base, id: 'b', ip: 'fd00::4' });
    assert.equal(await places(client), [`${C2} ${PEER}`, `${C3} ${OTHER}`]);
    const kept = /^409 expected no endpoint that says the same, got endpoint a$/;
    assert.match(await refusal(client.removeFdb({ mac: C3, segment: 'web' })), kept);
    assert.match(await refusal(client.removeNeighbour({ ip: '10.0.0.4', segment: 'web' })), kept);
    await client.removeEndpoint({ id: 'a', segment: 'web' });
    assert.equal(await places(client), [`${C2} ${PEER}`, `${C3} ${OTHER}`]);
    assert.equal(await neighbours(client), [`10.0.0.3 ${C2}`, `fd00::4 ${C3}`]);
    await client.removeEndpoint({ id: 'b', segment: 'web' });
    assert.equal(await places(client), [`${C2} ${PEER}`]);
    assert.match(await refusal(client.removeEndpoint({ id: 'b', segment: 'web' })), /^404/);
    const shown = await client.endpoints({ segment: 'web' });
    assert.equal(
      shown.map(({ ip, dst, placed, neighbour, configured }) => [
        ip,
        dst,
        placed,
        neighbour,
        configured,
      ]),
      [
        [null, PEER, true, null, true],
        ['10.0.0.3', null, null, true, true],
      ],
    );
  }));

test('api: neighbours are added, filtered and removed', () =>
  withApi(async ({ client }) => {
    await client.addNeighbour({ ip: '10.0.0.9', mac: C3, segment: 'web' });
    await client.addNeighbour({ ip: '10.0.0.9', mac: C2, segment: 'web' });
    assert.equal(await neighbours(client), [`10.0.0.3 ${C2}`, `10.0.0.9 ${C2}`]);
    await client.removeNeighbour({ ip: '10.0.0.9', mac: C2, segment: 'web' });
    assert.equal(await client.neighbours({ ip: '10.0.0.9' }), [
      { ip: '10.0.0.9', mac: C3, segment: 'web', vid: 0, router: false },
    ]);
    await client.removeNeighbour({ ip: '10.0.0.9', segment: 'web' });
    assert.match(await refusal(client.removeNeighbour({ ip: '10.0.0.9', segment: 'web' })), /^404/);
    const bad = client.addNeighbour({ ip: '224.0.0.1', mac: C3, segment: 'web' });
    assert.match(await refusal(bad), /^400 ip: expected the IP address of one station, got 224/);
  }));

test('api: what was said at run time survives reloads, as far as it fits', () =>
  withApi(async ({ client, reload }) => {
    await client.addFdb({ mac: C2, dst: OTHER, segment: 'web' });
    await client.addFdb({ mac: C3, port: 'p1' });
    await client.addNeighbour({ ip: '10.0.0.9', mac: C3, segment: 'web' });
    await reload(NET.replace('10.0.0.3,', '10.0.0.33,'));
    assert.equal(await places(client), [`${C2} ${OTHER}`]);
    assert.equal(await neighbours(client), [`10.0.0.33 ${C2}`, `10.0.0.9 ${C3}`]);
    assert.equal(await ends(client), [`${PEER} web`, `${OTHER} web`]);
    // A configured entry that changes is the newest; its tunnel end is another now.
    await reload(NET.replace(`dst: ${PEER}`, 'dst: 192.168.0.5'));
    assert.equal(await places(client), [`${C2} 192.168.0.5`]);
    await reload(NET.replace(/fdb: .*/, ''));
    assert.equal(await places(client), [`${C2} ${OTHER}`]);
    await reload(NET.replace(/overlay: .*/, '').replace(/fdb: .*/, ''));
    assert.equal([await places(client), await ends(client)], [[], []]);
    assert.is((await client.fdb({ segment: 'plain' })).length, 1);
    await reload(NET.replace('segment: plain', 'segment: web'));
    assert.is((await client.fdb({ segment: 'plain' })).length, 0);
  }));

test('api: what finds no room changes nothing', () =>
  withApi(async ({ client }) => {
    const add = (last: number) =>
      client.addFdb({ mac: `02:00:00:00:00:0${last}`, dst: `192.168.0.1${last}`, segment: 'web' });
    for (const last of [1, 2, 3]) await add(last);
    const before = [await places(client), await ends(client)];
    assert.match(
      await refusal(add(4)),
      /^409 underlays.fabric.vteps: expected room for 192.168.0.14/,
    );
    assert.equal([await places(client), await ends(client)], before);
    await client.removeFdb({ mac: '02:00:00:00:00:01', segment: 'web' });
    await add(4);
    assert.is((await client.endpoints()).filter(({ configured }) => !configured).length, 3);
  }));

test('api: a flush of all takes what was said as well', () =>
  withApi(async ({ client }) => {
    await client.addFdb({ mac: C3, dst: OTHER, segment: 'web' });
    assert.equal(await client.flushFdb({}), { flushed: 0 });
    assert.equal(await client.flushFdb({ segment: 'web', all: true }), { flushed: 2 });
    assert.equal([await places(client), await ends(client)], [[], [`${PEER} web`]]);
  }));

test('api: places that make no sense are refused', () =>
  withApi(async ({ client }) => {
    const add = (entry: object) => refusal(client.addFdb({ mac: C3, segment: 'web', ...entry }));
    assert.match(await add({ dst: '192.168.0.2' }), /^400 dst: expected another address than our/);
    assert.match(await add({ dst: 'fd00::1' }), /^400 dst: expected an IPv4 address/);
    assert.match(
      await add({ dst: PEER, port: 'c1' }),
      /^400 port: expected either a port or a dst/,
    );
    assert.match(await add({ dst: PEER, kind: 'permanent' }), /^400 kind: expected static/);
    assert.match(await add({ dst: PEER, kind: 'dynamic' }), /^400 kind: expected static/);
    assert.match(
      await add({ dst: PEER, segment: 'plain' }),
      /^400 dst: expected only in a segment with an overlay/,
    );
    assert.match(await add({ port: 'p1' }), /^400 port: expected one of segment web, got p1$/);
    const learned = add({ mac: C2, port: 'c1', kind: 'dynamic' });
    assert.match(await learned, /^409 fdb: no room .*, or it is configured$/);
  }));

test('api: events tell of addresses that nobody knows', () =>
  withApi(async ({ client }) => {
    const lines = client.events();
    const first = lines.next();
    // The listener is there when the answer to a later request is.
    await client.stats();
    const frame = `02000000000902420a000002080045${'00'.repeat(45)}`;
    const retry = setInterval(() => void client.inject('c1', [frame]).catch(() => undefined), 50);
    const { event, segment, port, mac } = (await first).value as EventView;
    clearInterval(retry);
    await lines.return(undefined);
    assert.equal([event, segment, port, mac], ['l2Miss', 'web', 'c1', '02:00:00:00:00:09']);
  }));

test.run();
