/** One line of a rule text as words, each with its column, and what is wrong with one. */

export interface Word {
  readonly text: string;
  /** Of its first character, counted from 1. */
  readonly column: number;
}

/** What is wrong with one line; `column` as in `Word`. */
export class LineFault extends Error {
  constructor(
    readonly column: number,
    problem: string,
  ) {
    super(problem);
  }
}

/** `expected what, got the word`. */
export function expected(what: string, word: Word): LineFault {
  return new LineFault(word.column, `expected ${what}, got ${word.text === '' ? '""' : word.text}`);
}

/** `word` less its first `length` characters. */
export function behind(word: Word, length: number): Word {
  return { text: word.text.slice(length), column: word.column + length };
}

/** Splits at `separator`; the parts keep their columns. */
export function splitAt(word: Word, separator: string): Word[] {
  let column = word.column;
  return word.text.split(separator).map(text => {
    const part = { text, column };
    column += text.length + separator.length;
    return part;
  });
}

/**
 * Words stand apart by white space. Between double quotes anything may stand; `\` there
 * takes the next character as it is. Throws LineFault for a quote that does not end.
 */
export function splitWords(line: string): Word[] {
  if (!line.includes('"')) return plainWords(line);
  const words: Word[] = [];
  let at = 0;
  while (at < line.length) {
    if (/\s/.test(line[at]!)) {
      at++;
      continue;
    }
    const { text, end } = readWord(line, at);
    words.push({ text, column: at + 1 });
    at = end;
  }
  return words;
}

function plainWords(line: string): Word[] {
  const words: Word[] = [];
  for (const match of line.matchAll(/\S+/g))
    words.push({ text: match[0], column: match.index + 1 });
  return words;
}

function readWord(line: string, start: number): { text: string; end: number } {
  let text = '';
  let quoteAt = -1;
  let at = start;
  for (; at < line.length; at++) {
    const char = line[at]!;
    if (quoteAt < 0 && /\s/.test(char)) break;
    if (char === '"') quoteAt = quoteAt < 0 ? at : -1;
    else if (quoteAt >= 0 && char === '\\' && at + 1 < line.length) text += line[++at]!;
    else text += char;
  }
  if (quoteAt >= 0) throw new LineFault(quoteAt + 1, 'expected an end of this quote, got none');
  return { text, end: at };
}

/** As `iptables-save` writes text: in quotes unless it is plain. */
export function quote(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replace(/["'\\]/g, '\\$&')}"`;
}
