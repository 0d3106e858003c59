/** A `sluice run` of its own process, for tests on real devices. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { packagePath } from '../../src/package-path.js';
import { isTapAvailable } from '../../src/port/tap.js';

const SLUICE = packagePath('bin/sluice.js');
const START_MS = 30000;
const run = promisify(execFile);

export class LiveSwitch {
  private constructor(
    readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  /** Starts a switch and waits until it says that it runs. */
  static async start(yaml: string): Promise<LiveSwitch> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-live-'));
    const live = new LiveSwitch(spawnIn(folder, yaml), folder);
    try {
      await live.line(START_MS);
    } catch (error) {
      await live.stop();
      throw error;
    }
    return live;
  }

  get socket(): string {
    return join(this.folder, 'live.sock');
  }

  get config(): string {
    return join(this.folder, 'live.yaml');
  }

  /** Runs another sluice command on this switch; returns what it printed. */
  async sluice(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(process.execPath, [SLUICE, ...args, '--socket', this.socket]);
    return stdout;
  }

  async stop(): Promise<void> {
    const { process: child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The next line it prints; rejects when it ends first, or says nothing for `ms`. */
  private async line(ms: number): Promise<string> {
    const lines = createInterface({ input: this.process.stdout! });
    const timeout = AbortSignal.timeout(ms);
    const exit = once(this.process, 'exit').then(([code]) => {
      throw new Error(`sluice run ended with ${String(code)}`);
    });
    exit.catch(() => undefined);
    const [line] = (await Promise.race([once(lines, 'line', { signal: timeout }), exit])) as [
      string,
    ];
    return line;
  }
}

function spawnIn(folder: string, yaml: string): ChildProcess {
  const config = join(folder, 'live.yaml');
  writeFileSync(config, yaml);
  const args = [SLUICE, 'run', '-c', config, '--socket', join(folder, 'live.sock')];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Whether tests on TAP devices can run here; says why not. */
export function canRunLive(): boolean {
  const available = isTapAvailable();
  if (!available.ok) process.stdout.write(`skipped: ${available.missing}\n`);
  return available.ok;
}
