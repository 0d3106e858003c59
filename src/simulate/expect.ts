/**
 * Expectations of a topology: `streams.bulk.lost <= 20`. What is left of the comparison is a
 * path into the summary, so everything that is printed can be expected.
 */
import { Drop } from '../../assembly/abi.js';
import type { Problem } from '../config/config-error.js';
import { listText } from './load-context.js';
import type { Summary } from './summary.js';

type Comparison = (got: number, wanted: number) => boolean;

const COMPARISONS: Record<string, Comparison> = {
  '=': (got, wanted) => got === wanted,
  '!=': (got, wanted) => got !== wanted,
  '<': (got, wanted) => got < wanted,
  '<=': (got, wanted) => got <= wanted,
  '>': (got, wanted) => got > wanted,
  '>=': (got, wanted) => got >= wanted,
};
const EXPECTATION = /^\s*(\S+)\s+(=|!=|<=?|>=?)\s+(-?\d+(?:\.\d+)?)\s*$/;

export interface Expectation {
  text: string;
  /** Path into the summary. */
  path: string;
  comparison: string;
  wanted: number;
}

export interface ExpectationResult {
  text: string;
  holds: boolean;
  /** null: there was nothing to measure, and so nothing to hold. */
  got: number | null;
}

/** A text says what is wrong. */
export function parseExpectation(text: string): Expectation | string {
  const [, path, comparison, number] = EXPECTATION.exec(text) ?? [];
  if (path === undefined || comparison === undefined) {
    const comparisons = Object.keys(COMPARISONS).join(' ');
    return `expected a path, one of ${comparisons} and a number, blanks between, got '${text}'`;
  }
  return { text: text.trim(), path, comparison, wanted: Number(number) };
}

/** Paths that lead to no number of the summary, whatever the run does. */
export function checkExpectations(expect: readonly Expectation[], summary: object): Problem[] {
  return expect.flatMap(({ path }, index) => {
    const found = lookUp(summary, path);
    if (typeof found !== 'string') return [];
    return [{ path: `expect[${index}]`, problem: found }];
  });
}

export function judge(expect: readonly Expectation[], summary: Summary): ExpectationResult[] {
  return expect.map(({ text, path, comparison, wanted }) => {
    const got = lookUp(summary, path);
    if (typeof got === 'string') throw new Error(`${text}: ${got}`);
    return { text, holds: got !== null && COMPARISONS[comparison]!(got, wanted), got };
  });
}

/** The number at a path; names in it may have dots. A text says what is wrong. */
function lookUp(value: unknown, path: string, done = ''): number | null | string {
  if (path === '') {
    if (typeof value === 'number' || value === null) return value;
    const keys = listText(Object.keys(value as object).map(key => `${done}.${key}`));
    return `expected a number: ${keys}, got '${done}'`;
  }
  const entries = Object.entries((value ?? {}) as object);
  const isHere = (key: string): boolean => path === key || path.startsWith(`${key}.`);
  const [key, inner] = entries
    .filter(([key]) => isHere(key))
    .reduce<[string, unknown]>(
      (best, entry) => (entry[0].length > best[0].length ? entry : best),
      ['', undefined],
    );
  const at = done === '' ? '' : `${done}.`;
  if (key !== '') return lookUp(inner, path.slice(key.length + 1), at + key);
  // Only drops that happened are in the summary.
  if (done.endsWith('.drops') && path in Drop && Number.isNaN(Number(path))) return 0;
  return `expected ${listText(entries.map(([key]) => at + key))}, got '${at}${path}'`;
}
