/** Names of ports, as services(5) lists them: `http 80/tcp www`. */
import { readFileSync } from 'node:fs';
import type { ServiceProtocol } from './model.js';

const SERVICES_FILE = '/etc/services';
const MAX_PORT = 0xffff;

/** By `name/protocol`: `http/tcp`. */
export type PortNames = ReadonlyMap<string, number>;

/** Lines that are none of services(5) are passed over; of two with one name the first counts. */
export function parsePortNames(text: string): PortNames {
  const names = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name, portAndProtocol, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(\w+)$/.exec(portAndProtocol ?? '') ?? [];
    if (port === undefined || Number(port) > MAX_PORT) continue;
    for (const each of [name!, ...aliases]) {
      const key = `${each}/${protocol}`;
      if (!names.has(key)) names.set(key, Number(port));
    }
  }
  return names;
}

let known: PortNames | undefined;

/** Of this machine, read once; none where the file cannot be read. */
export function systemPortNames(): PortNames {
  known ??= parsePortNames(readOrNothing(SERVICES_FILE));
  return known;
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Undefined where the list has no such name. */
export function portOfName(
  names: PortNames,
  name: string,
  protocol: ServiceProtocol,
): number | undefined {
  return names.get(`${name}/${protocol}`);
}
