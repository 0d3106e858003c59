/** A YAML file as data that still knows where in the file each part is. */
import { readFileSync } from 'node:fs';
import {
  CORE_SCHEMA,
  type Event,
  YAMLException,
  constructFromEvents,
  mergeTag,
  parseEvents,
} from 'js-yaml';
import { ConfigError, type Problem } from './config-error.js';
import { aliasedValues, offsetOf } from './yaml-events.js';

/** What YAML 1.2 knows by itself, and merge keys. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag);
/**
 * Values that aliases may stand for in all: each stands for a run of text, so a small file could
 * mean a huge one. As many as an anchored list of peers in every overlay there can be takes.
 */
const MOST_ALIASED = 1 << 18;

export class YamlSource {
  private constructor(
    readonly data: unknown,
    private readonly text: string,
    private readonly events: readonly Event[],
    private readonly file: string,
  ) {}

  /** Throws a `ConfigError` when the file cannot be read, or is no YAML. */
  static read(file: string): YamlSource {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new ConfigError(file, `expected a configuration file, got ${reason}`);
    }
    return YamlSource.parse(text, file);
  }

  /** The same over a text; `file` is only a name. */
  static parse(text: string, file: string): YamlSource {
    const events = orProblem(text, file, () => parseEvents(text, {}));
    if (aliasedValues(events, text) > MOST_ALIASED) {
      throw new ConfigError(file, `expected aliases of at most ${MOST_ALIASED} values, got more`);
    }
    const documents = orProblem(text, file, () =>
      constructFromEvents([...events], { source: text, schema: SCHEMA, maxTotalMergeKeys: -1 }),
    );
    if (documents.length > 1) {
      throw new ConfigError(file, `expected one document, got ${documents.length}`);
    }
    return new YamlSource(documents[0] ?? {}, text, events, file);
  }

  /** Adds where in the file a problem is: the deepest part of its path that is there. */
  placed(problem: Problem): Problem {
    if (problem.place !== undefined) return problem;
    const keys = problem.path.split(/[.[\]]+/).filter(key => key !== '');
    const offset = offsetOf(this.events, this.text, keys);
    if (offset === undefined) return problem;
    return { ...problem, place: placeOf(this.text, this.file, offset) };
  }
}

/** `read`, with what is no YAML as a `ConfigError` at its place. */
function orProblem<T>(text: string, file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const at = error.mark ? placeOf(text, file, error.mark.position) : file;
    throw new ConfigError(at, error.reason);
  }
}

/** An offset as `file:line:column`, both from one. */
function placeOf(text: string, file: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return `${file}:${line}:${offset - before.lastIndexOf('\n')}`;
}
