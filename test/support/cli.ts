/** The command line from outside: a command, and a running switch to ask. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';

export const SLUICE = packagePath('bin/sluice.js');

/** Runs a command to its end. */
export function sluice(...words: string[]) {
  const env = { ...process.env, SLUICE_SOCKET: undefined };
  return spawnSync(process.execPath, [SLUICE, ...words], { encoding: 'utf8', env });
}

/** A folder with a configuration. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  readonly config = join(this.path, 'net.yaml');
  readonly socket = join(this.path, 'net.sock');

  constructor(text: string) {
    writeFileSync(this.config, text);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

export async function withFolder(text: string, run: (folder: Folder) => unknown): Promise<void> {
  const folder = new Folder(text);
  try {
    await run(folder);
  } finally {
    folder.remove();
  }
}

/** A running switch: calls give what they print. Returns the lines it printed itself. */
export async function withRun(
  text: string,
  run: (ask: typeof sluice, folder: Folder, child: ChildProcess) => Promise<void>,
): Promise<string[]> {
  const lines: string[] = [];
  await withFolder(text, async folder => {
    const words = [SLUICE, 'run', '-c', folder.config, '--socket', folder.socket, '--json'];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const reader = createInterface({ input: child.stdout });
    reader.on('line', line => lines.push(line));
    const exited = once(child, 'exit');
    await once(reader, 'line');
    try {
      await run((...more) => sluice(...more, '--socket', folder.socket), folder, child);
    } finally {
      child.kill('SIGTERM');
      const [code] = (await exited) as [number];
      assert.is(code, 0);
    }
  });
  return lines;
}
