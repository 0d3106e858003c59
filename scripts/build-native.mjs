/**
 * Builds the TAP addon with node-gyp. What is missing is said in one line; everything but
 * TAP ports works without the addon, so that is a failure only with --require.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Directory with include/node/node_api.h: the configured one, or the running node's. */
const NODE_PREFIX = process.env.npm_config_nodedir ?? join(dirname(process.execPath), '..');

/** Each with what to do about it on Debian and Ubuntu. */
const NEEDS = [
  { found: () => process.platform === 'linux', missing: 'Linux: TAP devices exist nowhere else' },
  {
    found: () => runs(process.env.CXX ?? 'g++', '--version'),
    missing: 'a C++17 compiler: apt-get install g++',
  },
  { found: () => runs('make', '--version'), missing: 'make: apt-get install make' },
  { found: () => runs('python3', '--version'), missing: 'python3: apt-get install python3' },
  {
    found: () => existsSync(join(ROOT, 'node_modules/node-addon-api/package.json')),
    missing: 'node-addon-api: npm ci',
  },
  {
    found: () => runs('node-gyp', '--version'),
    missing: 'node-gyp, which npm brings along: npm run build:native',
  },
];

function runs(command, argument) {
  return spawnSync(command, [argument], { stdio: 'ignore' }).status === 0;
}

/** Undefined, or one line that says why there is no addon. */
function build() {
  const need = NEEDS.find(({ found }) => !found());
  if (need) return `needs ${need.missing}`;
  const hasHeaders = existsSync(join(NODE_PREFIX, 'include/node/node_api.h'));
  const headers = hasHeaders ? [`--nodedir=${NODE_PREFIX}`] : []; // else node-gyp fetches them
  const result = spawnSync('node-gyp', ['rebuild', '-C', 'native', ...headers], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (result.status === 0) return undefined;
  process.stderr.write(result.stdout + result.stderr);
  if (!hasHeaders) return 'node headers could not be fetched: apt-get install libnode-dev';
  return 'compiling failed, see above';
}

const problem = build();
if (problem === undefined) {
  console.log('native: built native/build/Release/sluice.node');
} else {
  console.error(`native: not built (TAP ports will be unavailable): ${problem}`);
  process.exitCode = process.argv.includes('--require') ? 1 : 0;
}
