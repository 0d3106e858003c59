/** What services and backends are called: `tcp 10.0.0.5:80`, `10.0.0.6:80`. */
import { formatIp } from '../frame/address.js';
import type { Backend, ServiceKey } from './model.js';

const IPV6_BYTES = 16;

export function keyName(key: ServiceKey): string {
  if (key.kind === 'mark') return `mark ${key.mark}${key.family === 'ipv6' ? ' (IPv6)' : ''}`;
  const { protocol, address, port, lastPort } = key;
  const range = lastPort === undefined ? '' : `-${lastPort}`;
  return `${protocol} ${endName(address, port)}${range}`;
}

export function backendName({ address, port }: Backend): string {
  return endName(address, port);
}

/** An address and a port; IPv6 in brackets. */
export function endName(address: Uint8Array, port: number): string {
  const text = formatIp(address);
  return `${address.length === IPV6_BYTES ? `[${text}]` : text}:${port}`;
}
