/**
 * Inputs that are not part of the project: captures and rule files collected elsewhere.
 * They are looked for in $SLUICE_SHARED, else in ../shared beside the project.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the project: where package.json is. */
export const PROJECT = projectRoot(dirname(fileURLToPath(import.meta.url)));

const SHARED = resolve(process.env['SLUICE_SHARED'] ?? join(PROJECT, '..', 'shared'));

/** What pcaps/MANIFEST.json says about one capture. */
export interface ManifestEntry {
  file: string;
  format: string;
  endian: string;
  ts: string;
  link_types: string[];
  packets: number;
  truncated_packets: number;
  file_end: string;
}

/** Path of a shared input; undefined, and a line on stdout, if it is not there. */
export function shared(path: string): string | undefined {
  const full = join(SHARED, path);
  if (existsSync(full)) return full;
  console.log(`skipped: no ${path} in ${SHARED} (set SLUICE_SHARED)`);
  return undefined;
}

/** The shared captures; none, and a line on stdout, if they are not there. */
export function sharedCaptures(): (ManifestEntry & { path: string })[] {
  const manifest = shared('pcaps/MANIFEST.json');
  if (manifest === undefined) return [];
  const { files } = JSON.parse(readFileSync(manifest, 'utf8')) as { files: ManifestEntry[] };
  return files.map(entry => ({ ...entry, path: join(dirname(manifest), entry.file) }));
}

function projectRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : projectRoot(dirname(from));
}
