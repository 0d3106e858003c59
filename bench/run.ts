/**
 * Runs workloads: `npm run bench [-- WORKLOAD…] [--json]`. Every file beside this one is a
 * workload, named for it; bench/README.md says what each measures.
 *
 * Progress goes to standard error; standard output gets a table, or with --json one object
 * a line and nothing else.
 */
import { readdirSync } from 'node:fs';
import { argv, version } from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Report, type Row, type Workload, Missing, medianOf } from './support/workload.js';

/** Files here that are no workloads. */
const TOOLS = ['run', 'make-capture'];
const USAGE_ERROR = 2;
const MEAN_PRECISION = 4;

function knownNames(): string[] {
  return readdirSync(fileURLToPath(new URL('.', import.meta.url)))
    .filter(file => file.endsWith('.js'))
    .map(file => file.slice(0, -'.js'.length))
    .filter(name => !TOOLS.includes(name))
    .sort();
}

class Printer implements Report {
  constructor(
    private readonly workload: string,
    private readonly isJson: boolean,
  ) {}

  row(unit: string, name: string, figures: readonly number[], note: string): void {
    const row: Row = {
      workload: this.workload,
      case: name,
      unit,
      median: rounded(medianOf(figures)),
      min: rounded(Math.min(...figures)),
      max: rounded(Math.max(...figures)),
      runs: figures.length,
      node: version,
      note,
    };
    console.log(this.isJson ? JSON.stringify(row) : tableLine(row));
  }

  progress(text: string): void {
    process.stderr.write(`bench: ${this.workload}: ${text}\n`);
  }
}

function rounded(figure: number): number {
  return Number(figure.toPrecision(MEAN_PRECISION));
}

const COLUMNS = [18, 26, 12, 10, 10, 10, 5];

function columns(cells: readonly (string | number)[]): string {
  const padded = cells.map((cell, i) =>
    typeof cell === 'number' ? String(cell).padStart(COLUMNS[i]!) : cell.padEnd(COLUMNS[i] ?? 0),
  );
  return padded.join(' ').trimEnd();
}

function tableLine(row: Row): string {
  const { workload, unit, median, min, max, runs, note } = row;
  return columns([workload, row.case, unit, median, min, max, runs, note]);
}

function heading(): string {
  const numbers = ['median', 'min', 'max', 'runs'].map((name, i) => name.padStart(COLUMNS[i + 3]!));
  return columns(['workload', 'case', 'unit', ...numbers, 'note']);
}

/** Runs one workload. Returns whether it ran. */
async function runOne(name: string, isJson: boolean): Promise<boolean> {
  const { workload } = (await import(`./${name}.js`)) as { workload: Workload };
  const printer = new Printer(name, isJson);
  printer.progress(workload.about);
  try {
    await workload.run(printer);
    return true;
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    printer.progress(`skipped: ${error.message}`);
    return false;
  }
}

async function main(): Promise<number> {
  const args = argv.slice(2);
  const isJson = args.includes('--json');
  const wanted = args.filter(arg => arg !== '--json');
  const known = knownNames();
  const unknown = wanted.find(name => !known.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`bench: ${unknown}: expected one of ${known.join(', ')}\n`);
    return USAGE_ERROR;
  }
  if (!isJson) console.log(heading());
  let skipped = 0;
  for (const name of wanted.length > 0 ? wanted : known) {
    if (!(await runOne(name, isJson))) skipped++;
  }
  // What was asked for by name and did not run is a failure.
  return wanted.length > 0 && skipped > 0 ? 1 : 0;
}

process.exitCode = await main();
