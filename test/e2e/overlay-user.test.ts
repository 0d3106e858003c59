/** An overlay of a user without rights, in a user namespace of his own. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packagePath } from '../../src/package-path.js';

/** Nobody, where the tests run as root. */
const NOBODY = 65534;
const SCRIPT = packagePath('test/e2e/overlay-user.sh');
const SLUICE = packagePath('bin/sluice.js');
const RUN_MS = 120_000;

const isRoot = process.getuid?.() === 0;
const drop = isRoot
  ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--']
  : [];
const namespaces = ['unshare', '--user', '--map-root-user', '--net', '--fork', '--kill-child'];

function asUser(...command: readonly string[]) {
  const [name, ...words] = [...drop, ...command];
  return spawnSync(name!, words, { encoding: 'utf8', timeout: RUN_MS });
}

/** Undefined, or why it cannot be tried here. */
function whyNot(): string | undefined {
  if (asUser('test', '-r', SLUICE).status !== 0) return `${SLUICE} is not for everybody to read`;
  const made = asUser(...namespaces, 'ip', 'link', 'set', 'lo', 'up');
  if (made.status !== 0) return `no user namespaces here: ${made.stderr || made.error?.message}`;
  return undefined;
}

const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
const check = reason === undefined ? test : test.skip;

check('overlay: a user without rights joins two containers in a namespace of his own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-user-'));
  try {
    chmodSync(folder, 0o700);
    if (isRoot) chownSync(folder, NOBODY, NOBODY);
    const { status, stdout, stderr } = asUser(
      ...namespaces,
      ...['sh', SCRIPT, process.execPath, SLUICE, folder],
    );
    assert.is(status, 0, `${stdout}${stderr}`);
    assert.match(stdout, /done\n$/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
