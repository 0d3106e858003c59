/** Texts that commands take: of a file or of the standard input. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../config/config-error.js';

const STDIN = 0;

/** `what` is expected in it. `-`: the standard input. */
export function readText(file: string, what: string): string {
  try {
    return readFileSync(file === '-' ? STDIN : file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new ConfigError(file, `expected ${what}, got ${reason}`);
  }
}
