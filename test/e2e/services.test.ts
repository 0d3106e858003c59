/** Real clients of a virtual IP: backends are shared out, drained, taken away and put back. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_ADDRESS } from '../../bench/live/lanes.js';
import { CONTAINER, type NatLane, sluiceNat } from '../../bench/live/nat-lanes.js';
import { ApiClient } from '../../src/api/client.js';
import { whyNot } from './run-rig.js';

const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;

const VIP = '10.77.0.80';
const BACKENDS = [CONTAINER, '10.76.0.2', '10.76.0.3'];
const PORT = 8080;
const REQUESTS = 50;
const FOR_FILES_MS = 300;
const DRAIN_MS = 20000;
const LOAD = ['-q', '-n', '4000', '-c', '8', '-s', '20'];

/** Backends in the namespace of the client's lane, which is the container here. */
async function withBackends(
  scheduler: string,
  use: (lane: NatLane, seen: () => Promise<string[][]>) => Promise<void>,
): Promise<void> {
  const backends = BACKENDS.map(address => `{ address: ${address}, port: ${PORT} }`).join(', ');
  const services = `{ web: { vip: ${VIP}, ports: ['80'], scheduler: ${scheduler}, backends: [${backends}] } }`;
  const lane = await sluiceNat({ name: `svc${process.pid}`, services });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-services-'));
  const conf = join(folder, 'nginx.conf');
  const nginx = (...words: string[]): void => {
    const args = ['netns', 'exec', lane.client, 'nginx', '-c', conf, '-p', folder, ...words];
    execFileSync('ip', args, { stdio: 'pipe' });
  };
  try {
    for (const address of BACKENDS.slice(1)) {
      lane.hosts.address(lane.client, 'eth0', `${address}/24`);
    }
    writeFileSync(join(folder, 'index.html'), 'here\n');
    writeFileSync(conf, confOf(folder));
    nginx();
    await use(lane, async () => {
      await sleep(FOR_FILES_MS);
      const log = readFileSync(join(folder, 'access.log'), 'utf8');
      return log.split('\n').flatMap(line => (line === '' ? [] : [line.split(' ')]));
    });
  } finally {
    nginx('-s', 'quit');
    await lane.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function confOf(folder: string): string {
  const listens = BACKENDS.map(address => `listen ${address}:${PORT};`).join(' ');
  return `user root; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1; daemon on;
events { worker_connections 1024; }
http { log_format seen '$remote_addr $server_addr'; access_log ${folder}/access.log seen;
server { ${listens} root ${folder}; } }
`;
}

function countOf(lines: readonly (readonly string[])[], backend: string): number {
  return lines.filter(([, server]) => server === backend).length;
}

check('services: LB-A13: 50 requests are answered, by all backends, who see the client', () =>
  withBackends('rr', async (lane, seen) => {
    for (let i = 0; i < REQUESTS; i++) {
      const words = ['-sS', '--max-time', '5', `http://${VIP}/`];
      assert.is(await lane.hosts.exec(lane.server, 'curl', ...words), 'here\n');
    }
    const lines = await seen();
    assert.is(lines.length, REQUESTS);
    assert.ok(lines.every(([client]) => client === SERVER_ADDRESS));
    for (const backend of BACKENDS) assert.ok(countOf(lines, backend) >= REQUESTS / 3 - 1);
    const { services } = await new ApiClient(lane.live.socket).services();
    assert.is(services[0]!.counters.connections, REQUESTS);
  }),
);

check('services: a backend drained, taken away and put back under load: no request fails', () =>
  withBackends('wlc', async (lane, seen) => {
    const [, drained = ''] = BACKENDS;
    const client = new ApiClient(lane.live.socket);
    const lb = (...args: string[]): Promise<unknown> => client.changeServices({ args });
    const service = ['-t', `${VIP}:80`];
    const backend = ['-r', `${drained}:${PORT}`, '-m'];
    let isOver = false;
    const load = lane.hosts
      .exec(lane.server, 'ab', ...LOAD, `http://${VIP}/`)
      .finally(() => (isOver = true));
    let rounds = 0;
    for (; !isOver; rounds++) {
      await lb('-e', ...service, ...backend, '-w', '0');
      await drainedOf(client, drained);
      await lb('-d', ...service, '-r', `${drained}:${PORT}`);
      await lb('-a', ...service, ...backend, '-w', '1');
    }
    const report = await load;
    assert.match(report, /^Complete requests: +4000$/m);
    assert.match(report, /^Failed requests: +0$/m);
    assert.ok(rounds > 0);
    const lines = await seen();
    for (const one of BACKENDS) assert.ok(countOf(lines, one) > 0, one);
  }),
);

/** Waits until a backend has no established connection. */
async function drainedOf(client: ApiClient, address: string): Promise<void> {
  const end = Date.now() + DRAIN_MS;
  while (Date.now() < end) {
    const { services } = await client.services();
    const one = services[0]!.backends.find(backend => backend.address === address)!;
    if (one.active === 0) return;
  }
  throw new Error(`test: ${address} is not drained`);
}

test.run();
