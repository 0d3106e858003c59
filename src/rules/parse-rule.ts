/**
 * The words of one rule, behind `-A CHAIN`, into rules: `-s` and `-d` with lists make one
 * rule for each pair.
 */
import {
  Options,
  type Flag,
  type Given,
  type MatchExtension,
  type RuleContext,
  type TargetExtension,
} from './extension.js';
import { findMatch, findTarget, impliedMatch, nearestOption, ownerOf } from './extensions.js';
import {
  HEADER_FLAGS,
  readAddressMatches,
  readInterfaceMatch,
  readProtocolMatch,
} from './match-header.js';
import type { Counters, Family, Match, Place, Rule, Target } from './model.js';
import { printMatch } from './print-match.js';
import { printTarget } from './print-target.js';
import { NO_COUNTERS } from './tables.js';
import { expected, LineFault, type Word } from './words.js';

interface Loaded<Extension> {
  readonly extension: Extension;
  readonly options: Options;
}

interface Found {
  readonly flag: Flag;
  readonly options: Options;
}

const HEADER_BY_NAME = new Map(
  HEADER_FLAGS.flatMap(flag => flag.names.map(name => [name, flag] as const)),
);
const LONGEST_CHAIN = 28; // XT_EXTENSION_MAXNAMELEN of Linux, less the end

/** One `-c packets bytes`. */
export function readCounters(packets: Word, bytes: Word): Counters {
  for (const word of [packets, bytes])
    if (!/^\d{1,20}$/.test(word.text)) throw expected('a count', word);
  return { packets: BigInt(packets.text), bytes: BigInt(bytes.text) };
}

/** A name that a chain may have. */
export function readChainName(word: Word): string {
  if (word.text.length === 0 || word.text.length > LONGEST_CHAIN || /^[-!]|[\s:]/.test(word.text))
    throw expected(`a chain name of 1..${LONGEST_CHAIN} characters`, word);
  return word.text;
}

export class RuleParser {
  private readonly header = new Options({ text: 'rule', column: 1 });
  private readonly matches: Loaded<MatchExtension>[] = [];
  private target: Loaded<TargetExtension> | undefined;
  private chain: { kind: 'jump' | 'goto'; word: Word } | undefined;
  private at = 0;

  constructor(
    private readonly words: readonly Word[],
    private readonly family: Family,
    private readonly place: Place,
  ) {}

  /** No rule at all where `-4` or `-6` says that it is for the other family. */
  read(): { rules: Rule[]; set: Counters | undefined } {
    while (this.at < this.words.length) this.readOption();
    const other = this.family === 'ipv4' ? '-6' : '-4';
    if (this.header.has(other)) return { rules: [], set: undefined };
    const given = this.header.given('-c');
    const set = given && readCounters(given.values[0]!, given.values[1]!);
    return { rules: this.build(set ?? NO_COUNTERS), set };
  }

  private readOption(): void {
    const first = this.next();
    const isNot = first.text === '!';
    const option = isNot ? this.words[this.at++] : first;
    if (option === undefined) throw expected('an option behind !', first);
    if (!/^--?[^-]/.test(option.text)) throw expected('an option', option);
    const { flag, options } = this.find(option);
    const { values, isOldNot } = this.valuesOf(flag, option);
    if ((isNot || isOldNot) && flag.negatable !== true)
      throw new LineFault(first.column, `expected no ! before ${option.text}, got one`);
    if (isNot && isOldNot) throw expected('one !', this.words[this.at - 2]!);
    options.add(flag, { option, values, negated: isNot || isOldNot });
    if (options === this.header) this.load(flag.names[0]!, values);
  }

  private next(): Word {
    return this.words[this.at++]!;
  }

  /** The words that belong to an option; `--sport ! 80` is the old form of `! --sport 80`. */
  private valuesOf(flag: Flag, option: Word): { values: Word[]; isOldNot: boolean } {
    const count = flag.values ?? 1;
    const isOldNot = count > 0 && flag.negatable === true && this.words[this.at]?.text === '!';
    if (isOldNot) this.at++;
    const values = this.words.slice(this.at, this.at + count);
    this.at += count;
    if (values.length < count)
      throw new LineFault(option.column, `expected a value for ${option.text}, got none`);
    return { values, isOldNot };
  }

  /**
   * The option a word means: of the rule itself, of a match that is loaded, of the target,
   * or of the match that `-p` brings. The start of a long name will do if only one has it.
   */
  private find(word: Word): Found {
    const exact = this.findExact(word.text);
    if (exact !== undefined) return exact;
    const begun = word.text.startsWith('--') ? this.findBegun(word.text) : [];
    if (begun.length === 1) return begun[0]!;
    if (begun.length > 1) {
      const names = begun.map(({ flag }) => flag.names[0]).join(' and ');
      throw expected(`an option, not the start of ${names}`, word);
    }
    if (this.loadImplied()) return this.find(word);
    throw this.unknown(word);
  }

