/** Connections and timeouts as `ipvsadm -L -n -c` and `-L --timeout` list them. */
import type { Timeouts } from './command.js';
import type { ServiceProtocol } from './model.js';
import { addressText } from './print.js';

export interface AddressPort {
  readonly address: Uint8Array;
  readonly port: number;
}

export interface Connection {
  /** Undefined for the template of a service of a mark, which is of any. */
  readonly protocol: ServiceProtocol | undefined;
  readonly expiresSec: number;
  /** As the kernel names them (`ip_vs_state_name`): `ESTABLISHED`, `FIN_WAIT`, `UDP`, `NONE`. */
  readonly state: string;
  readonly client: AddressPort;
  readonly virtual: AddressPort;
  readonly backend: AddressPort;
}

/** In the order given, as ipvsadm does not sort them. */
export function listConnections(connections: readonly Connection[]): string {
  const title = [
    'IPVS connection entries',
    'pro expire state       source             virtual            destination',
  ];
  const lines = connections.map(each => {
    const { protocol, expiresSec, state, client, virtual, backend } = each;
    return [
      (protocol ?? 'ip').toUpperCase().padEnd(3),
      expiry(expiresSec).padEnd(6),
      state.padEnd(11),
      addressText(client).padEnd(18),
      addressText(virtual).padEnd(18),
      addressText(backend),
    ].join(' ');
  });
  return `${[...title, ...lines].join('\n')}\n`;
}

/** Minutes and seconds; the minutes may be three digits and more. */
function expiry(seconds: number): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${two(Math.floor(seconds / 60))}:${two(Math.floor(seconds) % 60)}`;
}

export function listTimeouts({ tcpSec, tcpFinSec, udpSec }: Timeouts): string {
  return `Timeout (tcp tcpfin udp): ${tcpSec} ${tcpFinSec} ${udpSec}\n`;
}
