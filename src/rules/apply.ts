/**
 * A rule text over the rules there are: `iptables-restore`. All tables of the text or none:
 * what is wrong in any of them refuses them all.
 */
import { ConfigError, type Problem } from '../config/config-error.js';
import { checkRules } from './check.js';
import { TableEdit, type ApplyOptions } from './edit.js';
import type { Family, RuleSet, RuleTable } from './model.js';
import { parseText, problemAt } from './parse.js';
import type { RuleText } from './statement.js';

export type { ApplyOptions } from './edit.js';

export interface TextSource {
  readonly text: string;
  readonly family: Family;
  /** What problems are named by: `rules.v4`. */
  readonly file: string;
}

/**
 * The rules after the text. A table it does not name stays; one it names begins empty, or
 * with `noflush` as it was. A rule that is there before and after (same table, chain and
 * text) keeps its counters. Throws ConfigError with all that is wrong, each with its
 * `file:line:column`; `current` never changes.
 */
export function applyText(
  current: RuleSet | undefined,
  source: TextSource,
  options: ApplyOptions = {},
): RuleSet {
  const { family, file } = source;
  if (current !== undefined && current.family !== family)
    throw new Error(`applyText: rules of ${current.family}, text of ${family}`);
  const problems: Problem[] = [];
  const text = parseText(source.text, family, file, problems);
  const set = edit(current ?? { family, tables: [] }, { text, file, problems }, options);
  const named = new Set(text.tables.map(({ name }) => name));
  // Jumps to chains that a faulty line would have made would only repeat its fault.
  const isSound = problems.length === 0;
  if (isSound)
    for (const problem of checkRules(set, file, name => named.has(name))) problems.push(problem);
  ConfigError.throwIfAny(problems);
  return set;
}

/** A text alone, with the counters that stand in it. Throws as `applyText`. */
export function parseRules(source: TextSource): RuleSet {
  return applyText(undefined, source, { counters: true });
}

interface Edit {
  readonly text: RuleText;
  readonly file: string;
  readonly problems: Problem[];
}

function edit(current: RuleSet, { text, file, problems }: Edit, options: ApplyOptions): RuleSet {
  const tables = new Map<string, RuleTable>(current.tables.map(table => [table.name, table]));
  for (const tableText of text.tables) {
    const table = new TableEdit(
      tables.get(tableText.name),
      tableText,
      options,
      ({ place }, problem) => problems.push(problemAt(file, place, problem)),
    );
    for (const statement of tableText.statements) table.apply(statement);
    tables.set(tableText.name, table.result());
  }
  const remarks = text.remarks.length > 0 ? text.remarks : (current.remarks ?? []);
  return { family: current.family, tables: [...tables.values()], remarks };
}
