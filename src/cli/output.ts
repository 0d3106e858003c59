/** Tables and JSON on standard output. */
import { jsonValue } from '../json-value.js';

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, jsonValue, 2));
}

/** One line, for streams. */
export function printJsonLine(value: unknown): void {
  printLine(JSON.stringify(value, jsonValue));
}

export type Cell = string | number | null | undefined;

/** Columns as wide as their widest cell; numbers to the right; `-` for what is not there. */
export function tableText(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map(row => row.map(cellText));
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...texts.map(row => row[column]!.length)),
  );
  const isNumber = heads.map((_, column) => rows.some(row => typeof row[column] === 'number'));
  const lineOf = (row: readonly string[]): string => {
    const cells = row.map((text, column) => {
      const width = widths[column]!;
      return isNumber[column] ? text.padStart(width) : text.padEnd(width);
    });
    return cells.join('  ').trimEnd();
  };
  return [heads, ...texts].map(lineOf).join('\n');
}

function cellText(cell: Cell): string {
  return cell === null || cell === undefined || cell === '' ? '-' : String(cell);
}

export function printTable(heads: readonly string[], rows: readonly (readonly Cell[])[]): void {
  printLine(tableText(heads, rows));
}