  private findExact(name: string): Found | undefined {
    const own = HEADER_BY_NAME.get(name);
    if (own !== undefined) return { flag: own, options: this.header };
    for (const { extension, options } of this.loaded()) {
      const flag = extension.flags.find(({ names }) => names.includes(name));
      if (flag !== undefined) return { flag, options };
    }
    return undefined;
  }

  private findBegun(start: string): Found[] {
    const sets = [{ flags: HEADER_FLAGS, options: this.header }];
    for (const { extension, options } of this.loaded())
      sets.push({ flags: extension.flags, options });
    return sets.flatMap(({ flags, options }) =>
      flags
        .filter(({ names }) => names.some(name => name.startsWith(start)))
        .map(flag => ({ flag, options })),
    );
  }

  /** The match that was named last comes first. */
  private loaded(): Loaded<MatchExtension | TargetExtension>[] {
    const matches = [...this.matches].reverse();
    return this.target === undefined ? matches : [...matches, this.target];
  }

  private unknown(word: Word): LineFault {
    const owner = ownerOf(word.text, this.family);
    if (owner !== undefined)
      return expected(`-m ${owner.name}, or -p of its protocol, before ${word.text}`, word);
    const meant = nearestOption(word.text, HEADER_FLAGS);
    const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
    return new LineFault(word.column, `expected an option, got ${word.text}${hint}`);
  }

  /** Loads the match of `-p`; false if there is none that is not loaded. */
  private loadImplied(): boolean {
    const given = this.header.given('-p');
    const { protocol } = this.context(given);
    const extension = impliedMatch(protocol);
    if (extension === undefined || this.matches.some(each => each.extension === extension))
      return false;
    this.matches.push({ extension, options: new Options(given!.values[0]!) });
    return true;
  }

  private load(name: string, values: readonly Word[]): void {
    const word = values[0]!;
    if (name === '-m') {
      this.matches.push({ extension: findMatch(word, this.family), options: new Options(word) });
      this.header.forget('-m');
    }
    if (name !== '-j' && name !== '-g') return;
    if (this.target !== undefined || this.chain !== undefined)
      throw expected('one of -j and -g', word);
    const extension = name === '-j' ? findTarget(word, this.family) : undefined;
    if (extension !== undefined) this.target = { extension, options: new Options(word) };
    else this.chain = { kind: name === '-j' ? 'jump' : 'goto', word };
  }

  private context(given: Given | undefined): RuleContext {
    const match = given && readProtocolMatch(given);
    const isPlain = match?.kind === 'protocol' && !match.negated;
    return {
      family: this.family,
      protocol: isPlain ? match.protocol : undefined,
    };
  }

  private build(counters: Counters): Rule[] {
    const { header, family } = this;
    const context = this.context(header.given('-p'));
    const rest = this.readHeader();
    const extended = this.matches.map(({ extension, options }) => {
      const matches = extension.read(options, context);
      return { matches, text: printExtension(extension, matches, family) };
    });
    const target = this.readTarget(context);
    const sources = readAddressMatches('source', header.given('-s'), family);
    const destinations = readAddressMatches('destination', header.given('-d'), family);
    const pairs = sources.flatMap(source => destinations.map(destination => [source, destination]));
    return pairs.map(([source = [], destination = []]) => {
      const own = [...source, ...destination, ...rest];
      const texts = [
        ...own.map(match => printMatch(match, family)),
        ...extended.map(each => each.text),
        printTarget(target, family),
      ];
      return {
        matches: [...own, ...extended.flatMap(each => each.matches)],
        target,
        counters,
        text: texts.filter(text => text !== '').join(' '),
        place: this.place,
        targetPlace: this.targetPlace(),
      };
    });
  }

  private readHeader(): Match[] {
    const { header, family } = this;
    const [into, out] = [header.given('-i'), header.given('-o')];
    const protocol = header.given('-p');
    const fragment = header.given('-f');
    if (fragment !== undefined && family === 'ipv6')
      throw expected('no -f for ipv6', fragment.option);
    const ofProtocol = protocol && readProtocolMatch(protocol);
    return [
      ...(into ? readInterfaceMatch('in', into) : []),
      ...(out ? readInterfaceMatch('out', out) : []),
      ...(ofProtocol ? [ofProtocol] : []),
      ...(fragment ? [{ kind: 'fragment', negated: fragment.negated } as const] : []),
    ];
  }

  private targetPlace(): Place {
    const word = this.target?.options.word ?? this.chain?.word;
    return word === undefined ? this.place : { line: this.place.line, column: word.column };
  }

  private readTarget(context: RuleContext): Target {
    if (this.target !== undefined) return this.target.extension.read(this.target.options, context);
    if (this.chain === undefined) return { kind: 'none' };
    return { kind: this.chain.kind, chain: readChainName(this.chain.word) };
  }
}

function printExtension(
  extension: MatchExtension,
  matches: readonly Match[],
  family: Family,
): string {
  const parts = [
    extension.before?.(matches),
    ...(extension.instead ? [extension.instead(matches)] : matches.map(m => printMatch(m, family))),
    extension.behind?.(matches),
  ];
  return [`-m ${extension.name}`, ...parts.filter(Boolean)].join(' ');
}
