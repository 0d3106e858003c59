/**
 * Words of a command line of ipvsadm(8) as popt(3) reads them: `-t A`, `-tA`, `--tcp-service A`,
 * `--tcp-service=A`, several letters behind one dash. The command stands first.
 */
import { unknownWord } from '../rules/values.js';
import { behind, expected, LineFault, type Word } from '../rules/words.js';
import { COMMANDS, OPTIONS, type CommandName, type OptionName, type OptionWord } from './words.js';

/** An option that was given. */
export interface Given {
  /** As it stands in the tables, whatever its spelling. */
  readonly long: string;
  /** Where it stands. */
  readonly at: Word;
  /** Undefined where it takes none, or an optional one was left out. */
  readonly value: Word | undefined;
}

export interface CommandLine {
  readonly name: CommandName;
  readonly at: Word;
  readonly options: ReadonlyMap<OptionName, Given>;
  /** What is no option and belongs to none. */
  readonly rest: readonly Word[];
}

/** Throws LineFault for what ipvsadm would refuse, in its words where it has some. */
export function readCommandLine(words: readonly Word[]): CommandLine {
  const reader = new Reader(words);
  reader.read();
  return reader.line();
}

class Reader {
  private at = 0;
  private command: { name: CommandName; at: Word } | undefined;
  private readonly options = new Map<OptionName, Given>();
  private readonly rest: Word[] = [];

  constructor(private readonly words: readonly Word[]) {}

  read(): void {
    while (this.at < this.words.length) {
      const word = this.words[this.at++]!;
      if (word.text === '--') {
        this.rest.push(...this.words.slice(this.at));
        return;
      }
      if (word.text.startsWith('--')) this.readLong(word);
      else if (/^-./.test(word.text)) this.readShort(word);
      else this.rest.push(word);
    }
  }

  line(): CommandLine {
    const { command, options, rest } = this;
    if (command === undefined)
      throw this.words[0] === undefined
        ? new LineFault(1, 'expected a command such as -A, got none')
        : expected('a command such as -A', this.words[0]);
    this.checkOptions(command.name);
    const [stray] = rest;
    if (stray !== undefined && command.name !== 'set')
      throw new LineFault(stray.column, `unexpected argument ${stray.text}`);
    return { ...command, options, rest };
  }

  /** The table of legal combinations (`commands_v_options`). */
  private checkOptions(name: CommandName): void {
    const { needs, takes, title } = COMMANDS[name];
    for (const [option, { at }] of this.options)
      if (!needs.includes(option) && !takes.includes(option))
        throw new LineFault(at.column, `Illegal '${option}' option with the '${title}' command`);
    for (const option of needs)
      if (!this.options.has(option)) {
        const problem = `You need to supply the '${option}' option for the '${title}' command`;
        throw new LineFault(this.command!.at.column, problem);
      }
  }

  private readLong(word: Word): void {
    const equals = word.text.indexOf('=');
    const long = word.text.slice(2, equals < 0 ? undefined : equals);
    const at = { text: `--${long}`, column: word.column };
    const attached = equals < 0 ? undefined : behind(word, equals + 1);
    const found = this.open(at, each => each.long === long, attached);
    if (found === undefined) throw this.unknown(at);
    if (found === 'alone' && attached !== undefined)
      throw expected(`no value for ${at.text}`, attached);
  }

  private readShort(word: Word): void {
    for (let i = 1; i < word.text.length; i++) {
      const short = word.text[i]!;
      const at = { text: `-${short}`, column: i === 1 ? word.column : word.column + i };
      const more = i + 1 < word.text.length ? behind(word, i + 1) : undefined;
      const found = this.open(at, each => each.short?.includes(short) === true, more);
      if (found === undefined) throw this.unknown(at);
      if (found === 'with-value') return;
    }
  }

  /** Takes the word, if there is such a one, and says whether what is attached belongs to it. */
  private open(
    at: Word,
    isMeant: (each: { short?: string; long: string }) => boolean,
    attached: Word | undefined,
  ): 'alone' | 'with-value' | undefined {
    const command = Object.entries(COMMANDS).find(([, each]) => isMeant(each));
    if (command !== undefined) {
      this.setCommand(command[0] as CommandName, at);
      return 'alone';
    }
    const option = OPTIONS.find(isMeant);
    if (option === undefined) return undefined;
    if (this.command === undefined) throw expected('a command such as -A first', at);
    if (option.refused !== undefined)
      throw new LineFault(at.column, `${at.text}: ${option.refused}`);
    if (option.argument === 'none') {
      this.set(option, at, undefined);
      return 'alone';
    }
    this.set(option, at, this.valueOf(option, at, attached));
    return attached === undefined ? 'alone' : 'with-value';
  }

  private valueOf(option: OptionWord, at: Word, attached: Word | undefined): Word | undefined {
    if (attached !== undefined)
      return attached.text.startsWith('=') ? behind(attached, 1) : attached;
    const next = this.words[this.at];
    const isLeftOut =
      next === undefined || (option.argument === 'optional' && /^-/.test(next.text));
    if (isLeftOut && option.argument === 'optional') return undefined;
    if (next === undefined) throw expected(`a value behind ${at.text}`, { ...at, text: 'none' });
    this.at++;
    return next;
  }

  private setCommand(name: CommandName, at: Word): void {
    if (this.command !== undefined)
      throw new LineFault(at.column, `multiple commands specified: ${at.text}`);
    const { refused } = COMMANDS[name];
    if (refused !== undefined) throw new LineFault(at.column, `${at.text}: ${refused}`);
    this.command = { name, at };
  }

  private set({ long, name }: OptionWord, at: Word, value: Word | undefined): void {
    if (name === undefined) return;
    if (this.options.has(name))
      throw new LineFault(at.column, `multiple '${name}' options specified: ${at.text}`);
    this.options.set(name, { long, at, value });
  }

  private unknown(at: Word): LineFault {
    const words = [...Object.values(COMMANDS), ...OPTIONS].map(({ long }) => `--${long}`);
    const what = this.command === undefined ? 'a command such as -A' : 'an option of ipvsadm';
    return unknownWord(what, at, words);
  }
}
