/**
 * A router made of kernel network namespaces: `in` has 10.0.1.1/24, `out` 203.0.113.1/24, MAC
 * addresses and default route are those of ZoneRig.router. What is on either side is played by
 * test/e2e/netfilter-frames.py, which sends raw frames and says what came back for each.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type Interface, createInterface } from 'node:readline';
import { ConntrackEvents } from './netfilter-events.js';
import { packagePath } from '../../src/package-path.js';
import { INSIDE, OUTSIDE } from './zone-rig.js';

/** That of nf_tables makes one comparison of two negated ports, which is something else. */
const RESTORE = 'iptables-legacy-restore';
const PYTHON = '/usr/bin/python3';
const SIDES = { in: INSIDE, out: OUTSIDE };
export type Side = keyof typeof SIDES;
export interface Came {
  side: Side;
  bytes: Uint8Array;
}
export interface KernelOptions {
  /** IP and MAC addresses of whom the router is to know, by side. */
  neighbours: Record<Side, readonly (readonly [ip: string, mac: string])[]>;
  /** Arguments of `ip route add`. */
  routes?: readonly string[];
  mtuBytes?: Partial<Record<Side, number>>;
  /** rp_filter of both sides. */
  reversePath?: number;
  /** false: TCP windows are checked. */
  liberal?: boolean;
}

/** A line of /proc/net/nf_conntrack. */
export interface KernelFlow {
  /** Seconds until it dies. */
  leftSec: number;
  /** Empty where flows of the protocol have none. */
  state: string;
  isAssured: boolean;
}

/**
 * No limits to ICMP errors (test-switch time passes fast enough for a zone's own).
 */
const SETTINGS = [
  'net.ipv4.ip_forward=1',
  'net.ipv4.icmp_ratelimit=0',
  'net.ipv4.icmp_msgs_per_sec=1000000',
  'net.ipv4.icmp_msgs_burst=1000000',
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.default.send_redirects=0',
  'net.ipv6.conf.all.disable_ipv6=1',
  'net.ipv6.conf.default.disable_ipv6=1',
];
/** Ends are told with counters and how long the connection lasted. */
const TOLD = ['net.netfilter.nf_conntrack_acct=1', 'net.netfilter.nf_conntrack_timestamp=1'];
const LIBERAL = 'net.netfilter.nf_conntrack_tcp_be_liberal';

/** Undefined, or why the kernel's netfilter cannot be asked here. */
export function whyNoNetfilter(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [tool, word, name] of [
    ['ip', '-V', 'iproute2'],
    [RESTORE, '--version', 'iptables'],
    [PYTHON, '--version', 'python3'],
    ['ethtool', '--version', 'ethtool'],
  ] as const) {
    if (spawnSync(tool, [word]).status !== 0) return `${tool} is missing: apt-get install ${name}`;
  }
  return undefined;
}

function run(words: readonly string[], input?: string): void {
  const done = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8', input });
  if (done.status === 0) return;
  throw new Error(`${words.join(' ')}: ${done.error?.message ?? done.stderr}\n${input ?? ''}`);
}

let made = 0;

export class KernelRouter {
  private readonly router = `slu-nf${process.pid}-${++made}`;
  private readonly far = `${this.router}f`;
  private child: ChildProcess | undefined;
  private lines: Interface | undefined;
  private readonly waiting: ((came: Came[]) => void)[] = [];
  private came: Came[] = [];
  private failed: Error | undefined;
  private listener: ConntrackEvents | undefined;
  private refuse: (error: Error) => void = () => {};

  private constructor(private readonly liberal: boolean) {}

  static async start(options: KernelOptions): Promise<KernelRouter> {
    const kernel = new KernelRouter(options.liberal ?? true);
    try {
      kernel.build(options);
      await kernel.play();
    } catch (error) {
      await kernel.close();
      throw error;
    }
    return kernel;
  }

