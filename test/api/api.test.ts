import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { request } from 'node:http';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ApiClient, type CaptureLine } from '../../src/api/client.js';
import { ApiServer } from '../../src/api/server.js';
import { Core } from '../../src/core.js';
import { refusal, type Served, withServed } from '../support/served.js';

const LAN = `
capacities: { fdbEntries: 1024, ports: 8 }
segments: { lan: , tagged: { vlanAware: true } }
ports:
  p0: { kind: memory, segment: lan }
  p1: { kind: memory, segment: lan, isolated: true }
  t0: { kind: memory, segment: tagged, vlan: { mode: trunk, allowed: "10,12-20", native: 10 } }`;
const A = '02:00:00:00:00:01';
const FRAME = `ffffffffffff020000000001abcd${'00'.repeat(46)}`;

const withApi = (run: (served: Served) => Promise<void>): Promise<void> =>
  withServed({ text: LAN, reloadText: LAN.replace('p1:', 'p9:') }, run);

test('api: the socket is for its owner only, and goes with the server', async () => {
  let socket = '';
  await withApi(async ({ path }) => {
    socket = path;
    assert.is(statSync(path).mode & 0o777, 0o600);
  });
  assert.is(existsSync(socket), false);
});

test('api: a socket file that nobody listens on is replaced', () =>
  withApi(async ({ made, path }) => {
    const stale = `${path}.stale`;
    writeFileSync(stale, '');
    const server = await ApiServer.listen(stale, {
      target: made,
      reload: () => Promise.reject(new Error('no')),
    });
    assert.is((await new ApiClient(stale).switchInfo()).name, 'net');
    await server.close();
  }));

test('api: a socket in use is refused by name', () =>
  withApi(async ({ made, path }) => {
    const other = createServer().listen(`${path}.other`);
    const reload = () => Promise.reject(new Error('no'));
    const error = await ApiServer.listen(`${path}.other`, { target: made, reload }).catch(e => e);
    assert.match(error.message, /^control socket .*\.other: in use by another process/);
    other.close();
  }));

test('api: ports, segments and VLANs are shown by name', () =>
  withApi(async ({ client }) => {
    const [p0, p1] = await client.ports();
    assert.is(p0!.state, 'up');
    assert.ok(p1!.flags.includes('isolated'));
    const segments = await client.segments();
    assert.equal(segments[0]!.ports, ['p0', 'p1']);
    assert.is(segments[1]!.vlans, '10,12-20');
    assert.equal(await client.vlans(), [
      {
        port: 't0',
        segment: 'tagged',
        mode: 'trunk',
        pvid: 10,
        tagged: '12-20',
        untagged: '10',
      },
    ]);
  }));

test('api: FDB entries are added, listed, filtered, removed and flushed', () =>
  withApi(async ({ client }) => {
    await client.addFdb({ mac: A, port: 'p1' });
    await client.addFdb({ mac: A, port: 't0', vid: 15 });
    await client.addFdb({ mac: '02:00:00:00:00:09', segment: 'lan', kind: 'permanent' });
    const all = await client.fdb();
    assert.is(all.length, 3);
    assert.equal(await client.fdb({ vid: 15 }), [
      { mac: A, segment: 'tagged', vid: 15, port: 't0', dst: null, kind: 'static', ageSec: 0 },
    ]);
    assert.is((await client.fdb({ kind: 'permanent' }))[0]!.port, null);
    assert.is((await client.fdb({ mac: A.replaceAll(':', '-'), port: 'p1' })).length, 1);
    await client.removeFdb({ mac: A, segment: 'lan' });
    assert.match(await refusal(client.removeFdb({ mac: A, segment: 'lan' })), /^404 fdb: no entry/);
    assert.equal(await client.flushFdb({}), { flushed: 0 });
    assert.equal(await client.flushFdb({ segment: 'tagged', all: true }), { flushed: 1 });
    assert.equal(await client.flushFdb({ all: true }), { flushed: 1 });
  }));

