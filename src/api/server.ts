/**
 * The control API: JSON over HTTP on a unix socket that only its owner may use.
 *
 * A socket file that nobody listens on (its process was killed) is replaced; one that
 * somebody listens on is an error.
 */
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ConfigError } from '../config/config-error.js';
import { ApiError } from './api-error.js';
import { ApiRequest } from './request.js';
import { type ApiContext, routeOf } from './routes.js';

const OWNER_ONLY = 0o600;
const OWNER_ONLY_UMASK = 0o177;

export class ApiServer {
  private constructor(
    private readonly server: Server,
    readonly path: string,
  ) {}

  /** Listens on `path`. Throws an Error that names it when another process does. */
  static async listen(path: string, context: ApiContext): Promise<ApiServer> {
    mkdirSync(dirname(path), { recursive: true });
    if (await isInUse(path)) {
      throw new Error(`control socket ${path}: in use by another process; choose --socket`);
    }
    rmSync(path, { force: true });
    const server = createServer((message, response) => void answer(context, message, response));
    const umask = process.umask(OWNER_ONLY_UMASK);
    try {
      server.listen(path);
      await once(server, 'listening');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Error(`listen ${path}: ${code ?? (error as Error).message}`);
    } finally {
      process.umask(umask);
    }
    chmodSync(path, OWNER_ONLY);
    return new ApiServer(server, path);
  }

  /** Ends captures too. Removes the socket file. */
  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
    rmSync(this.path, { force: true });
  }
}

/** Whether a process listens there. */
async function isInUse(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function answer(
  context: ApiContext,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const request = new ApiRequest(message, response);
    await routeOf(request)(context, request);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else refuse(response, error as Error);
  }
}

function refuse(response: ServerResponse, error: Error): void {
  const status = error instanceof ApiError ? error.status : statusOf(error);
  const problems = error instanceof ConfigError ? error.problems : undefined;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ error: { message: error.message, problems } })}\n`);
}

function statusOf(error: Error): number {
  return error instanceof ConfigError ? 400 : 500;
}
