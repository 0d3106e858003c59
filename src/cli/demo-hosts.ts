/** Network namespaces for demonstrations and tests: made, used, removed. Needs root. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Namespaces that exist until `remove`. */
export class DemoHosts {
  private constructor(readonly names: readonly string[]) {}

  /** Makes them anew; what an earlier, killed run left behind goes first. */
  static create(names: readonly string[]): DemoHosts {
    const hosts = new DemoHosts(names);
    hosts.remove();
    for (const name of names) ip('netns', 'add', name);
    return hosts;
  }

  /** Gives the device of a host an address, and brings up its loopback. */
  address(host: string, device: string, address: string): void {
    ip('-n', host, 'addr', 'add', address, 'dev', device, 'nodad');
    ip('-n', host, 'link', 'set', 'lo', 'up');
  }

  /** Runs a command in a host. Returns what it printed; throws when it fails. */
  async exec(host: string, ...command: readonly string[]): Promise<string> {
    const { stdout } = await run('ip', ['netns', 'exec', host, ...command]);
    return stdout;
  }

  remove(): void {
    for (const name of this.names) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was not there.
      }
    }
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
