/**
 * Builds everything into build/ (the core) and dist/ (the host), and the addon where a
 * compiler is there.
 *
 *   node scripts/build.mjs [core] [host] [native]     default: all three
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import binaryen from 'binaryen';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = name => `${root}node_modules/.bin/${name}`;
const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: 'inherit' });

/**
 * `asc` inlines functions of up to 200 nodes and Node 20 inlines no WASM call, so the
 * release module is optimised once more with a limit that fits the loops of a node.
 */
const INLINE_NODES = 600;

function buildCore() {
  run(bin('asc'), ['--config', 'asconfig.json', '--target', 'test']);
  run(bin('asc'), ['--config', 'asconfig.json', '--target', 'release']);
  const file = `${root}build/sluice.wasm`;
  const module = binaryen.readBinary(readFileSync(file));
  module.setFeatures(binaryen.Features.SIMD128 | binaryen.Features.BulkMemory | binaryen.Features.BulkMemoryOpt);
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  binaryen.setOneCallerInlineMaxSize(INLINE_NODES);
  module.optimize();
  if (!module.validate()) throw new Error('build/sluice.wasm: not valid after optimisation');
  writeFileSync(file, module.emitBinary());
  writeFileSync(`${root}build/sluice.wat`, module.emitText());
}

const parts = process.argv.slice(2);
const wants = part => parts.length === 0 || parts.includes(part);
if (wants('core')) buildCore();
if (wants('host')) run(bin('tsc'), ['-p', 'tsconfig.json']);
if (wants('native')) run(process.execPath, ['scripts/build-native.mjs']);
