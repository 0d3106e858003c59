/** A YAML file as data that still knows where in the file each part is. */
import { readFileSync } from 'node:fs';
import { type Document, LineCounter, isNode, isScalar, parseDocument, visit } from 'yaml';
import { ConfigError, type Problem } from './config-error.js';

/**
 * Uses of anchors: each stands for a run of text, so a small file could mean a huge one. As
 * many as an anchored list of peers in every overlay there can be takes.
 */
const MOST_ALIASES = 1 << 17;
/** YAML's merge key, which may come more than once. */
const MERGE_KEY = '<<';

export class YamlSource {
  private constructor(
    readonly data: unknown,
    private readonly document: Document,
    private readonly placeOf: (offset: number) => string,
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
    return new YamlSource(toData(document, file), document, placeOf);
  }

  /** Adds where in the file a problem is: the deepest part of its path that is there. */
  placed(problem: Problem): Problem {
    if (problem.place !== undefined) return problem;
    const keys = problem.path.split(/[.[\]]+/).filter(key => key !== '');
    for (; keys.length > 0; keys.pop()) {
      const node = this.document.getIn(keys, true);
      const range = isNode(node) ? node.range : undefined;
      if (range) return { ...problem, place: this.placeOf(range[0]) };
    }
    return problem;
  }
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
