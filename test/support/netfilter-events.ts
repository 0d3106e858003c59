/** What `conntrack -E` prints in a network namespace, and what of it can be compared. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const NETFILTER = '12'; // NETLINK_NETFILTER
const POLL_MS = 20;
const START_MS = 10000;
const WAIT_MS = 20000;

/** Undefined, or why events of the kernel cannot be heard here. */
export function whyNoConntrack(): string | undefined {
  if (spawnSync('conntrack', ['--version']).status === 0) return undefined;
  return 'conntrack is missing: apt-get install conntrack';
}

export class ConntrackEvents {
  readonly lines: string[] = [];
  private errors = '';

  private constructor(private readonly child: ChildProcess) {
    createInterface({ input: child.stdout! }).on('line', line => this.lines.push(line));
    child.stderr!.on('data', (text: Buffer) => (this.errors += text.toString()));
  }

  /** Hears what happens in the namespace from when it returns on. */
  static async start(namespace: string): Promise<ConntrackEvents> {
    const words = ['netns', 'exec', namespace, 'conntrack', '-E', '-b', String(1 << 23)];
    const child = spawn('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const events = new ConntrackEvents(child);
    const deadline = Date.now() + START_MS;
    while (!hears(child.pid!)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`conntrack -E: does not listen: ${events.errors}`);
      }
      await sleep(POLL_MS);
    }
    return events;
  }

  /** Waits for a line that has `text`. */
  async until(text: string): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    let seen = 0;
    for (;;) {
      for (; seen < this.lines.length; seen++) if (this.lines[seen]!.includes(text)) return;
      if (this.child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`conntrack -E: no ${text} in ${seen} lines: ${this.errors}`);
      }
      await sleep(POLL_MS);
    }
  }

  async close(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

/** Whether the process has joined a group of netfilter: proc(5), /proc/net/netlink. */
function hears(pid: number): boolean {
  const rows = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').trim().split('\n').slice(1);
  return rows.some(row => {
    const [, protocol, , groups] = row.trim().split(/ +/);
    return protocol === NETFILTER && groups !== '00000000';
  });
}

/** What is meant to differ, and why. */
export const EVENT_DIFFERENCES = {
  'state in updates':
    'ours say the state of TCP in each line; the kernel, in updates, only when it is another one',
  'elapsed second': 'a second may pass between the packet and the line',
  'uncounted SYN':
    'ours count each packet that passes; the kernel does not count a SYN that changes nothing, nor what it passes on without looking at it',
} as const;

/**
 * A line without EVENT_DIFFERENCES and what no two routers have in common: how long a connection
 * lasted, who deleted it, and of ends when it would have died.
 */
function comparable(line: string, isUncounted: boolean): string {
  const plain = line
    .replace(/ \[USERSPACE\].*/, '')
    .replace(/ delta-time=\d+/, ' delta-time=N')
    .replace(/^(\[DESTROY\] \S+ +\d+) \d+ /, '$1 ')
    .replace(/^( \[UPDATE\] tcp +6 \d+) [A-Z_0-9]+ src/, '$1 src')
    .replace(/^(.{10}\S+ +\d+ )(\d+)(?= )/, (_, head: string, sec: string) => head + full(sec))
    .trimEnd();
  return isUncounted ? plain.replace(/ (packets|bytes)=\d+/g, '') : plain;
}

/** Seconds as they were a moment ago: timers are of tens of seconds. */
function full(sec: string): string {
  return String(Math.ceil(Number(sec) / 10) * 10);
}

/** Lines by protocol and the port of theirs that only one connection has: the greatest. */
export function byConnection(
  lines: readonly string[],
  uncounted: ReadonlySet<string> = new Set(),
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const numbers = [...line.matchAll(/(?:sport|dport|code=\d id)=(\d+)/g)].map(([, n]) =>
      Number(n),
    );
    const key = `${/\] (?:\S+ +2 )?(\S+)/.exec(line)![1]} ${Math.max(...numbers)}`;
    const told = comparable(line, uncounted.has(key));
    found.set(key, [...(found.get(key) ?? []), told]);
  }
  return found;
}
