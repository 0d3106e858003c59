/** The router of zone.ts with a virtual IP outside, whose backends are the hosts inside. */
import { Status } from '../../assembly/abi.js';
import type { Core } from '../../src/core.js';
import type { SchedulerName } from '../../src/service/model.js';
import { lookupTable } from '../../src/service/lookup.js';
import { schedulerOf } from '../../src/service/schedulers.js';
import { NO_BACKEND } from '../../src/service/weighted.js';
import { NOBODY } from '../../src/service-table.js';
import { HOSTS, hostIp, makeRouter } from './zone.js';

export const VIP = 0xcb007150;
export const VIP_PORT = 80;
const OUTSIDE_IFACE = 1;
const BACKEND_PORT = 8080;
const TCP = 6;
const UDP = 17;

/** Filter rules as for containers; nothing is masqueraded. */
const RULES = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 203.0.113.80/32 -j ACCEPT
-A FORWARD -i docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`;

export function makeBalancer(flows: number, scheduler: SchedulerName): Core {
  const core = makeRouter(flows, RULES, {
    Services: 1,
    ServiceKeys: 2,
    Backends: HOSTS,
    Shares: 4 * HOSTS,
    BalanceBytes: 1 << 20,
  });
  const addresses = Array.from({ length: HOSTS }, (_, host) => ipBytes(hostIp(host)));
  const backends = addresses.map(address => ({
    address,
    port: BACKEND_PORT,
    weight: 1,
    upper: 0,
    lower: 0,
  }));
  const row = { zone: 0, scheduler: schedulerOf(scheduler), flags: 0 };
  core.services.set(0, { ...row, persistenceMs: 0, maskBits: 0 });
  backends.forEach((backend, i) => {
    expectOk(core.services.setBackend(i, 0, { ...backend, forwarding: 0 }));
  });
  const lookup = lookupTable({
    key: { kind: 'mark', mark: 1, family: 'ipv4' },
    scheduler,
    flags: [],
    isOnePacket: false,
    backends: backends.map(backend => ({ ...backend, forwarding: 'nat' })),
  });
  const table = Array.from(lookup ?? [], place => (place === NO_BACKEND ? NOBODY : place));
  const members = backends.map((_, i) => i);
  expectOk(core.services.setMembers(0, members, table));
  for (const protocol of [TCP, UDP]) {
    const key = { address: ipBytes(VIP), protocol, port: VIP_PORT, iface: OUTSIDE_IFACE };
    expectOk(core.services.addKey(0, key));
  }
  return core;
}

function expectOk(status: Status): void {
  if (status !== Status.Ok) throw new Error(`bench: ${Status[status]}`);
}

function ipBytes(ip: number): Uint8Array {
  return Uint8Array.of(ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255);
}
