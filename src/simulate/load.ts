/**
 * From a topology file to a `Topology`. As with configurations, all problems are collected
 * before anything is returned, each with its path, what was expected, what was there, and
 * its place.
 */
import { dirname, resolve } from 'node:path';
import type { Config } from '../config/config.js';
import { ConfigError, type Problem } from '../config/config-error.js';
import { configOfData, loadConfig } from '../config/load.js';
import { planOf } from '../config/plan.js';
import { checkSchema } from '../config/schema.js';
import { YamlSource } from '../config/yaml-source.js';
import { parseExpectation } from './expect.js';
import type { LoadContext } from './load-context.js';
import { loadLinks, loadStations } from './load-links.js';
import { loadCaptures, loadFlows, loadFrames } from './load-traffic.js';
import type { RawTopology } from './raw.js';
import { NS_PER_SEC, type Topology, nsOf } from './topology.js';

const SIMULATE_SCHEMA = 'schema/simulate.schema.json';

/** Throws a `ConfigError`, also when the file cannot be read. */
export function loadTopology(file: string): Topology {
  return topologyOf(YamlSource.read(file), file);
}

/** The same over a text; paths in it begin at the folder of `file`. */
export function parseTopology(text: string, file: string): Topology {
  return topologyOf(YamlSource.parse(text, file), file);
}

function topologyOf(source: YamlSource, file: string): Topology {
  const problems = checkSchema(source.data, SIMULATE_SCHEMA);
  const context = { folder: dirname(resolve(file)), problems, ends: new Set<string>() };
  const raw = source.data as RawTopology;
  const topology = problems.length === 0 ? build(raw, context) : undefined;
  ConfigError.throwIfAny(problems.map(problem => source.placed(problem)));
  return topology!;
}

/** The result only counts if no problems were added. */
function build(raw: RawTopology, context: LoadContext): Topology {
  const { problems, ends } = context;
  const hosts = Object.entries(raw.hosts).flatMap(([name, host]) => {
    const config = hostConfig(name, host, context);
    for (const port of config?.ports ?? []) ends.add(`${name}.${port.name}`);
    return config === undefined ? [] : [{ name, config }];
  });
  const stations = loadStations(raw, context);
  return {
    seed: raw.seed,
    untilNs: Math.round(raw.seconds * NS_PER_SEC),
    pollNs: nsOf(raw.pollMs),
    hosts,
    stations,
    links: loadLinks(raw, context),
    frames: loadFrames(raw, context),
    captures: loadCaptures(raw, context),
    ...loadFlows(raw, stations, problems),
    expect: raw.expect.flatMap((text, index) => {
      const expectation = parseExpectation(text);
      if (typeof expectation !== 'string') return [expectation];
      problems.push({ path: `expect[${index}]`, problem: expectation });
      return [];
    }),
  };
}

/** A host's configuration, from a file or from this one. */
function hostConfig(name: string, host: unknown, context: LoadContext): Config | undefined {
  const path = `hosts.${name}`;
  const { problems, folder } = context;
  try {
    const config =
      typeof host === 'string'
        ? loadConfig(resolve(folder, host))
        : inlineConfig(name, host, folder);
    planOf(config);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) {
      const isOurs = typeof host !== 'string';
      const where = isOurs ? `${path}.${problem.path}` : `${path}: ${problem.path}`;
      problems.push({ ...problem, path: where });
    }
    return undefined;
  }
}

function inlineConfig(name: string, host: unknown, folder: string): Config {
  const problems: Problem[] = [];
  const config = configOfData(host, { name, folder }, problems);
  ConfigError.throwIfAny(problems);
  return config!;
}
