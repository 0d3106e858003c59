/**
 * Two hosts of an underlay, a namespace each, joined by a veth pair with device `u`, and
 * hosts of the overlay in namespaces of their own. Nothing is offloaded to the veths where
 * their frames are captured: tshark would find checksums that nobody has finished yet.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoHosts } from '../../src/cli/demo-hosts.js';
import { faultsIn } from './tshark.js';

/** What a device must not leave to the wire. */
const UNFINISHED = ['tx', 'tso', 'gso', 'gro', 'tx-udp-segmentation', 'tx-udp_tnl-segmentation'];
const TCPDUMP_MS = 20000;
/** So that the last frames are in the file. */
const CAPTURE_TAIL_MS = 200;

export type Side = 'left' | 'right';
export const SIDES = ['left', 'right'] as const;
export const UNDERLAY_DEVICE = 'u';

/** Addresses of the ends. */
export const UNDERLAY_IP: Record<Side, string> = { left: '192.0.2.1', right: '192.0.2.2' };
export const UNDERLAY_IP6: Record<Side, string> = { left: 'fd01::1', right: 'fd01::2' };

export interface PairOptions {
  /** Namespaces besides, by short name. */
  hosts?: readonly string[];
  mtuBytes?: number;
  /** False: devices take offloads, for speed. */
  isFinished?: boolean;
  /** Ends whose kernel has the underlay's addresses. Default: both. */
  addressed?: readonly Side[];
}

export class UnderlayPair {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-pair-'));
  private readonly hosts: DemoHosts;
  private readonly closing: (() => void | Promise<void>)[] = [];

  /** `prefix` begins the names of all namespaces. */
  constructor(
    private readonly prefix: string,
    options: PairOptions = {},
  ) {
    const names = [...SIDES, ...(options.hosts ?? [])];
    this.hosts = DemoHosts.create(names.map(name => this.netns(name)));
    this.onClose(() => this.hosts.remove());
    for (const name of names) {
      this.run(name, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0');
      this.run(name, 'sysctl', '-qw', 'net.ipv6.conf.default.router_solicitations=0');
    }
    this.join(options);
  }

  private join({ mtuBytes = 1500, isFinished = true, addressed = SIDES }: PairOptions): void {
    const peer = ['peer', 'name', UNDERLAY_DEVICE, 'netns', this.netns('right')];
    this.ip('left', 'link', 'add', UNDERLAY_DEVICE, 'type', 'veth', ...peer);
    for (const side of SIDES) {
      if (isFinished) this.finish(side, UNDERLAY_DEVICE);
      this.ip(side, 'link', 'set', UNDERLAY_DEVICE, 'mtu', `${mtuBytes}`, 'up');
      this.ip(side, 'link', 'set', 'lo', 'up');
      if (!addressed.includes(side)) continue;
      this.ip(side, 'addr', 'add', `${UNDERLAY_IP[side]}/24`, 'dev', UNDERLAY_DEVICE);
      this.ip(side, 'addr', 'add', `${UNDERLAY_IP6[side]}/64`, 'dev', UNDERLAY_DEVICE, 'nodad');
    }
  }

  /** Turns off what would leave frames unfinished. */
  finish(host: string, device: string): void {
    for (const feature of UNFINISHED) {
      spawnSync('ip', ['netns', 'exec', this.netns(host), 'ethtool', '-K', device, feature, 'off']);
    }
  }

  /** Different in every process, so that two runs do not take each other's. */
  netns(host: string): string {
    return `${this.prefix}${process.pid}-${host}`;
  }

  ip(host: string, ...args: readonly string[]): void {
    execFileSync('ip', ['-n', this.netns(host), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** Runs a command in a host; returns what it printed, throws when it fails. */
  run(host: string, ...command: readonly string[]): string {
    const args = ['netns', 'exec', this.netns(host), ...command];
    return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  exec(host: string, ...command: readonly string[]): Promise<string> {
    return this.hosts.exec(this.netns(host), ...command);
  }

  spawn(host: string, ...command: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.netns(host), ...command]);
    this.onClose(() => void child.kill('SIGKILL'));
    return child;
  }

  /** Undone in reverse order. */
  onClose(undo: () => void | Promise<void>): void {
    this.closing.push(undo);
  }

  async close(): Promise<void> {
    for (const undo of this.closing.reverse()) await undo();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Captures the underlay as one end sees it. */
  async capture(side: Side = 'right'): Promise<UnderlayCapture> {
    const path = join(this.folder, `${side}-${this.closing.length}.pcap`);
    const words = ['-i', UNDERLAY_DEVICE, '-s', '0', '-B', '32768', '-U', '-w', path];
    const child = this.spawn(side, 'tcpdump', ...words);
    const timeout = AbortSignal.timeout(TCPDUMP_MS);
    await once(child.stderr!, 'data', { signal: timeout }); // it listens
    return new UnderlayCapture(path, child);
  }
}

export class UnderlayCapture {
  constructor(
    readonly path: string,
    private readonly child: ChildProcess,
  ) {}

  /** Ends it; returns the file's path. */
  async stop(): Promise<string> {
    await new Promise(resolve => setTimeout(resolve, CAPTURE_TAIL_MS));
    const ended = once(this.child, 'exit');
    this.child.kill('SIGINT');
    await ended;
    return this.path;
  }

  /** Ends it, and returns what tshark finds wrong with it. */
  async faults(): Promise<string[]> {
    return faultsIn(await this.stop());
  }
}
