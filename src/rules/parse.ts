/** The text of `iptables-save` or for `iptables-restore`, line by line. */
import type { Problem } from '../config/config-error.js';
import type { Family, Place, TableName } from './model.js';
import { parseCommand, parseDeclaration, type Bare } from './parse-command.js';
import type { RuleText, Statement, TableText } from './statement.js';
import { TABLE_NAMES } from './tables.js';
import { unknownWord } from './values.js';
import { LineFault, splitWords } from './words.js';

/** `rules.v4:3:17`: where a problem is. */
export function placeText(file: string, { line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** What is wrong at a place of a file. */
export function problemAt(file: string, place: Place, problem: string): Problem {
  const text = placeText(file, place);
  return { path: text, problem, place: text };
}

/** Reads all lines; what is wrong is added to `problems`, at most one for each line. */
export function parseText(
  text: string,
  family: Family,
  file: string,
  problems: Problem[],
): RuleText {
  const parser = new TextParser(family, file, problems);
  text.split('\n').forEach((line, i) => parser.line(line, i + 1));
  return parser.end();
}

class TextParser {
  private readonly tables: TableText[] = [];
  private remarks: string[] = [];
  private table: (TableText & { statements: Statement[] }) | undefined;
  /** Lines of a table that cannot be are passed over, since each would be wrong. */
  private isUnknownTable = false;

  constructor(
    private readonly family: Family,
    private readonly file: string,
    private readonly problems: Problem[],
  ) {}

  line(text: string, line: number): void {
    const trimmed = text.trim();
    if (trimmed === '') return;
    if (trimmed.startsWith('#')) {
      this.remarks.push(trimmed);
      return;
    }
    try {
      this.read(text.trimEnd(), trimmed, line);
    } catch (fault) {
      if (!(fault instanceof LineFault)) throw fault;
      this.problem({ line, column: fault.column }, fault.message);
    }
  }

  end(): RuleText {
    if (this.table !== undefined)
      this.problem(this.table.place, `expected COMMIT for *${this.table.name}, got the end`);
    return { tables: this.tables, remarks: this.remarks };
  }

  private problem(place: Place, problem: string): void {
    this.problems.push(problemAt(this.file, place, problem));
  }

  private read(text: string, trimmed: string, line: number): void {
    const column = text.length - trimmed.length + 1;
    if (trimmed.startsWith('*')) return this.open(text, line, column);
    if (trimmed === 'COMMIT') return this.commit(column);
    if (this.isUnknownTable) return;
    if (!/^[-:[]/.test(trimmed))
      throw unknownWord('*table, :CHAIN, -A or COMMIT', splitWords(text)[0]!, ['COMMIT']);
    if (this.table === undefined)
      throw new LineFault(column, `expected *table before it, got ${trimmed}`);
    const padded = ' '.repeat(column - 1) + trimmed;
    const bare: Bare = trimmed.startsWith(':')
      ? parseDeclaration(padded, line)
      : parseCommand(padded, line, this.family);
    this.table.statements.push({ ...bare, remarks: this.takeRemarks() });
  }

  private open(text: string, line: number, column: number): void {
    const before = this.table;
    this.table = undefined;
    this.isUnknownTable = true;
    const word = { text: text.trim().slice(1), column: column + 1 };
    const name = TABLE_NAMES.find(known => known === word.text);
    if (name === undefined) throw unknownWord(`table ${TABLE_NAMES.join(', ')}`, word, TABLE_NAMES);
    this.isUnknownTable = false;
    this.table = this.newTable(name, { line, column });
    if (before !== undefined)
      throw new LineFault(column, `expected COMMIT for *${before.name}, got *${name}`);
  }

  private newTable(name: TableName, place: Place): TableText & { statements: Statement[] } {
    return { name, statements: [], place, remarks: this.takeRemarks() };
  }

  private commit(column: number): void {
    if (this.isUnknownTable) {
      this.isUnknownTable = false;
      return;
    }
    if (this.table === undefined) throw new LineFault(column, 'expected *table, got COMMIT');
    this.tables.push(this.table);
    this.table = undefined;
  }

  private takeRemarks(): string[] {
    const taken = this.remarks;
    this.remarks = [];
    return taken;
  }
}
