/** Commands of ipvsadm(8): texts of many lines, and the arguments of one. */
import { ConfigError, type Problem } from '../config/config-error.js';
import { problemAt } from '../rules/parse.js';
import { LineFault, splitWords, type Word } from '../rules/words.js';
import type { ChangeCommand, PlacedChange, ReadCommand, ServiceCommand } from './command.js';
import type { PortNames } from './port-names.js';
import { readCommand } from './read-command.js';

export interface ServiceText {
  readonly text: string;
  /** What problems are named by: `services.ipvs`. */
  readonly file: string;
  /** Those of /etc/services where absent; it is read when a name is met. */
  readonly portNames?: PortNames;
}

/** What a line of arguments is named by in problems, as a file that has one line. */
const ARGUMENTS = 'arguments';
const READS: readonly ReadCommand['kind'][] = [
  'list',
  'list-connections',
  'list-timeouts',
  'save',
  'restore',
];

/**
 * What `ipvsadm -S` prints and `ipvsadm -R` reads: a command a line, behind the word `ipvsadm` or
 * not, with comments behind `#`. Throws ConfigError with all that is wrong, at most one thing a
 * line, each with its `file:line:column`.
 */
export function parseServiceText({ text, file, portNames }: ServiceText): PlacedChange[] {
  const problems: Problem[] = [];
  const commands: PlacedChange[] = [];
  text.split('\n').forEach((line, i) => {
    try {
      const command = readLine(line, i + 1, portNames);
      if (command !== undefined) commands.push(command);
    } catch (fault) {
      if (!(fault instanceof LineFault)) throw fault;
      problems.push(problemAt(file, { line: i + 1, column: fault.column }, fault.message));
    }
  });
  ConfigError.throwIfAny(problems);
  return commands;
}

/**
 * The arguments of one `ipvsadm`, without its name. Throws ConfigError; its column counts in the
 * arguments with a blank between each.
 */
export function parseServiceArguments(
  args: readonly string[],
  portNames?: PortNames,
): ServiceCommand {
  let column = 1;
  const words = args.map(text => {
    const word = { text, column };
    column += text.length + 1;
    return word;
  });
  try {
    return readCommand(words, portNames).command;
  } catch (fault) {
    if (!(fault instanceof LineFault)) throw fault;
    const problem = problemAt(ARGUMENTS, { line: 1, column: fault.column }, fault.message);
    throw new ConfigError(problem.path, problem.problem, [problem]);
  }
}

export function isChange(command: ServiceCommand): command is ChangeCommand {
  return !READS.some(kind => kind === command.kind);
}

function readLine(
  line: string,
  number: number,
  portNames: PortNames | undefined,
): PlacedChange | undefined {
  const words = withoutName(withoutComment(splitWords(line)));
  if (words.length === 0) return undefined;
  const { command, column } = readCommand(words, portNames);
  if (isChange(command)) return { ...command, place: { line: number, column } };
  throw new LineFault(column, `expected a command that changes services, got ${command.kind}`);
}

function withoutComment(words: readonly Word[]): readonly Word[] {
  const comment = words.findIndex(({ text }) => text.startsWith('#'));
  return comment < 0 ? words : words.slice(0, comment);
}

function withoutName(words: readonly Word[]): readonly Word[] {
  return words[0]?.text === 'ipvsadm' ? words.slice(1) : words;
}
