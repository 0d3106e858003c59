/** Real clients across a zone: masquerade, published ports, hairpin, errors, path MTU. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_ADDRESS } from '../../bench/live/lanes.js';
import {
  BRIDGE,
  CONTAINER,
  type NatLane,
  type NatOptions,
  PUBLISHED_PORT,
  ROUTER_ADDRESS,
  sluiceNat,
  startNginx,
} from '../../bench/live/nat-lanes.js';
import { tcpStream } from '../../bench/live/traffic.js';
import { runTool } from '../support/tools.js';
import { faultsIn } from '../support/tshark.js';
import { whyNot } from './run-rig.js';

const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;
const PUBLISHED = `http://${ROUTER_ADDRESS}:${PUBLISHED_PORT}/`;
const FOR_FILES_MS = 300;
const LISTENS_MS = 20000;

async function withLane(
  use: (lane: NatLane) => Promise<void>,
  options: NatOptions = {},
): Promise<void> {
  const lane = await sluiceNat({ name: `e2e${process.pid}`, ...options });
  try {
    await use(lane);
  } finally {
    await lane.close();
  }
}

async function withNginx(lane: NatLane, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-nginx-'));
  const stop = startNginx(lane, folder);
  try {
    await use(folder);
  } finally {
    stop();
    await sleep(FOR_FILES_MS);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Captures what the host outside sees while `use` runs; returns the file. */
async function captured(lane: NatLane, folder: string, use: () => Promise<void>): Promise<string> {
  const file = join(folder, 'outside.pcap');
  const words = [
    'netns',
    'exec',
    lane.server,
    'tcpdump',
    '-i',
    'eth0',
    '-s',
    '0',
    '-U',
    '-w',
    file,
  ];
  const tcpdump = spawn('ip', words);
  await once(tcpdump.stderr, 'data', { signal: AbortSignal.timeout(LISTENS_MS) });
  await use();
  await sleep(FOR_FILES_MS);
  const ended = once(tcpdump, 'exit');
  tcpdump.kill('SIGINT');
  await ended;
  return file;
}

check('nat: a container reaches the outside as the router, and nothing private leaves', () =>
  withLane(
    async lane => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-nat-'));
      const file = await captured(lane, folder, async () => {
        await lane.hosts.exec(lane.client, 'ping', '-c', '3', '-i', '0.2', SERVER_ADDRESS);
        assert.ok((await tcpStream(lane)) > 1e6);
      });
      assert.equal(faultsIn(file), []);
      const words = ['-r', file, '-T', 'fields', '-e', 'ip.src', '-Y', 'ip'];
      const sources = runTool('tshark', words)!.split('\n');
      const seen = new Set(sources.filter(line => line !== ''));
      assert.equal([...seen].sort(), [SERVER_ADDRESS, ROUTER_ADDRESS]);
      rmSync(folder, { recursive: true, force: true });
    },
    { offload: false },
  ),
);

check('nat: W2: nginx behind a published port sees the client that asks', () =>
  withLane(lane =>
    withNginx(lane, async folder => {
      const page = await lane.hosts.exec(lane.server, 'curl', '-sS', '--max-time', '5', PUBLISHED);
      assert.is(page.length, 100);
      await sleep(FOR_FILES_MS);
      assert.is(readFileSync(join(folder, 'access.log'), 'utf8'), `${SERVER_ADDRESS}\n`);
    }),
  ),
);

check('nat: W3a: a container reaches itself by its published port', () =>
  withLane(lane =>
    withNginx(lane, async folder => {
      const page = await lane.hosts.exec(lane.client, 'curl', '-sS', '--max-time', '5', PUBLISHED);
      assert.is(page.length, 100);
      await sleep(FOR_FILES_MS);
      assert.is(readFileSync(join(folder, 'access.log'), 'utf8'), `${BRIDGE}\n`);
    }),
  ),
);

check('nat: traceroute meets the router, then the destination, whose error is translated', () =>
  withLane(async lane => {
    const args = ['-n', '-q', '1', '-w', '2', SERVER_ADDRESS];
    const out = await lane.hosts.exec(lane.client, 'traceroute', ...args);
    const hops = out.split('\n').slice(1, 3);
    assert.match(hops[0]!, new RegExp(` ${BRIDGE} `));
    assert.match(hops[1]!, new RegExp(` ${SERVER_ADDRESS} `));
  }),
);

check('nat: a packet too long for the way out is answered with the MTU; others are cut', () =>
  withLane(
    async lane => {
      const ping = (...args: string[]): Promise<string> =>
        lane.hosts.exec(lane.client, 'ping', '-c', '1', '-W', '2', ...args, SERVER_ADDRESS);
      const told = await ping('-M', 'do', '-s', '1372').then(
        () => 'answered',
        (error: { stdout: string }) => error.stdout,
      );
      assert.match(told, /mtu ?= ?1300/);
      assert.match(await ping('-M', 'dont', '-s', '3000'), / 0% packet loss/);
    },
    { mtuBytes: 1300 },
  ),
);

check('nat: of the router only what is published is open', () =>
  withLane(lane =>
    withNginx(lane, async () => {
      const ports = `${PUBLISHED_PORT},80,22,8081`;
      const args = ['-n', '-Pn', '-sT', '-p', ports, ROUTER_ADDRESS];
      const out = await lane.hosts.exec(lane.server, 'nmap', ...args);
      const states = [...out.matchAll(/^(\d+)\/tcp\s+(\w+)/gm)].map(([, port, state]) => [
        port,
        state,
      ]);
      assert.equal(states, [
        ['22', 'closed'],
        ['80', 'closed'],
        [String(PUBLISHED_PORT), 'open'],
        ['8081', 'closed'],
      ]);
    }),
  ),
);

check('nat: the container itself is not to be reached by its own address', () =>
  withLane(lane =>
    withNginx(lane, async () => {
      await lane.hosts.exec(lane.server, 'ip', 'route', 'add', CONTAINER, 'via', ROUTER_ADDRESS);
      const url = `http://${CONTAINER}:81/`;
      const tried = lane.hosts.exec(lane.server, 'curl', '-sS', '--max-time', '1', url);
      const failed = await tried.then(
        () => 'answered',
        (error: { stderr: string }) => error.stderr,
      );
      assert.match(failed, /timed out|Timeout/i);
    }),
  ),
);

test.run();
