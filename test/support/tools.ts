import { spawnSync } from 'node:child_process';

/** Output of a program; undefined, and a line on stdout, if it is not installed. */
export function runTool(name: string, args: string[]): string | undefined {
  const done = spawnSync(name, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (done.error === undefined) return done.stdout;
  console.log(`skipped: ${name} cannot be run (${done.error.message})`);
  return undefined;
}
