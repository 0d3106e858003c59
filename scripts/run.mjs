/**
 * What `npm start`, `npm test`, `npm run bench` and `npm run fuzz` run: installs and
 * builds when something is missing or older than its sources, then does the job.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const JOBS = {
  start: 'dist/src/cli/start.js',
  test: 'dist/test/run.js',
  bench: 'dist/bench/run.js',
  fuzz: 'dist/test/fuzz/run.js',
};
const SOURCES = ['assembly', 'src', 'test', 'bench', 'native', 'scripts', 'package.json'];
const GENERATED = join('native', 'build');

function newestMs(path) {
  if (path === join(root, GENERATED) || !existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map(name => newestMs(join(path, name))));
}

function isBuilt() {
  const stamp = join(root, 'build', 'built');
  if (!existsSync(stamp)) return false;
  const built = statSync(stamp).mtimeMs;
  return SOURCES.every(source => newestMs(join(root, source)) <= built);
}

/** Runs a step with its output on standard error, so a job's own output stays clean. */
function step(name, command, args) {
  process.stderr.write(`sluice: ${name}\n`);
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
}

const [job, ...args] = process.argv.slice(2);
if (!(job in JOBS)) {
  process.stderr.write(`sluice: expected one of ${Object.keys(JOBS).join(', ')}, got ${job}\n`);
  process.exit(2);
}
if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) {
  step('installing packages', 'npm', ['ci', '--no-audit', '--no-fund']);
}
if (!isBuilt()) step('building', process.execPath, ['scripts/build.mjs']);
const done = spawnSync(process.execPath, [JOBS[job], ...args], { cwd: root, stdio: 'inherit' });
process.exit(done.status ?? 1);
