/** What tests ask of an outcome. */
import * as assert from 'uvu/assert';
import type { Drop } from '../../assembly/abi.js';
import { Frame, hex } from './frame.js';
import type { Outcome } from './test-switch.js';

/** Ports a frame left by, in order. */
export function portsOf(outcome: Outcome): number[] {
  return outcome.sent.map(sent => sent.port);
}

/** The frame, and nothing else, left by these ports, each byte as given. */
export function expectSent(outcome: Outcome, ports: number[], frame: Frame | Uint8Array): void {
  const bytes = hex(frame instanceof Frame ? frame.bytes() : frame);
  const sent = outcome.sent.map(({ port, bytes }) => ({ port, bytes: hex(bytes) }));
  assert.equal(
    sent,
    ports.map(port => ({ port, bytes })),
  );
  assert.equal(outcome.dropped, []);
}

/** Nothing left; the one fate is this drop. */
export function expectDropped(outcome: Outcome, reason: keyof typeof Drop, port?: number): void {
  assert.equal(portsOf(outcome), []);
  assert.equal(
    outcome.dropped.map(dropped => dropped.reason),
    [reason],
  );
  if (port !== undefined) assert.is(outcome.dropped[0]?.port, port);
}

/** Each port and the frame it got, as text that shows tags: `2:u`, `5:t10`, `6:t10p3`. */
export function formsOf(outcome: Outcome): string[] {
  return outcome.sent.map(({ port, bytes }) => `${port}:${formOf(bytes)}`);
}

function formOf(bytes: Uint8Array): string {
  const view = Buffer.from(bytes);
  if (view.readUInt16BE(12) !== 0x8100) return 'u';
  const tci = view.readUInt16BE(14);
  return `t${tci & 0xfff}${tci >> 13 === 0 ? '' : `p${tci >> 13}`}`;
}
