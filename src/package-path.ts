/** Files of the package, wherever it is installed and from wherever this code runs. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** Absolute path of a file given relative to the package. */
export function packagePath(file: string): string {
  return join(findRoot(), file);
}
