/**
 * `npm test`: runs every test file in a process of its own, two at a time, and ends with
 * the sum. Arguments choose files by a part of their path. What needs root is in e2e/.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const PARALLEL = 2;

interface Result {
  file: string;
  output: string;
  passed: number;
  total: number;
  isClean: boolean;
}

function testFiles(): string[] {
  const wanted = process.argv.slice(2);
  return readdirSync(here, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.js') && !file.startsWith('e2e'))
    .filter(file => wanted.length === 0 || wanted.some(part => file.includes(part)))
    .sort();
}

function run(file: string): Promise<Result> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['--enable-source-maps', join(here, file)]);
    let output = '';
    child.stdout.on('data', chunk => (output += chunk));
    child.stderr.on('data', chunk => (output += chunk));
    child.on('close', code => {
      const figure = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(output)?.[1]);
      const [total, passed] = [figure('Total') || 0, figure('Passed') || 0];
      resolve({ file, output, total, passed, isClean: code === 0 });
    });
  });
}

async function runAll(files: string[]): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await run(file);
      results.push(result);
      const name = relative('.', join(here, file));
      process.stdout.write(`${result.isClean ? 'ok  ' : 'FAIL'} ${name}\n${result.output}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return results;
}

const results = await runAll(testFiles());
const passed = results.reduce((sum, result) => sum + result.passed, 0);
// A file that died before its summary counts as one failure.
const failed = results.reduce(
  (sum, { total, passed, isClean }) => sum + Math.max(total - passed, isClean ? 0 : 1),
  0,
);
for (const { file, isClean } of results) if (!isClean) console.log(`failed: ${file}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
