/** One request: its path, query and body, checked as they are read. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { nearest } from '../config/nearest.js';
import { jsonValue } from '../json-value.js';
import { ApiError } from './api-error.js';

const MAX_BODY_BYTES = 1 << 20;

export type Body = Record<string, unknown>;

export class ApiRequest {
  readonly method: string;
  /** Without the version: `['fdb', 'flush']`. */
  readonly path: string[];
  readonly query: URLSearchParams;

  constructor(
    private readonly message: IncomingMessage,
    readonly response: ServerResponse,
  ) {
    const url = new URL(message.url ?? '/', 'http://localhost');
    this.method = message.method ?? 'GET';
    this.path = url.pathname
      .split('/')
      .filter(part => part !== '')
      .map(decodePart);
    this.query = url.searchParams;
  }

  /** Refuses query parameters that nobody will read. */
  allowQuery(...known: string[]): void {
    for (const key of this.query.keys()) expectKnown('query', key, known);
  }

  /** A parameter, or undefined when it is absent or empty. */
  text(name: string): string | undefined {
    const value = this.query.get(name);
    return value === null || value === '' ? undefined : value;
  }

  /** The JSON object in the body; only with these keys. */
  async body(...known: string[]): Promise<Body> {
    return this.bodyOf(MAX_BODY_BYTES, ...known);
  }

  /** The same of at most so many bytes. */
  async bodyOf(mostBytes: number, ...known: string[]): Promise<Body> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.message) {
      bytes += (chunk as Buffer).length;
      if (bytes > mostBytes) {
        throw new ApiError(400, `body: expected at most ${mostBytes >> 20} MiB`);
      }
      chunks.push(chunk as Buffer);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    const value = text === '' ? {} : parseJson(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ApiError(400, 'body: expected a JSON object');
    }
    for (const key of Object.keys(value)) expectKnown('body', key, known);
    return value as Body;
  }

  /** Answers with JSON. */
  json(value: unknown, status = 200): void {
    this.response.writeHead(status, { 'content-type': 'application/json' });
    this.response.end(`${JSON.stringify(value, jsonValue)}\n`);
  }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ApiError(400, `path: expected valid %-escapes, got ${part}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError(400, `body: expected JSON: ${(error as Error).message}`);
  }
}

function expectKnown(where: string, key: string, known: readonly string[]): void {
  if (known.includes(key)) return;
  const meant = nearest(key, known);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  const list = known.length === 0 ? 'nothing' : `one of ${known.join(', ')}`;
  throw new ApiError(400, `${where}: expected ${list}, got ${key}${hint}`);
}
