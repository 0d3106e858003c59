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
import type { ZoneConfig } from './zone-config.js';

/**
 * Throws a `ConfigError`, also when the file cannot be read. `before`: the zones that a reload
 * changes, whose chosen ports stay.
 */
export function loadConfig(file: string, before?: readonly ZoneConfig[]): Config {
  return configOf(YamlSource.read(file), file, before);
}

/** The same over a text; `file` is only a name. */
export function parseConfig(text: string, file: string, before?: readonly ZoneConfig[]): Config {
  return configOf(YamlSource.parse(text, file), file, before);
}

function configOf(source: YamlSource, file: string, before: readonly ZoneConfig[] = []): Config {
  const problems: Problem[] = [];
  const origin = { name: basename(file, extname(file)), folder: dirname(file), before };
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
  for (const section of ['ports', 'segments', 'underlays', 'zones']) fillEntries(root, section);
  for (const zone of Object.values(root['zones'] ?? {}) as unknown[]) fillEntries(zone, 'networks');
  return data;
}

function fillEntries(parent: unknown, section: string): void {
  if (typeof parent !== 'object' || parent === null) return;
  const root = parent as Record<string, unknown>;
  const entries = root[section] as Record<string, unknown> | null | undefined;
  if (entries === null) delete root[section];
  if (typeof entries !== 'object' || entries === null) return;
  for (const key of Object.keys(entries)) entries[key] ??= {};
}
