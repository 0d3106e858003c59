/** Showing something once, or again and again until interrupted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { type ClientOptions, withClientOptions } from './connect.js';
import { printJson, printJsonLine, printLine } from './output.js';
import { positiveNumber } from './parse.js';

export interface WatchOptions extends ClientOptions {
  watch?: number | true;
}

export interface Shown {
  value: unknown;
  /** For people; `seconds` since the view before, which is there when watching. */
  text: string;
}

const DEFAULT_WATCH_SEC = 1;
const MS_PER_SEC = 1000;
const HOME_AND_CLEAR = '\u001b[H\u001b[2J';

export function withWatchOptions(command: Command): Command {
  const parse = (text: string): number => {
    const seconds = positiveNumber(text);
    if (seconds > 86400) throw new InvalidArgumentError('Expected at most a day.');
    return seconds;
  };
  return withClientOptions(command).option(
    '--watch [seconds]',
    'show it again every so many seconds (default: 1), with what has changed since',
    parse,
  );
}

/** `show` is given what it returned the last time as `value`. */
export async function showAndWatch(
  options: WatchOptions,
  show: (before: unknown, seconds: number) => Promise<Shown>,
): Promise<void> {
  const { watch, json } = options;
  const seconds = watch === true || watch === undefined ? DEFAULT_WATCH_SEC : watch;
  const clear = process.stdout.isTTY && !json ? HOME_AND_CLEAR : '';
  let before: unknown;
  for (;;) {
    const { value, text } = await show(before, seconds);
    if (watch === undefined) {
      if (json) printJson(value);
      else printLine(text);
      return;
    }
    if (json) printJsonLine(value);
    else printLine(`${clear}${text}`);
    before = value;
    await sleep(seconds * MS_PER_SEC);
  }
}
