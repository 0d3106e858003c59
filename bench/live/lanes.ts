/**
 * Lanes: two namespaces each and something that joins them, so that the same traffic can
 * be sent through sluice, a kernel bridge, Open vSwitch and a C loop in turn.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoHosts } from '../../src/cli/demo-hosts.js';
import { packagePath } from '../../src/package-path.js';
import { LiveSwitch } from '../../test/support/live-switch.js';
import { Ovs } from '../../test/support/ovs.js';
import { Missing } from '../support/workload.js';

export const SERVER_ADDRESS = '10.77.0.2';
const CLIENT_ADDRESS = '10.77.0.1';
/** What sluice does by default; the C loop gets the same. */
const SPIN_US = 50;

export class Lane {
  /** Namespaces of the client and the server. */
  readonly client: string;
  readonly server: string;
  readonly hosts: DemoHosts;
  private readonly closing: (() => void | Promise<void>)[] = [];

  constructor(readonly name: string) {
    this.client = `slu-bench-${name}-a`;
    this.server = `slu-bench-${name}-b`;
    this.hosts = DemoHosts.create([this.client, this.server, this.middle]);
    this.closing.push(() => this.hosts.remove());
  }

  /** Namespace of what joins them, for lanes that need one. */
  get middle(): string {
    return `slu-bench-${this.name}-m`;
  }

  /** Undone in reverse order. */
  onClose(undo: () => void | Promise<void>): void {
    this.closing.push(undo);
  }

  /** Gives both ends their addresses, once their devices exist. */
  address(): this {
    this.hosts.address(this.client, 'eth0', `${CLIENT_ADDRESS}/24`);
    this.hosts.address(this.server, 'eth0', `${SERVER_ADDRESS}/24`);
    return this;
  }

  async close(): Promise<void> {
    for (const undo of this.closing.reverse()) await undo();
  }
}

/** Builds a lane; what was made of one that fails is removed. */
async function lane(name: string, build: (lane: Lane) => void | Promise<void>): Promise<Lane> {
  const made = new Lane(name);
  try {
    await build(made);
    return made.address();
  } catch (error) {
    await made.close();
    throw error;
  }
}

/** The switch as `sluice run` runs it, with its defaults; `pid` is that of the process. */
export async function sluiceLane(): Promise<Lane & { pid: number }> {
  let pid = 0;
  const made = await lane('sluice', async made => {
    const port = (netns: string): string =>
      `{ kind: tap, segment: lan, netns: ${netns}, device: eth0 }`;
    const ports = `  a: ${port(made.client)}\n  b: ${port(made.server)}\n`;
    const live = await LiveSwitch.start(`ports:\n${ports}segments:\n  lan:\n`);
    made.onClose(() => live.stop());
    pid = live.process.pid!;
  });
  return Object.assign(made, { pid });
}

export function bridgeLane(): Promise<Lane> {
  return lane('bridge', made => {
    ip('-n', made.middle, 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', made.middle, 'link', 'set', 'br0', 'up');
    for (const [host, peer] of veths(made)) {
      ip('-n', made.middle, 'link', 'set', peer, 'master', 'br0', 'up');
      ip('-n', host, 'link', 'set', 'eth0', 'up');
    }
  });
}

/** Open vSwitch's userspace datapath, TAP to TAP: veth and AF_PACKET are slower with it. */
export async function ovsLane(name: string, hasTso: boolean): Promise<Lane> {
  if (!Ovs.isInstalled()) throw new Missing('Open vSwitch: apt-get install openvswitch-switch');
  return lane(name, async made => {
    const ovs = await Ovs.start(made.middle, hasTso ? ['userspace-tso-enable=true'] : []);
    made.onClose(() => ovs.stop());
    for (const [end, tap] of ENDS) {
      const host = made[end];
      ovs.vsctl('add-port', 'br0', tap, '--', 'set', 'interface', tap, 'type=tap');
      ip('-n', made.middle, 'link', 'set', tap, 'netns', host);
      ip('-n', host, 'link', 'set', tap, 'name', 'eth0', 'up');
    }
  });
}

/** The yardstick in C: live/tap-loop.c. */
export function loopLane(tools: Tools): Promise<Lane> {
  return lane('loop', async made => {
    const args = [made.client, made.server, String(SPIN_US)];
    const child = spawn(tools.path('tap-loop'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    made.onClose(() => stopped(child));
    await once(child.stdout, 'data');
  });
}

/** Both ends, and what the middle calls its device for each. */
const ENDS = [
  ['client', 'port-a'],
  ['server', 'port-b'],
] as const;

/** A veth pair for each end; the middle's side is named for the end. */
function veths(made: Lane): [host: string, peer: string][] {
  return ENDS.map(([end, peer]) => {
    const other = ['peer', 'name', peer, 'netns', made.middle];
    ip('-n', made[end], 'link', 'add', 'eth0', 'type', 'veth', ...other);
    return [made[end], peer];
  });
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** C programs of this folder, compiled for one run. */
export class Tools {
  private readonly folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));

  constructor(...names: readonly string[]) {
    for (const name of names) {
      const source = packagePath(`bench/live/${name}.c`);
      try {
        execFileSync('gcc', ['-O2', '-o', this.path(name), source], { stdio: 'pipe' });
      } catch {
        throw new Missing('a C compiler: apt-get install gcc libc6-dev');
      }
    }
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
