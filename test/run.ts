/**
 * Runs every test file in a process of its own, two at a time, and ends with one line:
 * `N passed, N failed`. Files under test/e2e/ run one at a time, behind the others, since
 * they share the machine's network namespaces.
 *
 *   node dist/test/run.js [PART…]     only files whose path has one of the parts
 *
 * Where CI is set a skipped test is a failed one.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILE_MS = 10 * 60 * 1000;
const AT_ONCE = 2;

interface Result {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  output: string;
}

const here = dirname(fileURLToPath(import.meta.url));

function testFiles(parts: readonly string[]): string[] {
  const names = readdirSync(here, { recursive: true, encoding: 'utf8' });
  return names
    .filter(name => name.endsWith('.test.js'))
    .filter(name => parts.length === 0 || parts.some(part => name.includes(part)))
    .sort()
    .map(name => join(here, name));
}

/** One file. What uvu says of its tests is in its last lines; no such lines: it crashed. */
function runFile(path: string): Promise<Result> {
  const file = relative(here, path);
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['--enable-source-maps', path], {
      timeout: FILE_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    child.on('close', (code, signal) => {
      const total = countIn(output, 'Total');
      const passed = countIn(output, 'Passed');
      const skipped = countIn(output, 'Skipped');
      // uvu's total leaves skipped tests out.
      const crashed = code !== 0 && total === passed;
      if (crashed) output += `\n${file}: ended with ${signal ?? `code ${code}`}\n`;
      const failed = total - passed + (crashed ? 1 : 0);
      resolve({ file, passed, failed, skipped, output });
    });
  });
}

function countIn(output: string, label: string): number {
  const found = [...output.matchAll(new RegExp(`^\\s*${label}:\\s+(\\d+)`, 'gm'))];
  return found.reduce((sum, match) => sum + Number(match[1]), 0);
}

function report(result: Result): void {
  const { file, passed, failed, skipped, output } = result;
  const notes = skipped > 0 ? `, ${skipped} skipped` : '';
  process.stdout.write(`${failed > 0 ? 'FAIL' : 'ok  '} ${file}: ${passed} passed${notes}\n`);
  const said = output.split('\n').filter(line => /^(not covered|skipped)/.test(line));
  if (failed > 0) process.stdout.write(output);
  else for (const line of said) process.stdout.write(`     ${line}\n`);
}

async function runAll(files: readonly string[], atOnce: number): Promise<Result[]> {
  const waiting = [...files];
  const results: Result[] = [];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file);
      report(result);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

const files = testFiles(process.argv.slice(2));
const isE2e = (file: string): boolean => relative(here, file).startsWith('e2e');
const results = [
  ...(await runAll(
    files.filter(file => !isE2e(file)),
    AT_ONCE,
  )),
  ...(await runAll(files.filter(isE2e), 1)),
];
const sum = (pick: (result: Result) => number): number =>
  results.reduce((total, result) => total + pick(result), 0);
const skipped = sum(result => result.skipped);
const failed = sum(result => result.failed) + (process.env['CI'] ? skipped : 0);
if (process.env['CI'] && skipped > 0)
  process.stdout.write(`${skipped} skipped tests count as failed in CI\n`);
const tail = skipped > 0 && !process.env['CI'] ? `, ${skipped} skipped` : '';
process.stdout.write(`${sum(result => result.passed)} passed, ${failed} failed${tail}\n`);
process.exitCode = failed > 0 || results.length === 0 ? 1 : 0;
