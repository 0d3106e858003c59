/**
 * The order of ipvsadm(8) `--sort`: services by protocol, address and port, then those of marks;
 * backends by address and port. (`ipvs_cmp_services` subtracts addresses as 32-bit numbers with
 * a sign, so that there addresses that lie far apart come the wrong way round. Not so here.)
 */
import type { Backend, Service, ServiceKey, ServiceProtocol } from './model.js';

/** IANA protocol numbers. */
const PROTOCOL: Readonly<Record<ServiceProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** A copy, backends too. */
export function inListOrder(services: readonly Service[]): Service[] {
  return [...services]
    .sort((a, b) => compareKeys(a.key, b.key))
    .map(service => ({ ...service, backends: [...service.backends].sort(compareBackends) }));
}

export function compareKeys(a: ServiceKey, b: ServiceKey): number {
  if (a.kind === 'mark' || b.kind === 'mark') {
    const byMark = markOf(a) - markOf(b);
    return byMark === 0 ? familyOrder(a) - familyOrder(b) : byMark;
  }
  return (
    a.address.length - b.address.length ||
    PROTOCOL[a.protocol] - PROTOCOL[b.protocol] ||
    Buffer.compare(a.address, b.address) ||
    a.port - b.port ||
    (a.lastPort ?? a.port) - (b.lastPort ?? b.port)
  );
}

export function compareBackends(a: Backend, b: Backend): number {
  return (
    a.address.length - b.address.length || Buffer.compare(a.address, b.address) || a.port - b.port
  );
}

function markOf(key: ServiceKey): number {
  return key.kind === 'mark' ? key.mark : 0;
}

function familyOrder(key: ServiceKey): number {
  return key.kind === 'mark' && key.family === 'ipv6' ? 1 : 0;
}
