/**
 * A container behind a zone that masquerades it over IPv6 and publishes its port 80 as 8080,
 * and a host outside, with real kernels: as bench/live/nat-lanes.ts has it for IPv4.
 */
import { execFileSync } from 'node:child_process';
import { Lane } from '../../bench/live/lanes.js';
import { LiveSwitch } from './live-switch.js';

export const CONTAINER = 'fd76::1';
export const BRIDGE = 'fd76::fe';
export const SERVER = 'fd77::2';
/** The router outside. */
export const ROUTER = 'fd77::fe';
export const LINK = 'fe80::fe';
export const PUBLISHED_PORT = 8080;

export interface Nat6LaneOptions {
  /** Of the router's interface outside. */
  mtuBytes?: number;
  offload?: boolean;
}

export type Nat6Lane = Lane & { live: LiveSwitch };

export async function nat6Lane(
  name: string,
  { mtuBytes = 1500, offload = true }: Nat6LaneOptions = {},
): Promise<Nat6Lane> {
  const made = new Lane(name);
  try {
    const port = (netns: string, more: string): string =>
      `{ kind: tap, segment: ${more}, netns: ${netns}, device: eth0, offload: ${offload} }`;
    const live = await LiveSwitch.start(`
ports:
  c: ${port(made.client, 'lan, hairpin: true')}
  o: ${port(made.server, 'up')}
segments:
  lan:
  up:
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: ['${BRIDGE}/64', '${LINK}/64'] }
      eth0: { segment: up, addresses: ['${ROUTER}/64', '${LINK}/64'], mtuBytes: ${mtuBytes} }
    networks:
      docker0: {}
    publish:
      - { ip: '${CONTAINER}', network: docker0, ports: ['[${ROUTER}]:${PUBLISHED_PORT}:80'] }
`);
    made.onClose(() => live.stop());
    address(made.client, CONTAINER);
    address(made.server, SERVER);
    ip('-n', made.client, '-6', 'route', 'add', 'default', 'via', BRIDGE);
    return Object.assign(made, { live });
  } catch (error) {
    await made.close();
    throw error;
  }
}

/** Without duplicate address detection, which would take a second. */
function address(netns: string, text: string): void {
  ip('-n', netns, '-6', 'addr', 'add', `${text}/64`, 'dev', 'eth0', 'nodad');
  ip('-n', netns, 'link', 'set', 'eth0', 'up');
}

export function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
