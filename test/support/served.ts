/** A switch behind its API on a unix socket, in this process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ApiError } from '../../src/api/api-error.js';
import { ApiClient } from '../../src/api/client.js';
import { ApiServer } from '../../src/api/server.js';
import { parseConfig } from '../../src/config/load.js';
import { type PlanChange, Switch } from '../../src/switch.js';

export interface Served {
  client: ApiClient;
  path: string;
  made: Switch;
  /** Changes to another configuration, past the API. */
  reload: (text: string) => Promise<PlanChange>;
}

/** Runs a switch of `text`; what the API calls a reload is one to `reloadText`. */
export async function withServed(
  { text, reloadText = text }: { text: string; reloadText?: string },
  run: (served: Served) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-api-'));
  const path = join(folder, 'deep', 'net.sock');
  const made = await Switch.start(parseConfig(text, 'net.yaml'));
  const reload = (to: string): Promise<PlanChange> => made.reload(parseConfig(to, 'net.yaml'));
  const server = await ApiServer.listen(path, { target: made, reload: () => reload(reloadText) });
  try {
    await run({ client: new ApiClient(path), path, made, reload });
  } finally {
    await server.close();
    await made.stop();
    rmSync(folder, { recursive: true });
  }
}

/** What the API refuses with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, ApiError);
  return `${(error as ApiError).status} ${(error as ApiError).message}`;
}
