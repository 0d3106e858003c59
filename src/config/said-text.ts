/** Texts of other tools that stand in a configuration, or in files that it names. */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ConfigError } from './config-error.js';

/** What its places are places of: a file, or the path in the configuration. */
export interface SaidText {
  text: string;
  file: string;
}

/**
 * A text has several lines, the name of a file has one; it is looked for from `folder` on.
 * `form` is the tool that the text is of.
 */
export function saidText(path: string, said: string, folder: string, form: string): SaidText {
  if (said.includes('\n')) return { text: said, file: path };
  const file = isAbsolute(said) ? said : join(folder, said);
  try {
    return { text: readFileSync(file, 'utf8'), file };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ConfigError(path, `expected a file of ${form}, got ${reason} of ${file}`);
  }
}
