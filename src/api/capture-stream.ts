/** A live capture as lines of JSON, at the reader's pace: what it does not read is lost. */
import type { ServerResponse } from 'node:http';
import type { CaptureSpec } from '../loop-messages.js';
import type { Captured, Switch } from '../switch.js';
import { frameView } from './views.js';

/** Begins the capture; it ends when the reader goes. */
export async function streamCapture(
  target: Switch,
  spec: Omit<CaptureSpec, 'id'>,
  response: ServerResponse,
): Promise<void> {
  const stop = await target.capture(spec, captured => write(target, response, captured));
  response.once('close', () => void stop());
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
}

function write(target: Switch, response: ServerResponse, captured: Captured): void {
  const { frames, lostFrames, release } = captured;
  if (response.destroyed) return release();
  const ports = new Map(target.plan.ports.map(port => [port.index, port.name]));
  const lines = frames.map(frame => JSON.stringify(frameView(frame, ports)));
  if (lostFrames > 0) lines.unshift(JSON.stringify({ lostFrames }));
  response.write(`${lines.join('\n')}\n`, release);
}
