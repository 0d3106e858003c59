/** Open vSwitch with its userspace datapath, in a namespace and a folder of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const START_MS = 10000;

export class Ovs {
  private readonly folder = mkdtempSync(join(tmpdir(), 'sluice-ovs-'));
  private readonly children: ChildProcess[] = [];

  private constructor(private readonly netns: string) {}

  static isInstalled(): boolean {
    return existsSync(SCHEMA);
  }

  /** With a bridge `br0`. `config`: settings of other_config, before the switch starts. */
  static async start(netns: string, config: readonly string[] = []): Promise<Ovs> {
    const ovs = new Ovs(netns);
    const { folder } = ovs;
    const database = join(folder, 'conf.db');
    execFileSync('ovsdb-tool', ['create', database, SCHEMA]);
    await ovs.daemon('ovsdb-server', [database, `--remote=punix:${ovs.socket}`], ovs.socket);
    ovs.vsctl('--no-wait', 'init');
    for (const setting of config) {
      ovs.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', `other_config:${setting}`);
    }
    const control = join(folder, 'ovs-vswitchd.ctl');
    await ovs.daemon('ovs-vswitchd', [`unix:${ovs.socket}`, '--disable-system'], control);
    ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev');
    return ovs;
  }

  vsctl(...args: readonly string[]): void {
    const all = [`--db=unix:${this.socket}`, '--timeout=20', ...args];
    execFileSync('ip', ['netns', 'exec', this.netns, 'ovs-vsctl', ...all], { stdio: 'pipe' });
  }

  /**
   * A bridge `phy` with the device of an underlay, and our address on it: where a tunnel
   * port of `br0` sends from.
   */
  addUnderlay(device: string, addresses: readonly string[]): void {
    const bridge = ['add-br', 'phy', '--', 'set', 'bridge', 'phy', 'datapath_type=netdev'];
    this.vsctl(...bridge, '--', 'add-port', 'phy', device);
    this.up('phy');
    for (const address of addresses) this.ip('addr', 'add', address, 'dev', 'phy');
  }

  /** A tunnel port of `br0`, to one peer. */
  addTunnel(type: 'vxlan' | 'geneve', peer: string, vni: number, options: string[] = []): void {
    const set = ['set', 'interface', type, `type=${type}`];
    const all = [`options:remote_ip="${peer}"`, `options:key=${vni}`, ...options];
    this.vsctl('add-port', 'br0', type, '--', ...set, ...all);
  }

  /** Gives `br0` an address: it is a host of the overlay itself. */
  addHost(address: string, mac: string, mtuBytes: number): void {
    this.vsctl('set', 'bridge', 'br0', `other-config:hwaddr="${mac}"`);
    this.vsctl('set', 'interface', 'br0', `mtu_request=${mtuBytes}`);
    this.up('br0');
    this.ip('addr', 'add', address, 'dev', 'br0');
  }

  private up(device: string): void {
    this.ip('link', 'set', device, 'up');
  }

  private ip(...args: readonly string[]): void {
    execFileSync('ip', ['-n', this.netns, ...args], { stdio: 'pipe' });
  }

  stop(): void {
    for (const child of this.children.reverse()) child.kill('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get socket(): string {
    return join(this.folder, 'db.sock');
  }

  /** Starts a daemon, and waits until `file` is there. */
  private async daemon(name: string, args: readonly string[], file: string): Promise<void> {
    const { folder } = this;
    const env = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
    const own = [`--unixctl=${join(folder, `${name}.ctl`)}`, `--pidfile=${join(folder, name)}`];
    const command = ['netns', 'exec', this.netns, name, ...args, ...own];
    this.children.push(spawn('ip', command, { env, stdio: 'ignore' }));
    for (let waitedMs = 0; !existsSync(file); waitedMs += 50) {
      if (waitedMs > START_MS) throw new Error(`${name} did not start`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}
