/**
 * What kind of NAT a zone is, by the tools of coturn: they ask a STUN server of two addresses
 * and two ports (RFC 5780 §4), and say which behaviour of RFC 4787 §4.1 and §5 they met.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_ADDRESS } from '../../bench/live/lanes.js';
import {
  CONTAINER,
  type NatLane,
  type NatOptions,
  ROUTER_ADDRESS,
  sluiceNat,
} from '../../bench/live/nat-lanes.js';
import { natRules } from '../support/zone-rig.js';
import { whyNot } from './run-rig.js';

const reason = whyNot() ?? whyNoStun();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;

const OTHER_ADDRESS = '10.77.0.3';
const STUN_PORT = 3478;
const OTHER_PORT = 3479;
/** A port for each question: what an earlier one opened is not open for the next. */
const FIRST_PORT = 40000;
const TOOL_MS = 30000;
const LISTENS_MS = 10000;
const POLL_MS = 100;
const RULES = natRules(`-A POSTROUTING -s ${CONTAINER}/32 -o eth0 -j MASQUERADE`);

function whyNoStun(): string | undefined {
  const done = spawnSync('turnutils_natdiscovery', []);
  return done.error === undefined ? undefined : 'coturn is missing: apt-get install coturn';
}

/** A STUN server at both addresses of the host outside; returns what ends it. */
async function startServer(lane: NatLane): Promise<() => Promise<void>> {
  lane.hosts.address(lane.server, 'eth0', `${OTHER_ADDRESS}/24`);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-stun-'));
  const listens = ['-L', SERVER_ADDRESS, '-L', OTHER_ADDRESS, '-p', String(STUN_PORT)];
  const files = ['-l', 'stdout', '--pidfile', join(folder, 'pid'), '-b', join(folder, 'db')];
  const plain = ['-n', '-z', '-S', '--no-cli', '--no-tls', '--no-dtls'];
  const words = ['netns', 'exec', lane.server, 'turnserver', ...plain, ...listens, ...files];
  const server = spawn('ip', words, { stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    await ended(server);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await listening(lane);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Until the server has a socket for each address and port. */
async function listening(lane: NatLane): Promise<void> {
  const wanted = [SERVER_ADDRESS, OTHER_ADDRESS].flatMap(ip =>
    [STUN_PORT, OTHER_PORT].map(port => `${ip}:${port}`),
  );
  for (const deadlineMs = Date.now() + LISTENS_MS; Date.now() < deadlineMs; await sleep(POLL_MS)) {
    const sockets = await lane.hosts.exec(lane.server, 'ss', '-Hlnu');
    if (wanted.every(socket => sockets.includes(socket))) return;
  }
  throw new Error('turnserver does not listen');
}

let asked = 0;

/** What a tool says in the container, until it ends or has said `enough`. */
async function ask(lane: NatLane, words: readonly string[], enough?: RegExp): Promise<string> {
  const command = ['netns', 'exec', lane.client, ...words, '-L', CONTAINER];
  const child = spawn('ip', [...command, SERVER_ADDRESS], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TOOL_MS,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      said += text.toString();
      if (enough?.test(said)) child.kill();
    });
  await once(child, 'close');
  return said;
}

/** What `turnutils_natdiscovery` concludes; questions have a port each, and disturb nobody. */
async function discover(lane: NatLane, question: 'mapping' | 'filtering' | 'hairpin') {
  const option = { mapping: '-m', filtering: '-f', hairpin: '-H' }[question];
  const port = String(FIRST_PORT + asked++);
  const said = await ask(lane, ['turnutils_natdiscovery', option, '-l', port]);
  assert.match(said, new RegExp(`UDP reflexive addr: ${ROUTER_ADDRESS}:`), said);
  if (question === 'hairpin') return said.includes('Received a request');
  return /^NAT with (.*) (Mapping|Filtering)!$/m.exec(said)?.[1] ?? said;
}

async function withStun(
  options: NatOptions,
  use: (lane: NatLane) => Promise<unknown>,
): Promise<void> {
  const name = `stun${process.pid}`;
  const lane = await sluiceNat({ name, offload: false, rules: RULES, ...options });
  try {
    const stop = await startServer(lane);
    try {
      await use(lane);
    } finally {
      await stop();
    }
  } finally {
    await lane.close();
  }
}

async function verdict(lane: NatLane): Promise<Record<string, unknown>> {
  const questions = ['mapping', 'filtering', 'hairpin'] as const;
  const answers = await Promise.all(questions.map(question => discover(lane, question)));
  return Object.fromEntries(questions.map((question, i) => [question, answers[i]]));
}

const INDEPENDENT = 'Endpoint Independent';
const BY_PORT = 'Address and Port Dependent';
const SAYS = { addressAndPort: BY_PORT, address: 'Address Dependent', endpoint: INDEPENDENT };
const FILTERINGS = ['addressAndPort', 'address', 'endpoint'] as const;

for (const filtering of FILTERINGS) {
  check(`stun: mapping endpoint, filtering ${filtering}: as RFC 4787 names them`, () =>
    withStun({ nat: `{ mapping: endpoint, filtering: ${filtering} }` }, async lane => {
      const want = { mapping: INDEPENDENT, filtering: SAYS[filtering], hairpin: true };
      assert.equal(await verdict(lane), want);
    }),
  );

  // Ports that are free are kept, and would look like a mapping of endpoints.
  check(`stun: mapping addressAndPort, filtering ${filtering}: nobody else may answer`, () =>
    withStun({ nat: `{ portSelect: sequential, filtering: ${filtering} }` }, async lane => {
      const want = { mapping: BY_PORT, filtering: BY_PORT, hairpin: false };
      assert.equal(await verdict(lane), want);
    }),
  );
}

check('stun: mapping endpoint holds whichever way ports are chosen', () =>
  withStun({ nat: '{ mapping: endpoint, portSelect: random }' }, async lane =>
    assert.is(await discover(lane, 'mapping'), INDEPENDENT),
  ),
);

check('stun: a port that is kept is the same for all destinations, by chance', () =>
  withStun({}, async lane => assert.is(await discover(lane, 'mapping'), INDEPENDENT)),
);

check('stun: filtering endpoint admits nobody whom the rules of an engine refuse', () =>
  withStun({ nat: '{ mapping: endpoint, filtering: endpoint }', rules: undefined }, async lane => {
    assert.is(await discover(lane, 'filtering'), BY_PORT);
  }),
);

check('stun: turnutils_stunclient is told the address of the router, and the mapped port', () =>
  withStun({ nat: '{ ports: 50000-50000, portSelect: sequential }' }, async lane => {
    const said = await ask(lane, ['turnutils_stunclient'], /reflexive addr: \S+\n/);
    assert.match(said, `UDP reflexive addr: ${ROUTER_ADDRESS}:50000\n`);
  }),
);

test.run();
