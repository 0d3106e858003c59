/** Simulations for tests: small switches, and a run after which every equation holds. */
import * as assert from 'uvu/assert';
import type { Config } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/load.js';
import { parseIp } from '../../src/frame/address.js';
import { type Simulation, audit } from '../../src/simulate/index.js';
import type { Station } from '../../src/simulate/station.js';
import { mac } from './frame.js';

export const MS = 1e6;

/** Small, so that many fit a test. */
const SIZES = `capacities: { ports: 16, segments: 4, domains: 64, fdbEntries: 1024,
  evictEntries: 0, neighbours: 16, copyBytes: 1048576, traceRecords: 64 }`;

/** A plain switch with ports p1 to pN; `more`: keys that each port has besides. */
export function plainSwitch(ports: number, more = ''): Config {
  const lines = Array.from({ length: ports }, (_, i) => {
    return `  p${i + 1}: { kind: memory, segment: lan${more === '' ? '' : `, ${more}`} }`;
  });
  return switchOf(`segments: { lan: }\nports:\n${lines.join('\n')}`);
}

export function switchOf(text: string): Config {
  return parseConfig(`${SIZES}\n${text}`, 'test');
}

/** Runs until nothing is left to happen, and holds what must hold whatever went on. */
export function runAudited(simulation: Simulation): void {
  simulation.runUntilIdle();
  expectConserved(simulation);
}

export function expectConserved(simulation: Simulation): void {
  assert.equal(audit(simulation), []);
}

/** A station with the addresses 10.0.0.`number` and fd00::`number`. */
export function addStation(simulation: Simulation, name: string, number: number, vid = 0): Station {
  const ips = [`10.0.0.${number}`, `fd00::${number}`].map(text => parseIp(text)!);
  return simulation.addStation(name, { mac: mac(number), ips, vid });
}

/** Bounds that a count of `n` draws with probability `p` leaves once in millions of seeds. */
export function expectBinomial(got: number, n: number, p: number, what = ''): void {
  const deviations = 5;
  const reach = deviations * Math.sqrt(n * p * (1 - p));
  const [least, most] = [n * p - reach, n * p + reach];
  assert.ok(got >= least && got <= most, `${what}: ${got} is not within ${least}..${most}`);
}
