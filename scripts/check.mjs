/** Types of both worlds, and the format of everything. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (name, ...args) =>
  execFileSync(`${root}node_modules/.bin/${name}`, args, { cwd: root, stdio: 'inherit' });

try {
  run('tsc', '--noEmit', '-p', 'tsconfig.json');
  run('tsc', '--noEmit', '-p', 'assembly/tsconfig.json');
  run('prettier', '--check', '.');
} catch {
  process.exit(1);
}
