/** What the core tells beyond frames, and what rules log, as lines of JSON. */
import type { ServerResponse } from 'node:http';
import type { Switch } from '../switch.js';
import { LineStream } from './line-stream.js';
import { logView } from './log-view.js';
import { DomainNames, eventView } from './overlay-views.js';

const MS_PER_SEC = 1000;

/** Begins to listen; it ends when the reader goes. */
export async function streamEvents(target: Switch, response: ServerResponse): Promise<void> {
  const lines = new LineStream(response);
  const stops = [
    await target.listen((events, lostEvents) => {
      const names = new DomainNames(target.plan);
      const timeSec = Date.now() / MS_PER_SEC;
      const views = events.map(event => ({ timeSec, ...eventView(target.plan, names, event) }));
      lines.send(views, { before: lostEvents });
    }),
    await target.listenToLogs((packets, lost) => {
      const views = packets.flatMap(logged => logView(target.plan, logged) ?? []);
      lines.send(views, { behind: lost });
    }),
  ];
  lines.open(async () => {
    for (const stop of stops) await stop();
  });
}