  private build({ neighbours, routes = [], mtuBytes = {}, reversePath = 0 }: KernelOptions): void {
    run(['ip', 'netns', 'add', this.router]);
    run(['ip', 'netns', 'add', this.far]);
    this.sysctl(...SETTINGS);
    run(['ip', 'netns', 'exec', this.far, 'sysctl', '-qw', ...SETTINGS.slice(-2)]);
    const batch: string[] = [];
    for (const side of ['in', 'out'] as const) {
      const { mac, address } = SIDES[side];
      batch.push(
        `link add name ${side} address ${mac} type veth peer name ${side} netns ${this.far}`,
      );
      batch.push(`link set ${side} mtu ${mtuBytes[side] ?? 1500} up`);
      batch.push(`addr add ${address} dev ${side}`);
      for (const [ip, hostMac] of neighbours[side]) {
        batch.push(`neigh add ${ip} lladdr ${hostMac} dev ${side} nud permanent`);
      }
    }
    const far = ['in', 'out'].map(side => `link set ${side} up`);
    run(['ip', '-n', this.router, '-batch', '-'], batch.join('\n'));
    run(['ip', '-n', this.far, '-batch', '-'], far.join('\n'));
    run(
      ['ip', '-n', this.router, '-batch', '-'],
      ['route add default via 203.0.113.254', ...routes.map(route => `route add ${route}`)].join(
        '\n',
      ),
    );
    for (const side of ['in', 'out']) {
      this.inside('sysctl', '-qw', `net.ipv4.conf.${side}.rp_filter=${reversePath}`);
      const off = ['-K', side, 'tx', 'off', 'rx', 'off', 'gro', 'off', 'gso', 'off', 'tso', 'off'];
      this.inside('ethtool', ...off);
      run(['ip', 'netns', 'exec', this.far, 'ethtool', ...off]);
    }
  }

  private inside(...words: string[]): void {
    run(['ip', 'netns', 'exec', this.router, ...words]);
  }

  private async play(): Promise<void> {
    const script = packagePath('test/e2e/netfilter-frames.py');
    const sides = Object.entries(SIDES).map(
      ([name, { mac, address }]) => `${name}=${mac}=${address.split('/')[0]}`,
    );
    const words = ['netns', 'exec', this.far, PYTHON, script, ...sides];
    this.child = spawn('ip', words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.child.stdout! });
    this.child.once('exit', code => {
      this.failed = new Error(`netfilter-frames.py: ended, code ${code}`);
      this.refuse(this.failed);
    });
    await new Promise((resolve, reject) => {
      this.refuse = reject;
      this.lines!.once('line', resolve);
    });
    this.lines.on('line', line => this.hear(line));
  }

  private hear(line: string): void {
    if (line === '.') {
      const came = this.came;
      this.came = [];
      this.waiting.shift()!(came);
      return;
    }
    const [side, text] = line.split(' ');
    this.came.push({ side: side as Side, bytes: Uint8Array.from(Buffer.from(text!, 'hex')) });
  }

  /** Replaces the rules by those of a text of iptables-save. */
  rules(text: string): void {
    run(['ip', 'netns', 'exec', this.router, RESTORE], text);
    this.sysctl(`${LIBERAL}=${Number(this.liberal)}`);
  }

  /** What happens to its connections from now on. */
  async events(): Promise<ConntrackEvents> {
    this.sysctl(...TOLD);
    this.listener = await ConntrackEvents.start(this.router);
    return this.listener;
  }

  sysctl(...settings: string[]): void {
    this.inside('sysctl', '-qw', ...settings);
  }

  /** Runs conntrack(8) there. */
  conntrack(...words: string[]): void {
    this.inside('conntrack', ...words);
  }

  /** The flow whose first packet had this source port; undefined: there is none. */
  flow(sourcePort: number): KernelFlow | undefined {
    const words = ['netns', 'exec', this.router, 'cat', '/proc/net/nf_conntrack'];
    const { stdout } = spawnSync('ip', words, { encoding: 'utf8', maxBuffer: 1 << 26 });
    for (const line of stdout.split('\n')) {
      const [first] = /sport=\d+/.exec(line) ?? [];
      if (first !== `sport=${sourcePort}`) continue;
      const [, , , , leftSec, state] = line.split(/\s+/);
      const isState = state !== undefined && !state.includes('=');
      const isAssured = line.includes('[ASSURED]');
      return { leftSec: Number(leftSec), state: isState ? state : '', isAssured };
    }
    return undefined;
  }

  /** Sends a frame to the router by a side; what the router did about it at once. */
  async send(side: Side, bytes: Uint8Array): Promise<Came[]> {
    if (this.failed !== undefined) throw this.failed;
    return await new Promise((resolve, reject) => {
      this.refuse = reject;
      this.waiting.push(resolve);
      this.child!.stdin!.write(`${side} ${Buffer.from(bytes).toString('hex')}\n`);
    });
  }

  async close(): Promise<void> {
    const { child } = this;
    await this.listener?.close();
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.stdin!.end();
      await ended;
    }
    for (const name of [this.router, this.far]) spawnSync('ip', ['netns', 'del', name]);
  }
}
