/** What the core tells beyond frames, as lines of JSON: what a slow reader misses is lost. */
import type { ServerResponse } from 'node:http';
import type { CoreEvent } from '../core-events.js';
import type { Switch } from '../switch.js';
import { DomainNames, eventView } from './overlay-views.js';

const MOST_UNREAD_BYTES = 1 << 20;
const MS_PER_SEC = 1000;

/** Begins to listen; it ends when the reader goes. */
export async function streamEvents(target: Switch, response: ServerResponse): Promise<void> {
  let unreadLost = 0;
  const stop = await target.listen((events, lostEvents) => {
    if (response.writableLength > MOST_UNREAD_BYTES) {
      unreadLost += events.length + lostEvents;
      return;
    }
    response.write(linesOf(target, events, lostEvents + unreadLost));
    unreadLost = 0;
  });
  response.once('close', () => void stop());
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
}

function linesOf(target: Switch, events: readonly CoreEvent[], lostEvents: number): string {
  const names = new DomainNames(target.plan);
  const timeSec = Date.now() / MS_PER_SEC;
  const lines = events.map(event =>
    JSON.stringify({ timeSec, ...eventView(target.plan, names, event) }),
  );
  if (lostEvents > 0) lines.unshift(JSON.stringify({ lostEvents }));
  return lines.map(line => `${line}\n`).join('');
}
