/** An answer that does not end: lines of JSON, of which a slow reader misses some. */
import type { ServerResponse } from 'node:http';
import { jsonValue } from '../json-value.js';

const MOST_UNREAD_BYTES = 1 << 20;

export class LineStream {
  private unreadLost = 0;

  constructor(private readonly response: ServerResponse) {}

  /** Begins to answer; `stop` is called when the reader goes, or has gone already. */
  open(stop: () => Promise<void>): void {
    const { response } = this;
    if (response.closed || response.destroyed) return void stop();
    response.once('close', () => void stop());
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
  }

  /**
   * Sends `events` with how many were lost before and behind them; the reader is told of
   * those it is too slow for.
   */
  send(events: readonly unknown[], { before = 0, behind = 0 } = {}): void {
    if (this.response.writableLength > MOST_UNREAD_BYTES) {
      this.unreadLost += before + events.length + behind;
      return;
    }
    const lost = (lostEvents: number): unknown[] => (lostEvents > 0 ? [{ lostEvents }] : []);
    const values = [...lost(before + this.unreadLost), ...events, ...lost(behind)];
    if (values.length === 0) return;
    this.unreadLost = 0;
    this.response.write(values.map(value => `${JSON.stringify(value, jsonValue)}\n`).join(''));
  }
}
