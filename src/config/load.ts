/**
 * From a YAML file to a `Config`. All problems are collected before anything is returned,
 * each with its path in the file, what was expected, what was there, and its place.
 */
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { type Document, LineCounter, isNode, isScalar, parseDocument, visit } from 'yaml';
import type { Config } from './config.js';
import { ConfigError, type Problem } from './config-error.js';
import { normalise } from './normalise.js';
import type { RawConfig } from './raw.js';
import { checkSchema } from './schema.js';

/**
 * Uses of anchors: each stands for a run of text, so a small file could mean a huge one. As
 * many as an anchored list of peers in every overlay there can be takes.
 */
const MOST_ALIASES = 1 << 17;
/** YAML's merge key, which may come more than once. */
const MERGE_KEY = '<<';

/** Throws a `ConfigError`, also when the file cannot be read. */
export function loadConfig(file: string): Config {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ConfigError(file, `expected a configuration file, got ${reason}`);
  }
  return parseConfig(text, file);
}

/** The same over a text; `file` is only a name. */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    prettyErrors: false,
    uniqueKeys: false, // looks for each key in all before it: see `duplicates`
  });
  const placeOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const syntax = document.errors.map(({ pos, message }): [number, string] => [pos[0], message]);
  const wrong = syntax.length > 0 ? syntax : duplicates(document);
  ConfigError.throwIfAny(
    wrong.map(([offset, problem]): Problem => ({ path: placeOf(offset), problem })),
  );

  const raw = withoutNulls(toData(document, file)) as RawConfig;
  const name = basename(file, extname(file));
  const problems = checkSchema(raw);
  const config = problems.length === 0 ? normalise(raw, name, problems) : undefined;
  ConfigError.throwIfAny(problems.map(problem => placed(problem, document, placeOf)));
  return config!;
}

/** Keys that a mapping has twice, and where. */
function duplicates(document: Document): [offset: number, problem: string][] {
  const found: [number, string][] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const value = isScalar(key) ? key.value : key;
        if (seen.has(value) && value !== MERGE_KEY) {
          const at = isNode(key) ? key.range?.[0] : undefined;
          found.push([at ?? 0, `expected each key once, got ${String(value)} again`]);
        }
        seen.add(value);
      }
    },
  });
  return found;
}

function toData(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {};
  } catch (error) {
    // An alias that resolves to nothing, or to too much.
    throw new ConfigError(file, (error as Error).message);
  }
}

/** An entry without a value (`lan:`) has all defaults, as in compose files. */
function withoutNulls(data: unknown): unknown {
  const root = data as Record<string, unknown>;
  for (const section of ['ports', 'segments', 'underlays']) {
    const entries = root[section] as Record<string, unknown> | null | undefined;
    if (entries === null) delete root[section];
    if (typeof entries !== 'object' || entries === null) continue;
    for (const key of Object.keys(entries)) entries[key] ??= {};
  }
  return data;
}

/** Adds where in the file the problem is: the deepest part of its path that is there. */
function placed(problem: Problem, document: Document, placeOf: (at: number) => string): Problem {
  const keys = problem.path.split(/[.[\]]+/).filter(key => key !== '');
  for (; keys.length > 0; keys.pop()) {
    const node = document.getIn(keys, true);
    const range = isNode(node) ? node.range : undefined;
    if (range) return { ...problem, place: placeOf(range[0]) };
  }
  return problem;
}
