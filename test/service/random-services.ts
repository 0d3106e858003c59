/** Services at random, all that ipvsadm can say. */
import { SCHEDULERS } from '../../src/service/read-values.js';
import { keyText } from '../../src/service/print.js';
import type {
  Backend,
  Forwarding,
  SchedulerFlag,
  SchedulerName,
  Service,
  ServiceKey,
  ServiceProtocol,
} from '../../src/service/model.js';

type Below = (below: number) => number;
const PROTOCOLS: readonly ServiceProtocol[] = ['tcp', 'udp', 'sctp'];
const FORWARDINGS: readonly Forwarding[] = ['nat', 'direct', 'tunnel'];
const MOST_SERVICES = 6;
const MOST_BACKENDS = 4;

/** Distinct keys, distinct backends. */
export function randomServices(below: Below): Service[] {
  const services = Array.from({ length: 1 + below(MOST_SERVICES) }, () => randomService(below));
  return [...new Map(services.map(service => [keyText(service.key), service])).values()];
}

function pick<T>(below: Below, list: readonly T[]): T {
  return list[below(list.length)]!;
}

function randomAddress(below: Below, family: 'ipv4' | 'ipv6'): Uint8Array {
  if (family === 'ipv4') return Uint8Array.of(1 + below(223), below(256), below(256), below(256));
  const tail = () => (below(2) === 0 ? 0 : below(256));
  return Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? 0xfd : tail()));
}

/** Of services without persistence there are none of all ports. */
function randomKey(below: Below, isPersistent: boolean): ServiceKey {
  const family = pick(below, ['ipv4', 'ipv6'] as const);
  if (below(4) === 0) return { kind: 'mark', mark: 1 + below(0xffffffff), family };
  const port = isPersistent && below(3) === 0 ? 0 : 1 + below(60000);
  const address = randomAddress(below, family);
  const key = { kind: 'address', protocol: pick(below, PROTOCOLS), address, port } as const;
  return port > 0 && below(6) === 0 ? { ...key, lastPort: port + 1 + below(5000) } : key;
}

function randomFlags(below: Below, scheduler: SchedulerName): SchedulerFlag[] {
  if (scheduler !== 'sh' && scheduler !== 'mh') return [];
  const flags = [`${scheduler}-fallback`, `${scheduler}-port`] as const;
  return flags.filter(() => below(2) === 0);
}

function randomService(below: Below): Service {
  const isPersistent = below(2) === 0;
  const key = randomKey(below, isPersistent);
  const scheduler = pick(below, SCHEDULERS);
  const canBeOnePacket = key.kind === 'mark' || key.protocol === 'udp';
  const isV4 = key.kind === 'mark' ? key.family === 'ipv4' : key.address.length === 4;
  const maskBits = 1 + below(isV4 ? 32 : 128);
  const persistence = { timeoutSec: 1 + below(2678400), maskBits };
  const backends = Array.from({ length: below(MOST_BACKENDS) }, () =>
    randomBackend(below, key, isV4),
  );
  return {
    key,
    scheduler,
    flags: randomFlags(below, scheduler),
    ...(isPersistent ? { persistence } : {}),
    isOnePacket: canBeOnePacket && below(3) === 0,
    backends: [...new Map(backends.map(each => [nameOf(each), each])).values()],
  };
}

function nameOf({ address, port }: Backend): string {
  return `${address.join('.')} ${port}`;
}

function randomBackend(below: Below, key: ServiceKey, isV4: boolean): Backend {
  const forwarding = pick(below, FORWARDINGS);
  const isOther = forwarding === 'tunnel' && below(3) === 0;
  const upper = below(3) === 0 ? 1 + below(65535) : 0;
  const own = key.kind === 'address' && key.lastPort === undefined ? key.port : 0;
  const isFree = key.kind === 'mark' || forwarding === 'nat';
  return {
    address: randomAddress(below, isV4 !== isOther ? 'ipv4' : 'ipv6'),
    port: isFree && below(2) === 0 ? below(65536) : own,
    forwarding,
    weight: below(3) === 0 ? below(65536) : 1,
    upper,
    lower: upper > 0 && below(2) === 0 ? below(upper + 1) : 0,
  };
}
