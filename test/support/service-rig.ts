/**
 * A router with services, driven frame by frame: clients 203.0.113.N outside, at port 2,
 * backends 10.0.1.N inside, at port 1; the virtual IP is 203.0.113.80 (conformance §A7).
 */
import * as assert from 'uvu/assert';
import type { Drop } from '../../assembly/abi.js';
import { releaseServices, writeServices } from '../../src/config/apply-services.js';
import { type PlannedService, planServices } from '../../src/config/plan-services.js';
import type { Capacities } from '../../src/core.js';
import { parseIp } from '../../src/frame/address.js';
import type { Backend, Forwarding, Service, ServiceProtocol } from '../../src/service/model.js';
import { type Frame, eth } from './frame.js';
import { type Seen, hostIp, hostMac, seen, serverIp, serverMac } from './nat-rig.js';
import type { Outcome } from './test-switch.js';
import { expectClean } from './tshark.js';
import { INSIDE, OUTSIDE, type RigOptions, ZONE_SIZES, ZoneRig } from './zone-rig.js';

export const VIP = '203.0.113.80';
export const VIP_PORT = 80;
export const CLIENT = 3;

export interface BackendWords extends Partial<Omit<Backend, 'address' | 'forwarding'>> {
  /** Its host number. */
  n: number;
  forwarding?: Forwarding;
}

export interface ServiceWords extends Partial<Omit<Service, 'key' | 'backends'>> {
  backends: readonly BackendWords[];
  vip?: string;
  port?: number;
  lastPort?: number;
  protocol?: ServiceProtocol;
  mark?: number;
}

export function serviceOf(words: ServiceWords): Service {
  const { backends, vip = VIP, port = VIP_PORT, lastPort, protocol = 'tcp', mark } = words;
  const { scheduler = 'rr', flags = [], persistence, tableSlots, isOnePacket = false } = words;
  return {
    key:
      mark !== undefined
        ? { kind: 'mark', mark, family: 'ipv4' }
        : {
            kind: 'address',
            protocol,
            address: parseIp(vip)!,
            port,
            ...(lastPort !== undefined && { lastPort }),
          },
    scheduler,
    flags,
    ...(persistence !== undefined && { persistence }),
    ...(tableSlots !== undefined && { tableSlots }),
    isOnePacket,
    backends: backends.map(({ n, forwarding = 'nat', ...rest }) => ({
      port: mark === undefined && lastPort === undefined ? port : 0,
      weight: 1,
      upper: 0,
      lower: 0,
      ...rest,
      forwarding,
      address: parseIp(hostIp(n))!,
    })),
  };
}

const emitted: Uint8Array[] = [];

function kept(outcome: Outcome): Outcome {
  emitted.push(...outcome.sent.map(({ bytes }) => bytes));
  return outcome;
}

/** tshark finds no fault in what the rigs of this file have sent. */
export function expectAllSound(): void {
  assert.ok(emitted.length > 0);
  expectClean(emitted);
}

export class ServiceRig {
  private planned: PlannedService[] = [];

  private constructor(readonly zone: ZoneRig) {}

  /** Backends with these host numbers are known at port 1. */
  static create(hosts: readonly number[], options: RigOptions = {}): ServiceRig {
    const rig = new ServiceRig(ZoneRig.router(options));
    for (const n of hosts) rig.zone.settle(1, hostMac(n), hostIp(n));
    for (const n of [2, CLIENT, 254]) rig.zone.settle(2, serverMac(n), serverIp(n));
    return rig;
  }

  /** These services and no others. */
  services(...words: ServiceWords[]): this {
    const placed = words.map(one => ({
      zone: { name: 'test', index: 0 },
      iface: this.zone.indexOf('out'),
      service: serviceOf(one),
    }));
    const sizes = { Services: ZONE_SIZES.Services, Backends: ZONE_SIZES.Backends };
    const wanted = planServices(placed, this.planned, sizes);
    releaseServices(this.zone.core, wanted, this.planned);
    writeServices(this.zone.core, wanted, this.planned, ZONE_SIZES as unknown as Capacities);
    this.planned = wanted;
    return this;
  }

  /** Number of the backend with a host number, of the first service. */
  backendIndex(n: number, service = 0): number {
    const name = hostIp(n);
    const { backends } = this.planned[service]!;
    return backends.find(backend => backend.name.startsWith(`${name}:`))!.index;
  }

  counts(n: number, service = 0): ReturnType<ZoneRig['core']['services']['counts']> {
    this.zone.core.services.fold();
    return this.zone.core.services.counts(this.backendIndex(n, service));
  }

  /** From a client to the virtual IP. */
  fromClient(client = CLIENT, to = VIP): Frame {
    return eth(serverMac(client), OUTSIDE.mac).ipv4(serverIp(client), to);
  }

  fromBackend(n: number, client = CLIENT): Frame {
    return eth(hostMac(n), INSIDE.mac).ipv4(hostIp(n), serverIp(client));
  }

  /** From a client that is behind the gateway outside. */
  fromAfar(source: string, to = VIP): Frame {
    return eth(serverMac(254), OUTSIDE.mac).ipv4(source, to);
  }

  /** From outside, by port 2. */
  send(frame: Frame | Uint8Array): Outcome {
    return kept(this.zone.send(2, frame));
  }

  /** From inside, by port 1. */
  answer(frame: Frame | Uint8Array): Outcome {
    return kept(this.zone.send(1, frame));
  }

  /** Drops of a reason so far. */
  drops(reason: Drop): number {
    return Number(this.zone.core.dropTotals().get(reason) ?? 0n);
  }

  /** Host number of the backend that a SYN from `source:port` goes to; undefined: none. */
  choose(port: number, source = serverIp(CLIENT), to = VIP, toPort = VIP_PORT): number | undefined {
    const out = this.send(
      this.fromAfar(source, to).tcp(port, toPort, { flags: SYN, sequence: 1000 }),
    );
    const [sent] = out.sent.filter(frame => frame.port === 1);
    return sent === undefined ? undefined : hostNumber(seen(sent));
  }

  /** Goes on with a connection until both ends agree. */
  establish(n: number, port: number, client = CLIENT): void {
    const back = this.fromBackend(n, client).tcp(VIP_PORT, port, {
      flags: SYN | ACK,
      sequence: 5000,
      acknowledged: 1001,
    });
    assert.equal(this.answer(back).dropped, []);
    const ack = this.fromClient(client).tcp(port, VIP_PORT, {
      flags: ACK,
      sequence: 1001,
      acknowledged: 5001,
    });
    assert.equal(this.send(ack).dropped, []);
  }
}

export const SYN = 0x02;
export const ACK = 0x10;
export const FIN = 0x01;
export const RST = 0x04;

export function hostNumber({ destination }: Seen): number {
  return Number(destination.split('.').at(-1));
}
