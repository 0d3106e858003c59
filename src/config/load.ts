/**
 * From a YAML file to a `Config`. All problems are collected before anything is returned,
 * each with its path in the file, what was expected, what was there, and its place.
 */
import { basename, dirname, extname } from 'node:path';
import type { Config } from './config.js';
import { ConfigError, type Problem } from './config-error.js';
import { type Origin, normalise } from './normalise.js';
import type { RawConfig } from './raw.js';
import { checkSchema } from './schema.js';
import { YamlSource } from './yaml-source.js';

/** Throws a `ConfigError`, also when the file cannot be read. */
export function loadConfig(file: string): Config {
  return configOf(YamlSource.read(file), file);
}

/** The same over a text; `file` is only a name. */
export function parseConfig(text: string, file: string): Config {
  return configOf(YamlSource.parse(text, file), file);
}

function configOf(source: YamlSource, file: string): Config {
  const problems: Problem[] = [];
  const origin = { name: basename(file, extname(file)), folder: dirname(file) };
  const config = configOfData(source.data, origin, problems);
  ConfigError.throwIfAny(problems.map(problem => source.placed(problem)));
  return config!;
}

/** The same over data, which is changed; undefined when that adds to `problems`. */
export function configOfData(
  data: unknown,
  origin: Origin,
  problems: Problem[],
): Config | undefined {
  const raw = withoutNulls(data) as RawConfig;
  problems.push(...checkSchema(raw));
  const config = problems.length === 0 ? normalise(raw, origin, problems) : undefined;
  return problems.length === 0 ? config : undefined;
}

/** An entry without a value (`lan:`) has all defaults, as in compose files. */
function withoutNulls(data: unknown): unknown {
  const root = data as Record<string, unknown>;
  for (const section of ['ports', 'segments', 'underlays', 'zones']) {
    const entries = root[section] as Record<string, unknown> | null | undefined;
    if (entries === null) delete root[section];
    if (typeof entries !== 'object' || entries === null) continue;
    for (const key of Object.keys(entries)) entries[key] ??= {};
  }
  return data;
}