test('api: what does not fit is refused with what was expected', () =>
  withApi(async ({ client }) => {
    const add = (entry: object) => refusal(client.addFdb(entry as { mac: string }));
    assert.match(await add({ mac: 'x', port: 'p0' }), /^400 mac: expected six bytes.*, got x$/);
    assert.match(await add({ mac: '01:00:5e:00:00:01', port: 'p0' }), /^400 mac: expected the add/);
    assert.match(await add({ mac: A }), /^400 port: expected a name, got nothing$/);
    assert.match(await add({ mac: A, port: 'p8' }), /^404 port: .*got p8 \(did you mean p0\?\)$/);
    assert.match(await add({ mac: A, port: 't0' }), /^400 vid: expected a VLAN, as segment tagged/);
    assert.match(await add({ mac: A, port: 't0', vid: 99 }), /^404 vid: expected a VLAN of a port/);
    assert.match(await add({ mac: A, port: 'p0', vid: 9 }), /^400 vid: expected none/);
    assert.match(
      await add({ mac: A, prot: 'p0' }),
      /^400 body: .*got prot \(did you mean port\?\)/,
    );
    assert.match(await refusal(client.fdb({ colour: 1 })), /^400 query: expected one of port/);
    assert.match(await refusal(client.fdb({ vid: 5000 })), /^400 vid: expected 1..4094, got 5000$/);
    assert.match(await refusal(client.inject('p0', ['xyz'])), /^400 frames: expected a list/);
  }));

test('api: unknown paths and methods are refused', () =>
  withApi(async ({ path }) => {
    const ask = (method: string, url: string) =>
      new Promise<number>(resolve => {
        const sent = request({ socketPath: path, method, path: url }, response => {
          response.resume();
          resolve(response.statusCode!);
        });
        sent.end();
      });
    assert.is(await ask('GET', '/v1/nothing'), 404);
    assert.is(await ask('GET', '/v2/ports'), 404);
    assert.is(await ask('DELETE', '/v1/ports'), 405);
    assert.is(await ask('GET', '/v1/ports/%'), 400);
    assert.is(await ask('POST', '/v1/fdb'), 400);
  }));

test('api: counters and drops have names, and the sums hold', () =>
  withApi(async ({ client }) => {
    await client.inject('p0', [FRAME, '00']);
    const stats = await untilReceived(client, 2);
    assert.is(stats.ports['p0']!['rxPackets'], 2);
    assert.is(stats.segments['lan']!['learned'], 1);
    const { received, copies, sent, dropped, consumed } = stats.core;
    assert.is(received! + copies!, sent! + dropped! + consumed!);
    const drops = await client.drops();
    assert.equal(drops.ports['p0'], { Runt: 1 });
    assert.equal(drops.total, { Runt: 1 });
  }));

async function untilReceived(client: ApiClient, count: number) {
  for (;;) {
    const stats = await client.stats();
    if (stats.core['received']! >= count) return stats;
  }
}

test('api: a reload says what came and went', () =>
  withApi(async ({ client }) => {
    const change = await client.reload();
    assert.equal(change.addedPorts, ['p9']);
    assert.equal(change.removedPorts, ['p1']);
  }));

test('api: a snapshot is the state of the switch', () =>
  withApi(async ({ client }) => {
    await client.addFdb({ mac: A, port: 'p1' });
    const copy = Core.restore(await client.snapshot());
    assert.is([...copy.fdbEntries()][0]!.mac, 0x020000000001n);
  }));

test('api: a capture is a stream of frames', () =>
  withApi(async ({ client }) => {
    const lines = client.capture({ port: 'p0', filter: 'broadcast' });
    const first = lines.next();
    // The capture has begun when the first answer to a later request is there.
    await client.stats();
    const retry = setInterval(() => void client.inject('p0', [FRAME]).catch(() => undefined), 50);
    const line = (await first).value as CaptureLine;
    clearInterval(retry);
    await lines.return(undefined);
    assert.ok('data' in line && line.direction === 'rx' && line.port === 'p0');
    assert.is(Buffer.from((line as { data: string }).data, 'base64').toString('hex'), FRAME);
    const bad = client.capture({ port: 'p0', filter: 'port x' }).next();
    assert.match(await refusal(bad), /^400 filter: column 6: expected a port/);
  }));

test('api: a switch that does not run is named', async () => {
  const error = await new ApiClient('/nowhere/x.sock').stats().catch(e => e);
  assert.match(
    error.message,
    /^control socket \/nowhere\/x.sock: ENOENT \(is the switch running\?\)/,
  );
});

test.run();
