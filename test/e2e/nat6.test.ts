/** Real clients across a zone over IPv6: masquerade, published ports, errors, path MTU. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startNginx } from '../../bench/live/nat-lanes.js';
import {
  BRIDGE,
  CONTAINER,
  LINK,
  type Nat6Lane,
  type Nat6LaneOptions,
  PUBLISHED_PORT,
  ROUTER,
  SERVER,
  ip,
  nat6Lane,
} from '../support/nat6-lane.js';
import { runTool } from '../support/tools.js';
import { faultsIn } from '../support/tshark.js';
import { whyNot } from './run-rig.js';

const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;
const PUBLISHED = `http://[${ROUTER}]:${PUBLISHED_PORT}/`;
const FOR_FILES_MS = 300;
const LISTENS_MS = 20000;

async function withLane(
  use: (lane: Nat6Lane) => Promise<void>,
  options: Nat6LaneOptions = {},
): Promise<void> {
  const lane = await nat6Lane(`six${process.pid}`, options);
  try {
    await use(lane);
  } finally {
    await lane.close();
  }
}

async function withNginx(lane: Nat6Lane, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-nginx-'));
  const stop = startNginx(lane, folder, '[::]:80');
  try {
    await use(folder);
  } finally {
    stop();
    await sleep(FOR_FILES_MS);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Captures what the host outside sees while `use` runs; returns the file. */
async function captured(lane: Nat6Lane, folder: string, use: () => Promise<void>): Promise<string> {
  const file = join(folder, 'outside.pcap');
  const words = ['-i', 'eth0', '-s', '0', '--immediate-mode', '-U', '-w', file];
  const tcpdump: ChildProcess = spawn('ip', ['netns', 'exec', lane.server, 'tcpdump', ...words]);
  await once(tcpdump.stderr!, 'data', { signal: AbortSignal.timeout(LISTENS_MS) });
  await use();
  await sleep(FOR_FILES_MS);
  const ended = once(tcpdump, 'exit');
  tcpdump.kill('SIGINT');
  await ended;
  return file;
}

const ping = (lane: Nat6Lane, to: string, ...args: string[]): Promise<string> =>
  lane.hosts.exec(lane.client, 'ping', '-6', '-c', '1', '-W', '2', ...args, to);
const curl = (lane: Nat6Lane, host: string, url: string, ...args: string[]): Promise<string> =>
  lane.hosts.exec(host, 'curl', '-sS', '-6', '-g', '--max-time', '5', ...args, url);

check('nat6: a container reaches the outside as the router, and nothing private leaves', () =>
  withLane(
    async lane => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-nat6-'));
      const file = await captured(lane, folder, async () => {
        const out = await ping(lane, SERVER, '-c', '3', '-i', '0.2');
        assert.match(out, / 3 received/);
      });
      assert.equal(faultsIn(file), []);
      const words = ['-r', file, '-T', 'fields', '-e', 'ipv6.src', '-Y', 'ipv6'];
      const sources = runTool('tshark', words)!.split('\n');
      // What hosts say of themselves on the link is no traffic of the container.
      const isGlobal = (ip: string): boolean => ip !== '' && ip !== '::' && !ip.startsWith('fe80:');
      assert.equal([...new Set(sources.filter(isGlobal))].sort(), [SERVER, ROUTER]);
      const [flow] = (await lane.live.sluice('ct', 'list')).split('\n');
      assert.match(flow!, new RegExp(`^icmpv6 +58 .*src=${CONTAINER} dst=${SERVER} type=128 `));
      assert.match(flow!, new RegExp(` src=${SERVER} dst=${ROUTER} type=129 `));
      rmSync(folder, { recursive: true, force: true });
    },
    { offload: false },
  ),
);

check('nat6: the router answers pings, to its global and to its link-local address', () =>
  withLane(async lane => {
    for (const to of [BRIDGE, ROUTER, `${LINK}%eth0`]) {
      assert.match(await ping(lane, to), / 1 received/, to);
    }
  }),
);

check('nat6: nginx behind a published port sees the client that asks', () =>
  withLane(lane =>
    withNginx(lane, async folder => {
      assert.is((await curl(lane, lane.server, PUBLISHED)).length, 100);
      await sleep(FOR_FILES_MS);
      assert.is(readFileSync(join(folder, 'access.log'), 'utf8'), `${SERVER}\n`);
      const flows = await lane.live.sluice('ct', 'list');
      assert.match(flows, new RegExp(`tcp +6 .*dst=${ROUTER} .*dport=${PUBLISHED_PORT} `));
      assert.match(flows, new RegExp(` src=${CONTAINER} dst=${SERVER} sport=80 `));
    }),
  ),
);

check('nat6: a container reaches itself by its published port', () =>
  withLane(lane =>
    withNginx(lane, async folder => {
      assert.is((await curl(lane, lane.client, PUBLISHED)).length, 100);
      await sleep(FOR_FILES_MS);
      assert.is(readFileSync(join(folder, 'access.log'), 'utf8'), `${BRIDGE}\n`);
    }),
  ),
);

check('nat6: bulk over offloading devices arrives whole', () =>
  withLane(lane =>
    withNginx(lane, async folder => {
      const big = Buffer.alloc(20_000_000, 'sluice ');
      writeFileSync(join(folder, 'big'), big);
      const to = join(folder, 'got');
      await curl(lane, lane.server, `${PUBLISHED}big`, '-o', to);
      assert.ok(readFileSync(to).equals(big));
    }),
  ),
);

check('nat6: traceroute meets the router, then the destination, whose error is translated', () =>
  withLane(async lane => {
    const args = ['-6', '-n', '-q', '1', '-w', '2', SERVER];
    const out = await lane.hosts.exec(lane.client, 'traceroute', ...args);
    const hops = out.split('\n').slice(1, 3);
    assert.match(hops[0]!, new RegExp(` ${BRIDGE} `));
    assert.match(hops[1]!, new RegExp(` ${SERVER} `));
  }),
);

check('nat6: a packet too long for the way out is answered with the MTU, and then fits', () =>
  withLane(
    async lane => {
      const told = await ping(lane, SERVER, '-M', 'do', '-s', '1372').then(
        () => 'answered',
        (error: { stdout: string }) => error.stdout,
      );
      assert.match(told, /mtu ?= ?1300/);
      // From now on the kernel cuts what it sends; the answer comes in fragments too.
      assert.match(await ping(lane, SERVER, '-s', '3000'), / 0% packet loss/);
    },
    { mtuBytes: 1300 },
  ),
);

check('nat6: a closed port is said to be closed, by way of the translation', () =>
  withLane(async lane => {
    const refused = (url: string): Promise<string> =>
      curl(lane, lane.client, url).then(
        () => 'answered',
        (error: { stderr: string }) => error.stderr,
      );
    assert.match(await refused(`http://[${SERVER}]:81/`), /refused|Could not connect|Failed/i);
    ip('-n', lane.server, '-6', 'route', 'add', CONTAINER, 'via', ROUTER);
    const tried = curl(lane, lane.server, `http://[${CONTAINER}]:81/`, '--max-time', '1');
    const failed = await tried.then(
      () => 'answered',
      (error: { stderr: string }) => error.stderr,
    );
    assert.match(failed, /timed out|Timeout/i);
  }),
);

test.run();
