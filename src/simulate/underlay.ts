/** What a simulated host needs of its underlays. */
import { createHash } from 'node:crypto';
import type { Config } from '../config/config.js';
import { type Plan, planOf } from '../config/plan.js';
import { formatMac } from '../frame/mac.js';

/** Devices are what they usually are: no configuration can ask for more. */
const DEVICE_MTU_BYTES = 1500;
/** Locally administered, as Docker begins its own. */
const MAC_START = [0x02, 0x42];
const MAC_HASH_BYTES = 4;

/** The plan of a host: of the devices of its packet ports, which are not there, we make one up. */
export function planHost(host: string, config: Config): Plan {
  const plan = planOf(config);
  for (const port of plan.ports) {
    if (port.config.kind !== 'packet') continue;
    const mac = madeMac(`${host}.${port.name}`);
    port.device = { mac, mtuBytes: DEVICE_MTU_BYTES };
  }
  return plan;
}

/** The same for the same name, and for no other, or nearly. */
function madeMac(name: string): string {
  const hash = createHash('sha256').update(name).digest();
  return formatMac(Uint8Array.from([...MAC_START, ...hash.subarray(0, MAC_HASH_BYTES)]));
}

/** Our own addresses of the underlays that a port carries. */
export function underlayAddresses({ underlays }: Config, port: string): string[] {
  const carried = underlays.filter(underlay => underlay.port === port);
  return carried.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
}
