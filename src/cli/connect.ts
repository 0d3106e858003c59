/** Finding the control socket of a running switch. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import { ConfigError } from '../config/config-error.js';

export const SOCKET_FOLDER = '/run/sluice';
const SOCKET_ENDING = '.sock';

export interface ClientOptions {
  socket?: string;
  json?: boolean;
}

/** Path of a switch's socket unless its configuration says otherwise. */
export function defaultSocket(name: string): string {
  return join(SOCKET_FOLDER, `${name}${SOCKET_ENDING}`);
}

/** Options of every command that talks to a running switch. */
export function withClientOptions(command: Command): Command {
  return command
    .option('--socket <path>', 'control socket of the switch')
    .option('--json', 'print JSON');
}

/** Throws a `ConfigError` when it is not clear which switch is meant. */
export function connectTo(options: ClientOptions): ApiClient {
  return new ApiClient(options.socket ?? process.env['SLUICE_SOCKET'] ?? onlySocket());
}

function onlySocket(): string {
  const names = existsSync(SOCKET_FOLDER) ? readdirSync(SOCKET_FOLDER) : [];
  const sockets = names.filter(name => name.endsWith(SOCKET_ENDING));
  const [only, ...others] = sockets;
  if (only !== undefined && others.length === 0) return join(SOCKET_FOLDER, only);
  const got = only === undefined ? `none in ${SOCKET_FOLDER}` : sockets.join(', ');
  throw new ConfigError('--socket', `expected the path of one running switch, got ${got}`);
}
