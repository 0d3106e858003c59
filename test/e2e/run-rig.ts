/** A live switch in a process of its own, and namespaces with its devices. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packagePath } from '../../src/package-path.js';
import { isTapAvailable } from '../../src/port/tap.js';

const NETNS_PREFIX = 'slu-run-';
/** Generous: only a broken switch takes so long. */
const EVENT_MS = 60_000;

export interface Event {
  event: string;
  [key: string]: unknown;
}

/** Undefined, or why tests with devices cannot run here. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const available = isTapAvailable();
  if (!available.ok) return available.missing;
  if (spawnSync('ip', ['-V']).status !== 0) return 'ip is missing: apt-get install iproute2';
  return undefined;
}

/** Runs a command; returns what it printed, or throws what it complained about. */
export function run(command: string, ...words: string[]): string {
  const result = spawnSync(command, words, { encoding: 'utf8' });
  if (result.status === 0) return result.stdout;
  throw new Error(`${command} ${words.join(' ')}: ${result.stderr}${result.stdout}`);
}

/** `sluice run --json`, with its events. */
export class Live {
  readonly events: Event[] = [];
  private readonly child: ChildProcess;
  private readonly waiting = new Set<() => void>();
  private errors = '';

  constructor(
    config: string,
    readonly socket: string,
  ) {
    const words = [packagePath('bin/sluice.js'), 'run', '-c', config, '--socket', socket, '--json'];
    this.child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stderr!.on('data', (text: Buffer) => (this.errors += text.toString()));
    createInterface({ input: this.child.stdout! }).on('line', line => {
      this.events.push(JSON.parse(line) as Event);
      for (const wake of this.waiting) wake();
    });
    this.child.once('exit', () => {
      for (const wake of this.waiting) wake();
    });
  }

  /** The event of that name number `count`, when it is there. */
  async expect(name: string, count = 1): Promise<Event> {
    const deadline = setTimeout(() => this.child.kill('SIGKILL'), EVENT_MS);
    try {
      for (;;) {
        const found = this.events.filter(({ event }) => event === name)[count - 1];
        if (found !== undefined) return found;
        if (this.hasEnded) throw new Error(`the switch ended before ${name}: ${this.errors}`);
        await new Promise<void>(resolve => {
          const wake = (): void => {
            this.waiting.delete(wake);
            resolve();
          };
          this.waiting.add(wake);
        });
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends a signal and waits for the end. Returns the exit code. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.hasEnded) {
      const exited = once(this.child, 'exit');
      this.child.kill(signal);
      await exited;
    }
    return this.child.exitCode;
  }
}

/** Namespaces a, b, … with addresses 10.77.0.1, .2, …, and a folder. */
export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-run-'));
  readonly config = join(this.folder, 'net.yaml');
  readonly socket = join(this.folder, 'net.sock');
  private readonly lives: Live[] = [];

  constructor(readonly names: readonly string[]) {
    for (const name of names) {
      run('ip', 'netns', 'add', this.netns(name));
      const quiet = 'net.ipv6.conf.default.disable_ipv6=1'; // no frames but the test's own
      run('ip', 'netns', 'exec', this.netns(name), 'sysctl', '-qw', quiet);
    }
  }

  netns(name: string): string {
    return `${NETNS_PREFIX}${name}-${process.pid}`;
  }

  address(name: string): string {
    return `10.77.0.${this.names.indexOf(name) + 1}`;
  }

  /** A segment with a port for each name; `more` is for ports, by name. */
  write(more: Record<string, string> = {}, names = this.names): void {
    const ports = names.map(name => {
      const mac = `"02:00:00:00:00:0${this.names.indexOf(name) + 1}"`; // neighbours know it when it comes back
      const rest = more[name] === undefined ? '' : `, ${more[name]}`;
      return `  ${name}: { segment: lan, device: eth0, netns: ${this.netns(name)}, mac: ${mac}${rest} }`;
    });
    writeFileSync(this.config, `segments: { lan: }\nports:\n${ports.join('\n')}\n`);
  }

  async start(): Promise<Live> {
    const live = new Live(this.config, this.socket);
    this.lives.push(live);
    await live.expect('started');
    for (const name of this.names) this.addAddress(name);
    return live;
  }

  addAddress(name: string): void {
    const address = `${this.address(name)}/24`;
    run('ip', '-n', this.netns(name), 'addr', 'add', address, 'dev', 'eth0');
  }

  /** Throws when any of three pings stays unanswered. */
  ping(from: string, to: string): void {
    const words = ['ping', '-n', '-q', '-c', '3', '-i', '0.2', '-W', '10', this.address(to)];
    run('ip', 'netns', 'exec', this.netns(from), ...words);
  }

  async close(): Promise<void> {
    for (const live of this.lives) await live.end('SIGKILL');
    for (const name of this.names) spawnSync('ip', ['netns', 'del', this.netns(name)]);
    rmSync(this.folder, { recursive: true });
  }
}
