/**
 * `npm start`: the main job, small. Replays the bundled capture, explains one of its
 * packets, and where it may, runs the live switch between two namespaces it makes.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packagePath } from '../package-path.js';
import { isTapAvailable } from '../port/tap.js';
import { DemoHosts } from './demo-hosts.js';
import { ExitCode } from './exit.js';

const SLUICE = packagePath('bin/sluice.js');
const HOSTS = ['h1', 'h2', 'h3'];
/** The first answer to a ping, which meets two learned addresses. */
const EXPLAINED_PACKET = 5;
const LEFT = 'sluice-demo-a';
const RIGHT = 'sluice-demo-b';

function title(text: string): void {
  process.stdout.write(`\n== ${text}\n\n`);
}

/** Runs a sluice command as a user would, and shows that command. */
function sluice(...args: readonly string[]): void {
  const shown = args.map(arg => arg.replace(`${packagePath('')}/`, ''));
  process.stdout.write(`$ sluice ${shown.join(' ')}\n`);
  execFileSync(process.execPath, [SLUICE, ...args], { stdio: 'inherit' });
}

function replayPart(): void {
  const config = packagePath('fixtures/lan.yaml');
  const inputs = HOSTS.flatMap(host => [
    '--in',
    `${host}=${packagePath(`fixtures/lan-${host}.pcap`)}`,
  ]);
  title('replay: three hosts, recorded on a Linux bridge, through the packet core');
  sluice('replay', '-c', config, ...inputs);
  title(`explain: the way of packet ${EXPLAINED_PACKET}`);
  sluice('explain', '-c', config, ...inputs, '--packet', String(EXPLAINED_PACKET));
}

const LIVE_CONFIG = `ports:
  a: { kind: tap, segment: lan, netns: ${LEFT}, device: eth0, mac: "02:42:0a:00:00:01" }
  b: { kind: tap, segment: lan, netns: ${RIGHT}, device: eth0, mac: "02:42:0a:00:00:02" }
segments:
  lan:
`;

/** The live switch between two namespaces, for a few seconds. */
async function livePart(): Promise<void> {
  title('run: the live switch between two network namespaces');
  const folder = mkdtempSync(join(tmpdir(), 'sluice-start-'));
  const config = join(folder, 'live.yaml');
  const socket = join(folder, 'live.sock');
  const hosts = DemoHosts.create([LEFT, RIGHT]);
  let running: ChildProcess | undefined;
  try {
    writeFileSync(config, LIVE_CONFIG);
    running = spawn(process.execPath, [SLUICE, 'run', '-c', config, '--socket', socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await started(running);
    hosts.address(LEFT, 'eth0', '10.0.0.1/24');
    hosts.address(RIGHT, 'eth0', '10.0.0.2/24');
    await traffic(hosts);
    sluice('fdb', 'show', '--socket', socket);
    sluice('stats', '--socket', socket);
    const ended = once(running, 'exit');
    running.kill('SIGTERM');
    await ended;
  } finally {
    running?.kill('SIGKILL');
    hosts.remove();
    rmSync(folder, { recursive: true });
  }
}

/** Shows what the switch prints; waits for its first line. */
async function started(running: ChildProcess): Promise<void> {
  const lines = createInterface({ input: running.stdout! });
  const first = once(lines, 'line');
  lines.on('line', line => process.stdout.write(`${line}\n`));
  const exit = once(running, 'exit').then(() => {
    throw new Error('the switch did not start');
  });
  exit.catch(() => undefined);
  await Promise.race([first, exit]);
}

async function traffic(hosts: DemoHosts): Promise<void> {
  const ping = ['ping', '-c', '3', '-i', '0.2', '10.0.0.2'];
  process.stdout.write(`$ ip netns exec ${LEFT} ${ping.join(' ')}\n`);
  process.stdout.write(`${await hosts.exec(LEFT, ...ping)}\n`);
  if (!has('iperf3', '--version')) {
    process.stdout.write('no iperf3 here (apt-get install iperf3): ping is all the traffic\n');
    return;
  }
  const server = hosts.exec(RIGHT, 'iperf3', '-s', '-1', '-B', '10.0.0.2');
  server.catch(() => undefined);
  const client = ['iperf3', '-c', '10.0.0.2', '-t', '2'];
  process.stdout.write(`$ ip netns exec ${LEFT} ${client.join(' ')}\n`);
  process.stdout.write(`${await withRetries(() => hosts.exec(LEFT, ...client))}\n`);
  await server;
}

/** The server may not listen yet. */
async function withRetries<T>(attempt: () => Promise<T>, tries = 20): Promise<T> {
  for (let left = tries; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

function missingForLive(): string | undefined {
  const available = isTapAvailable();
  if (!available.ok) return available.missing;
  if (!has('ip', '-V')) return 'ip is missing: apt-get install iproute2';
  return has('ping', '-V') ? undefined : 'ping is missing: apt-get install iputils-ping';
}

function has(command: string, argument: string): boolean {
  try {
    execFileSync(command, [argument], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  replayPart();
  const missing = missingForLive();
  if (missing === undefined) return livePart();
  process.stdout.write(`\nthe live switch is left out: ${missing}\n`);
}

main().catch((error: Error) => {
  process.stderr.write(`sluice: ${error.message}\n`);
  process.exitCode = ExitCode.Failure;
});
