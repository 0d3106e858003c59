#!/usr/bin/env node
// Launcher: all of the program is in dist/.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const USAGE_OR_SETUP = 2;
const main = new URL('../dist/src/cli/index.js', import.meta.url);

if (existsSync(fileURLToPath(main))) {
  const { runCli } = await import(main.href);
  await runCli(process.argv);
} else {
  const root = fileURLToPath(new URL('..', import.meta.url));
  process.stderr.write(`sluice: not built: run npm ci && npm run build in ${root}\n`);
  process.exitCode = USAGE_OR_SETUP;
}
